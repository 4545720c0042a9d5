"""The checks on what the carried network finds; they hold for any sane weights."""

import nibabel as nib
import numpy as np
import pytest

from opacimeter.assess import Assessor
from opacimeter.errors import IntakeRejected
from opacimeter.findings import Quantity
from opacimeter.intake import find, load
from tests.boxes import volume_of
from tests.conftest import ROOT
from training.phantom import Patient, Position, Region, Scan, scan

COARSE = {"slices": 30, "rows": 80, "columns": 96, "spacing_mm": (9.0, 4.6, 3.9)}


@pytest.fixture(scope="module")
def assess():
    if not (ROOT / "models" / "lung-lesion" / "models" / "model.onnx").exists():
        pytest.skip("the model bundle has no weights")
    return Assessor.from_bundle(threads=2)


def phantom(**protocol):
    hu, truth = scan(Patient(), Scan(**{**COARSE, **protocol}))
    return volume_of(hu, affine=truth.affine), truth


@pytest.mark.parametrize("protocol", [{"region": Region.HEAD, "top_mm": 110.0}, {"top_mm": -150.0}])
def test_a_head_and_an_abdomen_are_no_chest(assess, protocol):
    volume, _ = phantom(**protocol)
    with pytest.raises(IntakeRejected) as rejected:
        assess(volume)
    assert "not-chest" in [check.code for check in rejected.value.checks]


@pytest.mark.parametrize(
    "protocol",
    [
        {},
        {"flipped_columns": True},
        {"position": Position.HFP},
        {"position": Position.FFDL},
        {"tilt_degrees": 12.0},
    ],
    ids=["supine", "mirrored", "prone", "on the side", "tilted"],
)
def test_both_lungs_are_found_on_their_sides_however_the_patient_was_scanned(assess, protocol):
    volume, truth = phantom(**protocol)
    found = assess(volume).segmentation.labels
    for side in (1, 2):  # 1 and 3 are left, 2 and 4 right
        here, there = (np.isin(labels, (side, side + 2)) for labels in (found, truth.labels))
        assert 2 * (here & there).sum() / (here.sum() + there.sum()) > 0.85


@pytest.mark.slow
@pytest.mark.parametrize("name", ["covid-p001", "cap-001", "normal-001"])
def test_breath_and_blood_of_real_chests_are_not_misjudged(assess, data, tmp_path, name):
    (study,) = find([data / "dicom" / name], workspace=tmp_path)
    codes = {check.code for check in assess(load(study)).checks}
    assert codes.isdisjoint({"expiration", "contrast-medium", "small-lung"})


@pytest.mark.slow
def test_contrast_medium_is_seen_in_the_heart(assess, data):
    image = nib.load(data / "other_volumes" / "nodule-001" / "ct.nii.gz")
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine @ np.eye(4)[[2, 1, 0, 3]]
    assessment = assess(volume_of(np.asarray(image.dataobj).T, affine=affine))
    codes = {check.code: check for check in assessment.checks}
    # The aorta and the ventricles measure about 160 HU there.
    assert 120 < codes["contrast-medium"].detail["heart_hu"] < 220
    assert 3000 < assessment.value(Quantity.VOLUME_ML) < 4800
