"""What the network sees lies where it lies in the patient, not half a voxel beside it."""

import numpy as np
import pytest

from opacimeter.assess.grid import make_grid, patch_of, to_planes, upsample
from tests.boxes import volume_of

SHAPES = [
    ((6, 256, 256), (3.0, 1.4, 1.4)),
    ((6, 128, 128), (5.0, 3.0, 3.0)),
    ((2, 1024, 1024), (5.0, 0.34, 0.34)),
    ((12, 30, 40), (10.0, 9.0, 8.0)),
    ((6, 200, 120), (2.5, 0.9, 1.7)),
    ((30, 96, 96), (0.5, 3.5, 3.5)),
]


def hill(shape, spacing_mm):
    """A smooth hill of 2000 HU on air, 30 mm wide, off the middle of every slice."""
    rows, columns = np.mgrid[: shape[1], : shape[2]]
    row, column = 0.41 * shape[1], 0.56 * shape[2]
    squared = ((rows - row) * spacing_mm[1]) ** 2 + ((columns - column) * spacing_mm[2]) ** 2
    height = np.rint(2000 * np.exp(-squared / 2 / 30.0**2)).astype(np.int16)
    return np.broadcast_to(height - 1000, shape).astype(np.int16)


def centre(weights):
    rows, columns = np.indices(weights.shape)
    return np.array([np.average(rows, weights=weights), np.average(columns, weights=weights)])


def there_and_back(volume):
    """A slice as it was, and as it comes back, over the part that the network saw."""
    grid = make_grid(volume, pixel_mm=1.5, plane_mm=3.0)
    plane = to_planes(volume.hu, grid, threads=1)[0].astype(np.float32)
    rows, columns = (slice(0, window.stop - window.start) for window in grid.window)
    patch = patch_of(grid, rows, columns, volume.hu.shape[1:])
    return volume.hu[0, patch.rows, patch.columns], upsample(plane, grid, patch), patch


@pytest.mark.parametrize(("shape", "spacing_mm"), SHAPES)
def test_nothing_moves_on_the_way_to_the_network_and_back(shape, spacing_mm):
    sent, returned, _ = there_and_back(volume_of(hill(shape, spacing_mm), spacing_mm))
    moved = np.abs(centre(returned + 1000) - centre(sent + 1000.0))
    # In parts of the coarser pixel; half a pixel of either grid would be at least 0.1.
    assert (moved * np.minimum(1, np.divide(spacing_mm[1:], 1.5))).max() < 0.03


def test_only_the_body_is_seen_and_the_rest_of_the_slice_is_left_alone():
    hu = np.full((4, 200, 300), -1000, dtype=np.int16)
    hu[:, 60:120, 90:240] = 0
    _, returned, patch = there_and_back(volume_of(hu, (3.0, 1.5, 1.5)))
    # Pixels of 1.5 mm are the network's own; it looks at every fourth, 60…116 and 92…236, and
    # keeps 3 before the first, for what lies between, and 4 around.
    assert patch.rows == slice(60 - 3 - 4, 116 + 4 + 4)
    assert patch.columns == slice(92 - 3 - 4, 236 + 4 + 4)
    assert returned.shape == (71, 159)


def test_a_patch_is_cut_out_of_the_whole_slice():
    volume = volume_of(hill((4, 120, 200), (3.0, 2.1, 1.3)), (3.0, 2.1, 1.3))
    grid = make_grid(volume, pixel_mm=1.5, plane_mm=3.0)
    plane = np.random.default_rng(1).random(grid.shape[1:], dtype=np.float32)
    rows, columns = (slice(0, window.stop - window.start) for window in grid.window)
    whole = patch_of(grid, rows, columns, (120, 200))
    part = patch_of(grid, slice(30, 70), slice(20, 90), (120, 200))
    cut = upsample(plane, grid, whole)[
        part.rows.start - whole.rows.start : part.rows.stop - whole.rows.start,
        part.columns.start - whole.columns.start : part.columns.stop - whole.columns.start,
    ]
    assert upsample(plane, grid, part) == pytest.approx(cut, abs=1e-5)


def test_a_body_between_the_pixels_that_are_looked_at_is_not_cut():
    hu = np.full((4, 128, 128), -1000, dtype=np.int16)
    hu[:, 33:96, 33:96] = 0  # every fourth pixel is looked at: the first found is 36
    grid = make_grid(volume_of(hu, (3.0, 4.5, 4.5)), pixel_mm=1.5, plane_mm=3.0)
    assert grid.window[0].start <= 33 * 3  # pixels of 4.5 mm are 3 of the network's


@pytest.mark.parametrize(
    ("slice_mm", "count", "plane_mm", "first_middle"),
    [(0.5, 6, 3.0, 2.5), (1.0, 3, 3.0, 1.0), (2.0, 1, 2.0, 0.0), (10.0, 1, 10.0, 0.0)],
)
def test_thin_slices_are_grouped_up_to_the_planes_of_the_network(
    slice_mm, count, plane_mm, first_middle
):
    grid = make_grid(
        volume_of(np.zeros((24, 40, 40)), (slice_mm, 4.0, 4.0)), pixel_mm=1.5, plane_mm=3.0
    )
    assert grid.plane_mm == pytest.approx(plane_mm)
    assert grid.groups[0] == (0, count)
    assert grid.centres[0] == first_middle
