"""Samples: one slice with its context, drawn at random and changed as scanners and patients differ.

Intensities are density in g/ml, (HU + 1024) / 1000, so that air outside the picture is 0; the last
transform of `models/lung-lesion/configs/train.yaml` returns to HU.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.transforms import MapTransform, RandomizableTransform
from torch.utils.data import IterableDataset, get_worker_info

from training.cases import Case, Target

__all__ = ["DensityToHUd", "RandToneCurved", "Samples"]

Sample = dict[str, Any]


class Samples(IterableDataset[Sample]):
    """An endless stream of augmented slices.

    Args:
        cases: What may be drawn from.
        shares: Probability of each kind of case.
        transform: MONAI transform of {image (context, row, column), target (1, row, column)}.
        seed: Two streams of one seed are equal.
        context: Slices in an image.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        shares: Mapping[str, float],
        transform: Callable[[Sample], Sample],
        seed: int,
        context: int = 3,
    ) -> None:
        self.heaps = {kind: [case for case in cases if case.kind == kind] for kind in shares}
        self.shares = {kind: share for kind, share in shares.items() if self.heaps[kind]}
        self.transform = transform
        self.seed = seed
        self.context = context

    def __iter__(self) -> Iterator[Sample]:
        worker = get_worker_info()
        seed = (self.seed, worker.id if worker else 0)
        random = np.random.default_rng(seed)
        self.transform.set_random_state(int(random.integers(2**31)))  # type: ignore[attr-defined]
        kinds = list(self.shares)
        shares = np.array([self.shares[kind] for kind in kinds])
        while True:
            kind = kinds[random.choice(len(kinds), p=shares / shares.sum())]
            sample = self._draw(self._case(kind, random), random)
            yield self.transform(sample | self._donor(random))

    def _donor(self, random: np.random.Generator) -> Sample:
        """Another slice that bears lesions, for a transform that takes them from there."""
        if not self.heaps.get("lesion"):
            return {}
        donor = self._draw(self._case("lesion", random), random)
        return {"donor": donor["image"], "donor_target": donor["target"]}

    def _case(self, kind: str, random: np.random.Generator) -> Case:
        """A patient at random, then one of the patient's cases."""
        patients = sorted({case.patient for case in self.heaps[kind]})
        patient = patients[random.integers(len(patients))]
        cases = [case for case in self.heaps[kind] if case.patient == patient]
        return cases[random.integers(len(cases))]

    def _draw(self, case: Case, random: np.random.Generator) -> Sample:
        """A slice with its context; three in four bear lesions where the case has any."""
        bearing = np.flatnonzero((case.target == Target.LESION).any((1, 2)))
        if len(bearing) and random.random() < 0.75:
            index = int(random.choice(bearing))
        else:
            index = int(random.integers(len(case.hu)))
        # A step of 0 repeats the slice: the network must not depend on its neighbours, since
        # spacing is unknown in many sets and thick in many studies.
        step = int(random.integers(0, 3)) if case.neighbours else 0
        half = self.context // 2
        around = np.clip(index + step * np.arange(-half, half + 1), 0, len(case.hu) - 1)
        target = case.target[index]
        density = (case.hu[around].astype(np.float32) + 1024.0) / 1000.0
        return {
            "image": torch.from_numpy(density),
            "target": torch.from_numpy(target[None].astype(np.float32)),
            "kind": case.kind,
        }


class RandToneCurved(RandomizableTransform, MapTransform):
    """A random monotone curve of density: scanners drift, and some of our HU are estimates.

    Args:
        keys: Which images.
        prob: How often.
        knots: Densities that move, g/ml, ascending.
        drift: Largest shift of each knot, g/ml.
    """

    def __init__(
        self,
        keys: Sequence[str],
        prob: float,
        knots: Sequence[float],
        drift: Sequence[float],
    ) -> None:
        RandomizableTransform.__init__(self, prob)
        MapTransform.__init__(self, keys)
        self.knots = np.array(knots)
        self.drift = np.array(drift)

    def __call__(self, data: Mapping[Hashable, Any]) -> Sample:
        """Bend the images' densities, or leave them."""
        sample = {str(key): value for key, value in data.items()}
        self.randomize(None)
        if not self._do_transform:
            return sample
        shift = self.R.uniform(-1, 1, len(self.knots)) * self.drift
        moved = np.maximum.accumulate(np.maximum(self.knots + shift, 0.0))
        for key in self.keys:
            curve = np.interp(sample[str(key)].numpy(), self.knots, moved)
            sample[str(key)] = torch.from_numpy(curve.astype(np.float32))
        return sample


class DensityToHUd(MapTransform):
    """Back from density to HU, the unit the network takes."""

    def __call__(self, data: Mapping[Hashable, Any]) -> Sample:
        """Convert the images."""
        sample = {str(key): value for key, value in data.items()}
        for key in self.keys:
            sample[str(key)] = torch.as_tensor(sample[str(key)]) * 1000.0 - 1024.0
        return sample
