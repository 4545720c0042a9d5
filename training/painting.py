"""Painting: opacities that a slice does not have, and density that is none.

Severe disease, faint disease and normal dependent density are rare in the cases, and what is rare
is missed or taken for something else. Images are density in g/ml, (HU + 1024) / 1000.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.transforms import MapTransform, RandomizableTransform
from numpy.typing import NDArray
from scipy import ndimage

from training.cases import Target

__all__ = ["RandDependentDensityd", "RandPaintLesiond", "RandPasteLesiond"]

Sample = dict[str, Any]
Mask = NDArray[np.bool_]

_LEAST_LUNG = 500
"""Pixels of lung below which a slice is left as it is."""


class RandPaintLesiond(RandomizableTransform, MapTransform):
    """Paint an opacity into lung that bears none: ground glass mostly, consolidation at times.

    Its outline is a level set of smooth noise, so it has no preferred shape; vessels stay visible
    because density is never lowered.

    Args:
        kinds: Which kinds of case are painted.
        prob: How often.
        largest: Largest share of the slice's lung; high, because severe disease is rare in the
            cases and must not be underestimated.
    """

    def __init__(
        self,
        kinds: Sequence[str] = ("slices", "volume"),
        prob: float = 0.3,
        largest: float = 0.35,
    ) -> None:
        RandomizableTransform.__init__(self, prob)
        MapTransform.__init__(self, ("image", "target"))
        self.kinds = set(kinds)
        self.largest = largest

    def __call__(self, data: Mapping[Hashable, Any]) -> Sample:
        """Paint into the sample's lung, or leave it."""
        sample = {str(key): value for key, value in data.items()}
        self.randomize(None)
        lung = np.isin(sample["target"][0].numpy(), (Target.LUNG, Target.LUNG_OR_LESION))
        wanted = self._do_transform and sample["kind"] in self.kinds
        if not wanted or lung.sum() < _LEAST_LUNG:
            return sample
        strength = self._strength(lung)
        before = sample["image"].numpy()
        density = self._density(before.shape, _healthy(before, lung))
        after = np.maximum(before, before + strength * (density - before))
        painted = (strength > 0.5) & (after - before > 0.06)[len(before) // 2]
        sample["image"] = torch.from_numpy(after.astype(np.float32))
        sample["target"] = _marked(sample["target"], painted)
        return sample

    def _strength(self, lung: NDArray[np.bool_]) -> NDArray[np.float64]:
        """0…1 (row, column): where the opacity lies, with a hazy edge of random width."""
        field = ndimage.gaussian_filter(self.R.standard_normal(lung.shape), self.R.uniform(3, 14))
        field /= field[lung].std()
        level = np.quantile(field[lung], 1 - self._share())
        strength: NDArray[np.float64] = np.clip(
            0.5 + (field - level) / self.R.uniform(0.05, 0.8), 0, 1
        )
        return strength * lung

    def _share(self) -> float:
        """Share of the lung to paint: from 1 % up, small ones more often."""
        return float(self.R.uniform(0.01**0.5, self.largest**0.5) ** 2)

    def _density(self, shape: tuple[int, ...], healthy: float) -> NDArray[np.float64]:
        """Density of the opacity in g/ml, textured; ground glass from barely above the lung's."""
        consolidated = self.R.random() < 0.3
        mean = self.R.uniform(0.85, 1.08) if consolidated else healthy + self.R.uniform(0.08, 0.55)
        grain = ndimage.gaussian_filter(self.R.standard_normal(shape), (0, 1, 1))
        density: NDArray[np.float64] = mean + self.R.uniform(0.02, 0.2) * grain
        return density


class RandPasteLesiond(RandomizableTransform, MapTransform):
    """Paste the opacities of another patient's slice into this one's lung, box fitted to box.

    Texture and edges are those of real disease (copy-paste of lesions: Yang 2021, TumorCP). The
    donor comes with the sample as `donor` and `donor_target`, see `training.sample.Samples`; they
    do not outlive this transform.

    Args:
        kinds: Which kinds of case are pasted into.
        prob: How often.
    """

    def __init__(
        self, kinds: Sequence[str] = ("lesion", "slices", "volume"), prob: float = 0.4
    ) -> None:
        RandomizableTransform.__init__(self, prob)
        MapTransform.__init__(self, ("image", "target"))
        self.kinds = set(kinds)

    def __call__(self, data: Mapping[Hashable, Any]) -> Sample:
        """Paste into the sample's lung, or leave it."""
        sample = {str(key): value for key, value in data.items()}
        donor, marked = sample.pop("donor", None), sample.pop("donor_target", None)
        self.randomize(None)
        if donor is None or not self._do_transform or sample["kind"] not in self.kinds:
            return sample
        lung, theirs = _lung(sample["target"]), _lung(marked)
        lesion = marked[0].numpy() == Target.LESION
        if min(lung.sum(), theirs.sum()) < _LEAST_LUNG or not lesion.any():
            return sample
        before, other = sample["image"].numpy(), donor.numpy()
        contrast = _healthy(before, lung) - _healthy(other, theirs & ~lesion)
        other, alpha = self._fitted((other, lesion), own=lung, theirs=theirs)
        other = other + self.R.uniform(0.0, 1.0) * contrast
        after = np.maximum(before, before + alpha * lung * (other - before))
        sample["image"] = torch.from_numpy(after.astype(np.float32))
        sample["target"] = _marked(sample["target"], (alpha > 0.5) & lung)
        return sample

    def _fitted(
        self, donor: tuple[NDArray[np.float32], Mask], *, own: Mask, theirs: Mask
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The donor's density and lesion, 0…1, on the sample's pixels; mirrored in half the draws.

        Args:
            donor: Density (context, row, column), lesion (row, column).
            own: The sample's lung.
            theirs: The donor's lung.
        """
        image, lesion = donor
        if self.R.random() < 0.5:
            image, lesion, theirs = image[..., ::-1], lesion[..., ::-1], theirs[..., ::-1]
        scale, offset = self._fit(_box(own), _box(theirs))

        def moved(array: NDArray[Any]) -> NDArray[np.float64]:
            out: NDArray[np.float64] = ndimage.affine_transform(
                array.astype(np.float64), scale, offset, own.shape, order=1
            )
            return out

        return np.stack([moved(each) for each in image]), moved(lesion)

    def _fit(
        self, own: NDArray[np.float64], other: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Scale and offset that carry own pixels to the other's, box to box, and a little off."""
        size = other[1] - other[0]
        scale = size / (own[1] - own[0]) * self.R.uniform(0.85, 1.15, 2)
        centre = (other[0] + other[1]) / 2 + self.R.uniform(-0.06, 0.06, 2) * size
        return scale, centre - scale * (own[0] + own[1]) / 2


class RandDependentDensityd(RandomizableTransform, MapTransform):
    """Normal dependent density: a hazy band along the back of the lung that is no opacity.

    Patients lie on their backs in the sets, and the lower lung is the denser, the more the less
    air is in it. Targets stay as they are.

    Args:
        prob: How often.
        most: Largest gain of density at the pleura, g/ml.
        depth: Shortest and longest distance, in pixels, over which it falls to a third.
    """

    def __init__(
        self, prob: float = 0.3, most: float = 0.25, depth: tuple[float, float] = (4.0, 25.0)
    ) -> None:
        RandomizableTransform.__init__(self, prob)
        MapTransform.__init__(self, ("image",))
        self.most, self.depth = most, tuple(depth)

    def __call__(self, data: Mapping[Hashable, Any]) -> Sample:
        """Make the back of the lung denser, or leave it."""
        sample = {str(key): value for key, value in data.items()}
        self.randomize(None)
        lung = _lung(sample["target"])
        if not self._do_transform or lung.sum() < _LEAST_LUNG:
            return sample
        lesion = sample["target"][0].numpy() == Target.LESION
        changed = lung if self.R.random() < 0.5 else lung & ~lesion
        gain = self.R.uniform(0.03, self.most) * self._band(lung) * changed
        image = sample["image"].numpy()
        airy = np.clip(1.05 - image, 0.0, 1.0)  # what has no air gains nothing
        sample["image"] = torch.from_numpy((image + gain * airy).astype(np.float32))
        return sample

    def _band(self, lung: Mask) -> NDArray[np.float64]:
        """About 1 at the back of the lung, falling forward; uneven from side to side."""
        rows = np.arange(len(lung))[:, None]
        last = ndimage.gaussian_filter1d(np.where(lung, rows, -1).max(0).astype(float), 4.0)
        ahead = np.clip((last[None] - rows) / self.R.uniform(*self.depth), 0.0, None)
        uneven = ndimage.gaussian_filter(self.R.standard_normal(lung.shape), 12.0)
        band = np.exp(-ahead) * np.clip(1.0 + 0.7 * uneven / uneven.std(), 0.0, 2.0)
        smooth: NDArray[np.float64] = ndimage.gaussian_filter(band * lung, 1.0)
        return smooth


def _lung(target: torch.Tensor) -> Mask:
    """Lung with what is in it (row, column) of a target (1, row, column)."""
    inside = (Target.LUNG, Target.LESION, Target.LUNG_OR_LESION)
    mask: Mask = np.isin(target[0].numpy(), inside)
    return mask


def _healthy(image: NDArray[np.float32], lung: Mask) -> float:
    """Median density of a mask in the middle slice."""
    return float(np.median(image[len(image) // 2][lung])) if lung.any() else 0.0


def _marked(target: torch.Tensor, lesion: Mask) -> torch.Tensor:
    """The target with lesion there."""
    changed = target.clone()
    changed[0][torch.from_numpy(lesion)] = float(Target.LESION)
    return changed


def _box(mask: Mask) -> NDArray[np.float64]:
    """First and last (row, column) of a mask."""
    where = np.argwhere(mask)
    return np.stack([where.min(0), where.max(0)]).astype(np.float64)
