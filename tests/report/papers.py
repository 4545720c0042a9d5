"""Assessments for the tests of what people read: realistic headers over box lungs."""

from dataclasses import replace
from pathlib import Path

from pydicom.uid import UID, CTImageStorage

from opacimeter.findings import Assessment
from opacimeter.report import render
from opacimeter.volume import Series, Slice
from tests.boxes import header

STUDY, SERIES = "1.2.3", "1.2.3.4"


def with_header(assessment: Assessment, **values: object) -> Assessment:
    """The assessment of images whose headers have UIDs, and these values."""
    volume = assessment.volume
    slices = []
    for index in range(len(volume.hu)):
        one = header(
            SOPClassUID=CTImageStorage,
            SOPInstanceUID=UID(f"1.2.3.4.{index + 1}"),
            StudyInstanceUID=UID(STUDY),
            StudyTime="101500",
            StudyID="1",
            ReferringPhysicianName="",
            **values,
        )
        slices.append(Slice(one, Path("x")))
    series = Series(STUDY, SERIES, tuple(slices), chosen_because="It is the only series.")
    return replace(assessment, volume=replace(volume, series=series))


def written(assessment: Assessment, record, folder: Path, *names: str) -> list[Path]:
    """The named documents, written to a folder."""
    paths = []
    for name in names:
        (document,) = (one for one in render(assessment, record) if one.name == name)
        document.write(folder / name)
        paths.append(folder / name)
    return paths
