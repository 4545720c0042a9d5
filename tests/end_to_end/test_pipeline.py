"""The pipeline on real files, with an assessor that only says what it was given."""

import os
import shutil
from dataclasses import dataclass, field

import numpy as np
import pytest

from opacimeter.checks import Check
from opacimeter.errors import Cancelled, IntakeRejected, NotFound
from opacimeter.findings import Assessment, Histogram, Network, Profile, Segmentation
from opacimeter.intake import find
from opacimeter.pipeline import Pipeline, assess_study, same_images
from opacimeter.record import Record, assessment_id
from tests.fakes import Clock

NO_LUNG = Check("not-chest", "No lung was found.")


def assessment_of(volume):
    """An assessment that found nothing."""
    nothing = np.zeros(0)
    labels = np.zeros(volume.hu.shape, np.uint8)
    probability = np.zeros((1, 1, 1), np.float16)
    return Assessment(
        volume=volume,
        segmentation=Segmentation(labels, probability, Network("none", "0.0.0", "0" * 64)),
        measurements=(),
        lesions=(),
        profile=Profile(nothing, nothing, nothing),
        histogram=Histogram(np.zeros(1), nothing, nothing),
        checks=volume.checks,
        seconds={"segment": 1.0, "measure": 2.0},
    )


@dataclass
class Assess:
    """Finds no lung in the first few series it is shown."""

    blind: int = 0
    seen: list = field(default_factory=list)

    def __call__(self, volume, *, progress=None):
        self.seen.append(volume.series.uid)
        if len(self.seen) <= self.blind:
            raise IntakeRejected((NO_LUNG,))
        progress(0.5)
        progress(1.0)
        return assessment_of(volume)


@dataclass
class Desk:
    """Remembers what is handed in."""

    record: Record
    paths: list
    problems: tuple = ()
    steps: list = field(default_factory=list)
    handed: list = field(default_factory=list)

    def files(self):
        return self.paths

    def progress(self, step, fraction):
        self.steps.append((step, fraction))

    def keep(self, documents, *, checks, summary):
        self.handed.append(("kept", checks))

    def reject(self, documents, *, checks):
        self.handed.append(("rejected", [check.code for check in checks]))


def quirk(data, name, tmp_path):
    (study,) = find([data / "dicom_quirks" / name / "files"], workspace=tmp_path)
    return study


def test_the_steps_are_told_in_their_order(data, tmp_path):
    told = []
    study = quirk(data, "02-instance-number", tmp_path)
    found = assess_study(study, Assess(), progress=lambda *step: told.append(step))
    assert told == [("read", 0.0), ("segment", 0.0), ("segment", 0.5), ("measure", 0.0)]
    assert list(found.seconds) == ["read", "segment", "measure"]


def test_where_the_chosen_series_shows_no_lung_the_next_one_is_taken(data, tmp_path):
    study = quirk(data, "03a-kernels-same-thickness", tmp_path)
    assess = Assess(blind=1)
    found = assess_study(study, assess)
    assert len(set(assess.seen)) == 2
    assert found.volume.series.uid == assess.seen[1]
    assert "No lung" in found.volume.series.chosen_because


def test_where_no_series_shows_a_lung_the_study_is_rejected_with_a_header(data, tmp_path):
    study = quirk(data, "03a-kernels-same-thickness", tmp_path)
    with pytest.raises(IntakeRejected) as rejected:
        assess_study(study, Assess(blind=9))
    assert rejected.value.checks == (NO_LUNG,)
    assert rejected.value.header.StudyInstanceUID == study.uid


def test_a_series_that_was_asked_for_is_the_only_one_tried(data, tmp_path):
    study = quirk(data, "03a-kernels-same-thickness", tmp_path)
    assess = Assess(blind=1)
    with pytest.raises(IntakeRejected):
        assess_study(study, assess, series_uid=study.instances[0].uid("SeriesInstanceUID"))
    assert len(assess.seen) == 1
    with pytest.raises(NotFound):
        assess_study(study, assess, series_uid="1.2.3")


def test_a_cancellation_is_noticed_while_the_images_are_read(data, tmp_path):
    study = quirk(data, "02-instance-number", tmp_path)
    stuck = study.instances[3].path
    copies = tmp_path / "copies"
    copies.mkdir()
    for instance in study.instances:
        shutil.copy(instance.path, copies / instance.path.name)
    (study,) = find([copies], workspace=tmp_path)
    pipe = copies / stuck.name
    pipe.unlink()
    os.mkfifo(pipe)  # opening it blocks, as a disk that hangs does
    asked = []

    def cancelled(step, fraction):
        asked.append(step)
        if len(asked) > 1:
            raise Cancelled("the user cancelled the assessment")

    with pytest.raises(Cancelled):
        assess_study(study, Assess(), progress=cancelled)
    assert asked == ["read", "read"]
    with pipe.open("wb"):  # lets the thread go that reads on
        pass


def desk_of(study, **more):
    record = Record(assessment_id(study.uid), 1, Clock()(), study.uid)
    return Desk(record, [instance.path for instance in study.instances], **more)


def test_a_study_with_a_gap_is_rejected_with_documents(data, tmp_path):
    desk = desk_of(quirk(data, "05-missing-one", tmp_path))
    Pipeline(Assess(), tmp_path).run(desk)
    ((outcome, codes),) = desk.handed
    assert outcome == "rejected"
    assert "slice-gap" in codes


def test_what_was_wrong_with_the_delivery_rejects_the_study_in_the_worker_too(data, tmp_path):
    broken = Check("damaged-file", "1 archive ends early.")
    desk = desk_of(quirk(data, "02-instance-number", tmp_path), problems=(broken,))
    Pipeline(Assess(), tmp_path).run(desk)
    ((outcome, codes),) = desk.handed
    assert outcome == "rejected"
    assert "damaged-file" in codes


def pairs(data, name):
    """Two files of one SOPInstanceUID each."""
    by_uid = {}
    folder = data / "dicom_quirks" / name / "files"
    (study,) = find([folder], workspace=folder)
    for instance in study.instances:
        by_uid.setdefault(instance.uid("SOPInstanceUID"), []).append(instance.path)
    return [tuple(paths) for paths in by_uid.values() if len(paths) == 2]


def test_an_image_that_was_merely_re_encoded_is_the_same(data):
    found = pairs(data, "08b-same-object-other-coding")
    assert len(found) == 3
    assert same_images(found) == [True] * 3


def test_another_image_under_the_same_uid_is_not_the_same(data):
    found = pairs(data, "11-uid-conflict")
    assert same_images(found) == [False]
