"""A calibrated bundle gives an interval, one without calibration says why there is none."""

import shutil

import pytest

from opacimeter.assess import Assessor
from opacimeter.findings import Quantity
from tests.boxes import volume_of
from tests.bundles import INTERVAL, read_metadata, write_metadata
from tests.conftest import ROOT
from training.phantom import Patient, Scan, scan, spread

SMALL = Scan(slices=28, rows=72, columns=80, spacing_mm=(9.0, 4.8, 4.5), thickness_mm=9.0)


@pytest.fixture(scope="module")
def assessed(tmp_path_factory):
    """The same chest by the carried weights, with this calibration and without one."""
    carried = ROOT / "models" / "lung-lesion"
    if not (carried / "models" / "model.onnx").exists():
        pytest.skip("the model bundle has no weights")
    hu, truth = scan(Patient(lesions=spread(12.0, seed=4)), SMALL)
    found = {}
    for name, interval in (("calibrated", INTERVAL), ("not", None)):
        folder = tmp_path_factory.mktemp(name) / "bundle"
        shutil.copytree(carried, folder)
        content = read_metadata(folder)
        content["opacimeter"]["interval"] = interval
        write_metadata(folder, content)
        volume = volume_of(hu, affine=truth.affine)
        found[name] = Assessor.from_bundle(folder, threads=1)(volume)
    return found


def test_the_interval_is_that_of_the_lungs_percentage(assessed):
    percent = assessed["calibrated"].value(Quantity.LESION_PERCENT)
    scale = 1.0 + percent * (1.0 - percent / 100.0)
    low, high = assessed["calibrated"].interval_90_percent
    assert low == pytest.approx(max(0.0, percent - 0.8 * scale))
    assert high == pytest.approx(percent + 1.4 * scale)
    assert "not-calibrated" not in {check.code for check in assessed["calibrated"].checks}


def test_without_a_calibration_there_is_none_and_a_check_says_why(assessed):
    assert assessed["not"].interval_90_percent is None
    (check,) = (one for one in assessed["not"].checks if one.code == "not-calibrated")
    assert check.severity == "info"
    assert "no calibration" in check.message
