"""Where a segment lies in the patient, whichever way the source was scanned and whoever reads it.

The truth is worked out from the source's own files: place and value of every stored pixel.
"""

import numpy as np
import pydicom
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree

from opacimeter.assess import Assessor
from opacimeter.intake import find, load
from opacimeter.report.dicom_object import Kind
from opacimeter.report.seg import write_seg
from tests.conftest import ROOT
from tests.report import chests
from tests.report.chests import SCANS, record_of, scanned
from tests.report.seg_readers import READERS, by_dcmtk

pytestmark = pytest.mark.peer

SEGMENTS = {
    "left lung": (Kind.ANATOMY_SEG, 1), "right lung": (Kind.ANATOMY_SEG, 2),
    "lesion": (Kind.LESION_SEG, 1), "high opacity": (Kind.LESION_SEG, 2),
}  # fmt: skip


def source_voxels(folder):
    """Place, float64 (voxel, 3) in LPS mm, and HU of every pixel of a folder's files."""
    places, values = [], []
    for file in sorted(folder.iterdir()):
        image = pydicom.dcmread(file)
        row, column = np.array(image.ImageOrientationPatient, float).reshape(2, 3)
        r, c = (index.ravel() for index in np.indices((image.Rows, image.Columns)))
        row_mm, column_mm = (float(mm) for mm in image.PixelSpacing)
        offset = np.outer(c * column_mm, row) + np.outer(r * row_mm, column)
        places.append(np.array(image.ImagePositionPatient, float) + offset)
        values.append(image.pixel_array.ravel() * image.RescaleSlope + image.RescaleIntercept)
    return np.concatenate(places), np.concatenate(values)


def truth(folder):
    """The places of each segment: lungs by their boxes in the patient, the rest by HU in them."""
    places, hu = source_voxels(folder)
    x, y, z = places.T
    lung = (np.abs(x) > 25) & (np.abs(x) < 85) & (np.abs(y) < 50) & (np.abs(z + 58.5) < 45)
    chosen = {
        "left lung": lung & (x > 0), "right lung": lung & (x < 0),
        "lesion": lung & (hu > -700), "high opacity": lung & (hu >= -200),
    }  # fmt: skip
    return {name: places[mask] for name, mask in chosen.items()}


def same_places(found, expected):
    """One for one, within a hundredth of a millimetre."""
    away, nearest = cKDTree(expected).query(found)
    return len(found) == len(expected) == len(set(nearest)) and away.max() < 0.01


@pytest.fixture(params=SCANS, scope="module")
def chest(request, tmp_path_factory):
    """A folder with the source and both segmentations of its true labels."""
    folder = tmp_path_factory.mktemp("chest")
    assessment = scanned(folder, SCANS[request.param])
    for kind in (Kind.ANATOMY_SEG, Kind.LESION_SEG):
        write_seg(folder / f"{kind}.dcm", assessment, record_of(), kind)
    return assessment, folder


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_finds_the_voxels_of_the_source_that_were_meant(chest, reader):
    _, folder = chest
    expected = truth(folder / "source")
    for name, (kind, number) in SEGMENTS.items():
        assert len(expected[name]) > 10
        found = READERS[reader](folder / f"{kind}.dcm", number)
        assert same_places(found, expected[name]), name


@pytest.fixture(scope="module")
def assessor():
    if not (ROOT / "models" / "lung-lesion" / "models" / "model.onnx").exists():
        pytest.skip("the network's weights are absent: models/lung-lesion/models/model.onnx")
    return Assessor.from_bundle(threads=1)


def centroids(assessment, folder):
    """Of each segment, as dcmtk reads it from the objects."""
    for kind in (Kind.ANATOMY_SEG, Kind.LESION_SEG):
        write_seg(folder / f"{kind}.dcm", assessment, record_of(), kind)
    return {
        name: by_dcmtk(folder / f"{kind}.dcm", number).mean(axis=0)
        for name, (kind, number) in SEGMENTS.items()
    }


def by_hu(hu):
    """In a network's place, which need not take boxes for lungs: probabilities (1, 3, row, column).

    Air that the body encloses is lung, with what that encloses; what is dense in it, away from the
    pixels that lung and wall share, is lesion.
    """
    middle = hu[0, hu.shape[1] // 2]
    pieces, _ = ndimage.label(middle < -405)
    outside = np.unique(np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]]))
    lung = ndimage.binary_fill_holes((pieces > 0) & ~np.isin(pieces, outside))
    lesion = ndimage.binary_erosion(lung, iterations=4) & (middle > -675)
    return np.stack([~lung, lung & ~lesion, lesion])[None].astype(np.float32)


def test_what_is_found_lies_where_it_is_however_it_was_scanned(
    chest, assessor, tmp_path, monkeypatch
):
    assessment, folder = chest
    monkeypatch.setattr(assessor, "_network", by_hu)
    found = centroids(assessor(assessment.volume), tmp_path)
    for name, places in truth(folder / "source").items():
        assert np.abs(found[name] - places.mean(axis=0)) == pytest.approx(0, abs=chests.PIXEL_MM)
    assert found["left lung"][0] > 0 > found["right lung"][0]


TURNED = ["13a-rows-flipped", "13b-both-flipped", "13c-feet-first", "13d-prone", "13e-decubitus"]
TURNED_PIXEL_MM = 7.617188


def test_a_real_patients_lungs_lie_in_one_place_however_the_series_is_turned(
    data, assessor, tmp_path
):
    found = []
    for name in TURNED:
        (tmp_path / name).mkdir()
        (study,) = find([data / "dicom_quirks" / name / "files"], workspace=tmp_path)
        found.append(centroids(assessor(load(study)), tmp_path / name))
    for each in found:
        assert each["left lung"][0] > 0 > each["right lung"][0]
        for name, place in each.items():
            assert np.abs(place - found[0][name]) == pytest.approx(0, abs=TURNED_PIXEL_MM)
