"""How far the percentage moves when the same patient is delivered otherwise."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from opacimeter.findings import Quantity
from opacimeter.volume import Volume
from training.evaluation.encoding import Encoding, encoded
from training.evaluation.lesions import Judge
from training.evaluation.variations import VARIATIONS

__all__ = ["VariationFigures", "Vary", "judge_variation", "variations_of"]

Vary = Callable[[Volume], Volume]


@dataclass(frozen=True, slots=True)
class VariationFigures:
    """One study in one other form.

    Attributes:
        study: Its name.
        variation: How it was changed.
        seen_by: Which weights.
        before_percent: Burden as delivered.
        percent: Burden of the changed study.
        identical: Not a voxel changed, nor the geometry; then nothing was measured again.
    """

    study: str
    variation: str
    seen_by: str
    before_percent: float
    percent: float
    identical: bool

    @property
    def moved_points(self) -> float:
        """How far the percentage moved, in points of the lung."""
        return self.percent - self.before_percent


def variations_of(volume: Volume) -> Iterator[tuple[str, Vary]]:
    """Every change that the study can undergo, by name; re-encoding needs a file for every slice.

    Args:
        volume: The study as delivered.
    """
    yield from VARIATIONS.items()
    if all(each.file.is_file() for each in volume.series.slices):
        for encoding in Encoding:
            yield encoding.value, _written(encoding)


def _written(encoding: Encoding) -> Vary:
    def vary(volume: Volume) -> Volume:
        with TemporaryDirectory() as folder:
            return encoded(volume, encoding, Path(folder))

    return vary


def judge_variation(
    name: str, volume: Volume, vary: tuple[str, Vary], judge: Judge, before_percent: float
) -> VariationFigures:
    """Measure a changed study; one that did not change is not measured again.

    Args:
        name: Of the study.
        volume: As delivered.
        vary: The change and its name.
        judge: Weights that never saw the study.
        before_percent: What they found in it as delivered.
    """
    changed = vary[1](volume)
    identical = (
        changed.hu.shape == volume.hu.shape
        and np.allclose(changed.affine, volume.affine, atol=1e-6)
        and np.array_equal(changed.hu, volume.hu)
    )
    percent: float | None = before_percent
    if not identical:
        percent = judge(changed).value(Quantity.LESION_PERCENT)
    if percent is None:
        raise ValueError("the changed study has lungs but no lesion percentage")
    return VariationFigures(name, vary[0], "bundle", before_percent, percent, identical)
