"""Previews, the grid and single voxels over HTTP, on a real pair of small volumes."""

import gzip

import nibabel as nib
import numpy as np
import pytest
from fastapi.testclient import TestClient

from opacimeter.api import Bounds, Services, build
from opacimeter.document import Document
from opacimeter.report import SliceRenderer
from opacimeter.report.nifti import write_nifti
from tests.api.test_assessments import image, of, problem, send
from tests.fakes import MODEL, fake_find

# Slices 2 mm downward from z 0, rows 1 mm to the back, columns 1 mm to the left.
AFFINE = np.array([[0, 0, 1.0, 0], [0, 1, 0, 0], [-2, 0, 0, 0], [0, 0, 0, 1]])
HU = np.arange(4 * 6 * 8, dtype=np.int16).reshape(4, 6, 8)


@pytest.fixture
def done(store, queue):
    services = Services(
        store, queue.submit, fake_find, SliceRenderer, Bounds(heartbeat_s=3600), "0.1.0"
    )
    with TestClient(build(services)) as client:
        send(client, image())
        run = store.runs.begin(queue.jobs[0], attempts=3, model=MODEL)
        labels = np.full(HU.shape, 2, np.uint8)
        run.keep(
            [
                Document("result.json", "application/json", lambda path: path.write_text("{}")),
                nifti("volume.nii.gz", HU),
                nifti("labels.nii.gz", labels),
            ],
            checks=(),
            summary={},
        )
        yield client


def nifti(name, array):
    return Document(name, "application/gzip", lambda path: write_nifti(path, array, AFFINE))


def test_a_preview_is_the_volume_at_half_resolution(done):
    answer = done.get(f"{of()}/preview/volume.nii.gz")
    assert answer.headers["cache-control"] == "private, no-cache"
    preview = nib.Nifti1Image.from_bytes(gzip.decompress(answer.content))
    assert preview.shape == (4, 3, 2)
    # The first block's corners are 0 and 48 + 8 + 1 = 57, so its mean is 28.5, to even 28.
    assert preview.dataobj[0, 0, 0] == 28
    assert done.get(f"{of()}/preview/labels.nii.gz").content[:2] == b"\x1f\x8b"


def test_a_preview_is_sent_once_and_then_confirmed_by_its_tag(done):
    tag = done.get(f"{of()}/preview/volume.nii.gz").headers["etag"]
    again = done.get(f"{of()}/preview/volume.nii.gz", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    other = done.get(f"{of()}/preview/labels.nii.gz", headers={"If-None-Match": tag})
    assert other.status_code == 200


def test_a_preview_of_something_else_is_invalid(done):
    problem(done.get(f"{of()}/preview/result.nii.gz"), 422, "invalid-request")


def test_the_grid_tells_where_slices_lie(done):
    grid = done.get(f"{of()}/slices").json()
    assert grid["shape"] == [4, 6, 8]
    assert grid["spacing_mm"] == [2.0, 1.0, 1.0]
    assert grid["affine"] == AFFINE.tolist()
    assert set(grid["zones"]) == {"right-upper", "right-middle", "right-lower"}


def test_a_voxel_tells_its_hu(done):
    # 48 voxels a slice, 8 a row.
    assert done.get(f"{of()}/hu", params={"at": "2,1,3"}).json() == {"hu": 2 * 48 + 8 + 3}
    problem(done.get(f"{of()}/hu", params={"at": "4,0,0"}), 404, "not-found")
    problem(done.get(f"{of()}/hu", params={"at": "1,2"}), 422, "invalid-request")


def test_an_assessment_that_is_not_done_has_no_preview(client):
    send(client, image())
    problem(client.get(f"{of()}/preview/volume.nii.gz"), 404, "not-found")
