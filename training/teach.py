"""Pseudo-labels: what a teacher is sure of, drawn where a case leaves open what is lesion.

Lee 2013 (pseudo-label), confined to voxels whose target is `LUNG_OR_LESION`: an expert's label is
never overruled. The teacher may be the run's own start; it must not have seen a patient that the
run leaves out, which `training.run.patients_seen` decides.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from training.cases import Case, Target

__all__ = ["taught"]


def taught(
    cases: Sequence[Case], teacher: nn.Module, *, context: int, sure: tuple[float, float]
) -> list[Case]:
    """The cases, slices of many patients completed by the teacher; the others as they are.

    Args:
        cases: Any kinds; kind slices is completed, since its slices have no neighbours.
        teacher: Logits (batch, class, row, column) of HU (batch, context, row, column).
        context: Slices that the teacher sees at once; the one slice is repeated.
        sure: Probability of lesion above which a voxel is lesion, and below which it is lung.
    """
    return [
        _taught(case, teacher, context, sure) if case.kind == "slices" else case for case in cases
    ]


def _taught(case: Case, teacher: nn.Module, context: int, sure: tuple[float, float]) -> Case:
    lesion_above, lung_below = sure
    target = case.target.copy()
    for index, hu in enumerate(case.hu):
        lesion = _lesion_probability(teacher, np.stack([hu] * context))
        undecided = target[index] == Target.LUNG_OR_LESION
        target[index][undecided & (lesion > lesion_above)] = Target.LESION
        target[index][undecided & (lesion < lung_below)] = Target.LUNG
    return replace(case, target=target)


@torch.no_grad()
def _lesion_probability(teacher: nn.Module, hu: np.ndarray) -> np.ndarray:
    """float32 (row, column), the mean of the picture and its mirror image."""
    image = torch.from_numpy(hu.astype(np.float32))[None]
    both = [teacher(image), teacher(image.flip(-1)).flip(-1)]
    return torch.stack([logits.softmax(1)[0, 2] for logits in both]).mean(0).numpy()
