"""What is drawn into slices: opacities with their target, and density that is none."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
# torch and monai warn of each other's ways; those are not ours to mend.
pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore")]

from training.cases import Target  # noqa: E402
from training.painting import (  # noqa: E402
    RandDependentDensityd,
    RandPaintLesiond,
    RandPasteLesiond,
)

AIR, LESION, TISSUE = 0.17, 0.6, 1.06


def chest(side=64):
    """A lung of 40 x 48 pixels, rows 10 to 49, columns 8 to 55, on three slices."""
    lung = np.zeros((side, side), dtype=np.float32)
    lung[10:50, 8:56] = Target.LUNG
    density = np.where(lung > 0, AIR, TISSUE).astype(np.float32)
    return {
        "image": torch.from_numpy(np.stack([density] * 3)),
        "target": torch.from_numpy(lung[None]),
        "kind": "slices",
    }


def with_lesion():
    """The same with a lesion in the upper left quarter of the lung."""
    sick = chest()
    sick["image"][:, 12:30, 10:30] = LESION
    sick["target"][:, 12:30, 10:30] = Target.LESION
    return sick


def lesion_of(sample):
    return sample["target"][0].numpy() == Target.LESION


def test_painted_lesions_are_dense_and_lie_in_the_lung():
    sample = chest()
    lung = sample["target"][0].numpy() > 0
    painter = RandPaintLesiond(prob=1.0)
    painter.set_random_state(3)
    painted = painter(sample)
    lesion = lesion_of(painted)
    assert 0.005 < lesion.sum() / lung.sum() < 0.5
    assert lung[lesion].all()
    assert (painted["image"][1].numpy()[lesion] > 0.2).all()
    assert torch.equal(painted["image"][:, ~lung], sample["image"][:, ~lung])


@pytest.mark.parametrize("seed", range(5))
def test_a_pasted_lesion_is_as_large_and_as_dense_as_the_donors(seed):
    sample, donor = chest(), with_lesion()
    sample |= {"donor": donor["image"], "donor_target": donor["target"]}
    paster = RandPasteLesiond(prob=1.0)
    paster.set_random_state(seed)
    pasted = paster(sample)
    lesion, lung = lesion_of(pasted), sample["target"][0].numpy() > 0
    assert set(pasted) == {"image", "target", "kind"}
    # 18 x 20 pixels; scaled by at most 1 / 0.85 on each side, and cut where it leaves the lung.
    assert 0.5 * 360 < lesion.sum() < 360 / 0.85**2 + 80
    assert lung[lesion].all()
    assert np.median(pasted["image"][1].numpy()[lesion]) == pytest.approx(LESION, abs=0.01)
    assert torch.equal(pasted["image"][:, ~lung], sample["image"][:, ~lung])


def test_a_lesion_is_pasted_only_where_it_is_wanted_and_there_is_a_donor():
    donor = with_lesion()
    for sample in (
        chest(),
        chest() | {"kind": "other", "donor": donor["image"], "donor_target": donor["target"]},
        chest() | {"donor": chest()["image"], "donor_target": chest()["target"]},
    ):
        left = RandPasteLesiond(prob=1.0)(sample)
        assert set(left) == {"image", "target", "kind"}
        assert not lesion_of(left).any()


@pytest.mark.parametrize("seed", range(5))
def test_dependent_density_lies_at_the_back_and_is_no_opacity(seed):
    sample = chest()
    lung = sample["target"][0].numpy() > 0
    thicken = RandDependentDensityd(prob=1.0, most=0.25, depth=(4.0, 8.0))
    thicken.set_random_state(seed)
    changed = thicken(sample)
    gain = (changed["image"] - sample["image"])[1].numpy()
    assert torch.equal(changed["target"], sample["target"])
    assert (gain[~lung] == 0).all()
    assert gain[45:50, 8:56].mean() > 3 * gain[10:30, 8:56].mean()  # supine: the back is below
    assert 0 < gain.max() < 0.25 * 2 * (1.05 - AIR)
