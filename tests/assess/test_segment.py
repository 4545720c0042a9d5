"""The road from scanner to network and back, with a network that thresholds."""

from dataclasses import replace
from itertools import count
from pathlib import Path
from threading import Event
from time import sleep

import numpy as np
import pytest
from scipy.ndimage import zoom

from opacimeter.assess.bundle import Bundle
from opacimeter.assess.segment import segment
from opacimeter.errors import Cancelled
from opacimeter.findings import Label, Network
from tests.boxes import volume_of

BUNDLE = Bundle(
    network=Network("threshold", "1", "0"),
    onnx=Path("none"),
    pixel_mm=1.5,
    plane_mm=3.0,
    context=3,
    context_mm=5.0,
    lung_threshold=0.5,
    lesion_threshold=0.5,
    detection_limit=None,
    evaluated={},
)


def threshold(hu):
    """Lung from -950 to -600 HU, lesion from there to -200, judged on the middle slice."""
    middle = hu[:, hu.shape[1] // 2]
    lesion = (middle > -600) & (middle < -200)
    lung = (middle > -950) & (middle <= -600)
    return np.stack([~(lung | lesion), lung, lesion], 1).astype(np.float32)


def chest(shape=(60, 120, 160)):
    """Two lungs of 60×100×60 mm at 1.5 mm in plane and 2 mm slices, and a lesion at the left."""
    hu = np.full(shape, -1000, dtype=np.int16)
    hu[:, 10:110, 10:150] = 40
    hu[15:45, 25:95, 25:65] = -850
    hu[15:45, 25:95, 95:135] = -850
    hu[25:35, 50:70, 105:125] = -400
    return hu


def run(volume, told=None):
    return segment(volume, BUNDLE, threshold, threads=2, progress=told or (lambda fraction: None))


def test_labels_lie_on_the_scanners_grid():
    volume = volume_of(chest(), (2.0, 1.5, 1.5))
    labels = run(volume).labels
    truth = np.zeros(labels.shape, dtype=np.uint8)
    truth[15:45, 25:95, 25:65] = Label.RIGHT_LUNG
    truth[15:45, 25:95, 95:135] = Label.LEFT_LUNG
    truth[25:35, 50:70, 105:125] = Label.LEFT_LESION
    assert (labels == truth).mean() > 0.995
    inner = np.s_[26:34, 52:68, 107:123]
    assert (labels[inner] == Label.LEFT_LESION).all()


@pytest.mark.parametrize("flip_rows", [False, True])
@pytest.mark.parametrize("flip_columns", [False, True])
@pytest.mark.parametrize("transpose", [False, True])
def test_left_stays_left_however_the_images_are_turned(flip_rows, flip_columns, transpose):
    hu, affine = chest(), volume_of(chest(), (2.0, 1.5, 1.5)).affine.copy()
    if flip_rows:
        hu = hu[:, ::-1]
        affine[:3, 3] += affine[:3, 1] * (hu.shape[1] - 1)
        affine[:3, 1] *= -1
    if flip_columns:
        hu = hu[:, :, ::-1]
        affine[:3, 3] += affine[:3, 2] * (hu.shape[2] - 1)
        affine[:3, 2] *= -1
    if transpose:
        hu, affine = hu.transpose(0, 2, 1), affine[:, [0, 2, 1, 3]]
    volume = volume_of(np.ascontiguousarray(hu), affine=affine)
    found = run(volume).labels
    # In the patient the lesion's middle lies at (114.5·1.5, 59.5·1.5, -29.5·2) mm, on the left.
    lesion = np.argwhere(found == Label.LEFT_LESION).astype(float)
    assert not (found == Label.RIGHT_LESION).any()
    middle = volume.position_mm(lesion).mean(0)
    assert middle == pytest.approx((171.75, 89.25, -59.0), abs=0.5)


def test_thin_slices_are_averaged_and_give_the_same_volume():
    thick = volume_of(chest(), (2.0, 1.5, 1.5))
    thin = volume_of(np.repeat(chest(), 4, axis=0), (0.5, 1.5, 1.5))
    assert len(run(thin).lesion_probability) == 40  # 240 slices of 0.5 mm in groups of 6
    millilitres = [np.count_nonzero(run(one).labels) * one.voxel_ml for one in (thick, thin)]
    assert millilitres[1] == pytest.approx(millilitres[0], rel=0.04)


def test_fine_pixels_give_the_same_volume():
    fine = np.repeat(np.repeat(chest(), 2, axis=1), 2, axis=2)
    coarse, doubled = volume_of(chest(), (2.0, 1.5, 1.5)), volume_of(fine, (2.0, 0.75, 0.75))
    # Away from the skin, whose blurred edge this threshold takes for lung.
    inner = {coarse: np.s_[:, 15:105, 15:145], doubled: np.s_[:, 30:210, 30:290]}
    millilitres = [
        np.count_nonzero(run(one).labels[box]) * one.voxel_ml for one, box in inner.items()
    ]
    assert millilitres[1] == pytest.approx(millilitres[0], rel=0.02)


def test_an_empty_field_has_no_lung():
    volume = volume_of(np.full((20, 64, 64), -1000, dtype=np.int16), (5.0, 4.0, 4.0))
    assert not run(volume).labels.any()


def test_progress_rises_to_one_and_may_stop_the_work():
    told = []
    run(volume_of(chest(), (2.0, 1.5, 1.5)), told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0

    def stop(fraction):
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        run(volume_of(chest(), (2.0, 1.5, 1.5)), stop)


def test_lung_at_one_edge_of_the_picture_leaves_no_rim_at_the_other():
    hu = chest()[:, 26:90].copy()  # the lungs touch the first of 64 rows
    hu[:, 54:] = 40
    hu[20:30, 62:, 30:60] = -300  # 2.7 ml at the last rows, which the network takes for lesion
    labels = run(volume_of(hu, (2.0, 1.5, 1.5))).labels
    assert labels[25, 0, 40] == Label.RIGHT_LUNG
    assert not labels[:, 60:].any()


def test_a_hole_is_filled_whatever_the_threshold():
    hu = chest()
    hu[20:40, 50:54, 40:44] = 40  # a vessel of 6×6 mm in the right lung
    bundle = replace(BUNDLE, lung_threshold=0.8)
    volume = volume_of(hu, (2.0, 1.5, 1.5))
    labels = segment(volume, bundle, threshold, threads=1, progress=lambda fraction: None).labels
    assert (labels[21:39, 50:54, 40:44] == Label.RIGHT_LUNG).all()


@pytest.mark.parametrize(
    ("slices", "rows", "columns"), [(0.2, 1, 1), (4, 1, 1), (1, 0.25, 0.25), (1, 0.5, 2)]
)
def test_any_grid_gives_the_same_volume(slices, rows, columns):
    hu = zoom(chest(), (slices, rows, columns), order=0, grid_mode=True, mode="nearest")
    volume = volume_of(hu, (2.0 / slices, 1.5 / rows, 1.5 / columns))
    labels = run(volume).labels
    assert labels.shape == hu.shape
    # Two lungs of 30·70·40 voxels of 4.5 mm³ are 756 ml; the skin, whose blurred edge the fake
    # takes for lesion, is not counted.
    near = np.zeros((60, 120, 160))
    near[:, 18:102, 18:142] = 1
    near = zoom(near, (slices, rows, columns), order=0, grid_mode=True, mode="nearest") > 0
    lung = np.count_nonzero((labels > 0) & (hu < -200) & near) * volume.voxel_ml
    assert lung == pytest.approx(756.0, rel=0.06)


def test_planes_side_by_side_give_what_they_give_one_by_one():
    volume = volume_of(chest(), (2.0, 1.5, 1.5))
    one, many = (
        segment(volume, BUNDLE, threshold, threads=threads, progress=lambda fraction: None)
        for threads in (1, 4)
    )
    assert np.array_equal(one.labels, many.labels)
    assert np.array_equal(one.lesion_probability, many.lesion_probability)


def test_planes_that_wait_are_given_up_when_the_work_is_stopped():
    calls, stopping = count(), Event()

    def network(hu):
        next(calls)
        stopping.wait(0.25)  # else all planes are done before anybody stops the work
        sleep(0.05)
        return threshold(hu)

    def stop(fraction):
        stopping.set()
        raise Cancelled("stopped")

    volume = volume_of(chest(), (2.0, 1.5, 1.5))  # 60 planes
    with pytest.raises(Cancelled):
        segment(volume, BUNDLE, network, threads=2, progress=stop)
    assert next(calls) < 60


def test_a_probability_too_small_for_half_precision_is_none():
    def faint(hu):
        probability = threshold(hu)
        probability[:, 2] += 3e-5  # the smallest normal number of float16 is 6.1e-5
        return probability

    volume = volume_of(chest(), (2.0, 1.5, 1.5))
    found = segment(volume, BUNDLE, faint, threads=1, progress=lambda fraction: None)
    assert set(np.unique(found.lesion_probability)) == {np.float16(0), np.float16(1)}
