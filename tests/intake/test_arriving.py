"""What one object says of itself, and the rules for what is assessed unasked."""

import pytest
from pydicom.uid import SegmentationStorage

from opacimeter.intake import Limits, Rules, look
from tests.intake.series import SERIES, STUDY, as_bytes, image, removing, setting


def looked(tmp_path, change=None, rules=Rules(), **asked):  # noqa: B008 - frozen
    header = image(0)
    if change:
        change(header, 0)
    path = tmp_path / "object"
    path.write_bytes(header if isinstance(header, bytes) else as_bytes(header))
    return look(path, limits=Limits(), rules=rules, **asked)


def test_an_image_tells_its_names(tmp_path):
    arrived = looked(tmp_path)
    assert (arrived.study_uid, arrived.series_uid) == (STUDY, SERIES)
    assert (arrived.is_image, arrived.is_wanted) == (True, True)


def test_an_object_of_another_class_is_no_image(tmp_path):
    assert not looked(tmp_path, setting(SOPClassUID=SegmentationStorage)).is_image


@pytest.mark.parametrize("missing", ["StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID"])
def test_an_object_without_a_name_is_none(tmp_path, missing):
    assert looked(tmp_path, removing(missing)) is None


def test_a_uid_that_is_none_names_nothing(tmp_path):
    assert looked(tmp_path, setting(StudyInstanceUID="1." * 40)) is None
    assert looked(tmp_path, setting(StudyInstanceUID="../../etc")) is None


def test_a_file_that_ends_within_its_header_is_no_object(tmp_path):
    path = tmp_path / "cut"
    path.write_bytes(as_bytes(image(0))[:500])
    assert look(path, limits=Limits(), rules=Rules()) is None


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        (Rules(body_part="chest|thorax"), True),
        (Rules(body_part="^ABDOMEN$"), False),
        (Rules(description="lung|thorax"), True),  # of the protocol
        (Rules(description="knee"), False),
        (Rules(body_part="chest", description="knee"), False),
        (Rules(callers=("CT1",)), True),
        (Rules(callers=("CT2",)), False),
    ],
)
def test_the_rules_ask_for_images_by_what_they_say(tmp_path, rules, wanted):
    said = setting(
        BodyPartExamined="CHEST", SeriesDescription="Axial", ProtocolName="Low dose LUNG"
    )
    assert looked(tmp_path, said, rules, caller="CT1").is_wanted is wanted


def test_what_an_image_leaves_out_passes(tmp_path):
    rules = Rules(body_part="chest", description="lung", callers=("CT1",))
    assert looked(tmp_path, None, rules).is_wanted
