"""The network and its loss.

A 2-D U-Net on a few neighbouring slices. It works at half resolution inside: each 2x2 block of
pixels becomes channels on entry and is unfolded again at the exit (Shi 2016, sub-pixel
convolution), which loses nothing and costs a quarter of a U-Net of the same width.
"""

import torch
from monai.losses import MaskedLoss, TverskyLoss
from monai.networks.nets import BasicUNet
from torch import Tensor, nn

from training.cases import ALLOWED

__all__ = ["SegmentationLoss", "SubpixelUNet"]

CLASSES = ALLOWED.shape[1]


class SubpixelUNet(nn.Module):
    """Raw HU in, class logits out.

    Args:
        context: Slices seen at once; the middle one is segmented.
        features: Channels of MONAI's BasicUNet, five levels and the last.
        window_hu: HU mapped to 0 and 1; beyond it values are clipped.
    """

    def __init__(
        self,
        context: int = 3,
        features: tuple[int, ...] = (32, 48, 96, 192, 256, 32),
        window_hu: tuple[float, float] = (-1024.0, 400.0),
    ) -> None:
        super().__init__()
        self.window_hu = tuple(window_hu)
        self.fold = nn.PixelUnshuffle(2)
        self.unet = BasicUNet(
            spatial_dims=2,
            in_channels=4 * context,
            out_channels=4 * CLASSES,
            features=tuple(features),
            norm=("batch", {}),
            act=("LeakyReLU", {"inplace": True, "negative_slope": 0.1}),
        )
        self.unfold = nn.PixelShuffle(2)

    def forward(self, hu: Tensor) -> Tensor:
        """Logits (batch, class, row, column) of HU (batch, context, row, column).

        Sides must be multiples of 32.
        """
        low, high = self.window_hu
        scaled = (hu.clamp(low, high) - low) / (high - low)
        logits: Tensor = self.unfold(self.unet(self.fold(scaled)))
        return logits


class SegmentationLoss(nn.Module):
    """Cross-entropy and Dice for voxels that know only a set of allowed classes.

    Cross-entropy is that of the allowed classes together, -log Σ p(allowed): the superset
    likelihood. The overlap terms are Tversky losses (Salehi 2017; Dice at a miss of 0.5), reckoned
    over the batch, for lung with lesion and for lesion, where the target decides them.

    Args:
        overlap_weight: Weight of the two overlap terms against cross-entropy.
        lesion_weight: Weight of lesion voxels in cross-entropy.
        lesion_miss: Weight of missed lesion against falsely marked in the overlap; above 0.5
            against underestimation of severe disease.
    """

    allowed: Tensor

    def __init__(
        self, overlap_weight: float = 1.0, lesion_weight: float = 2.0, lesion_miss: float = 0.5
    ) -> None:
        super().__init__()
        self.register_buffer("allowed", torch.from_numpy(ALLOWED.copy()))
        self.lung_overlap = _masked_tversky(0.5)
        self.lesion_overlap = _masked_tversky(lesion_miss)
        self.overlap_weight = overlap_weight
        self.lesion_weight = lesion_weight

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Loss of logits (batch, class, row, column) against targets (batch, 1, row, column)."""
        probability = logits.float().softmax(1)
        allowed = self.allowed[target[:, 0].long()].permute(0, 3, 1, 2)
        likelihood = (probability * allowed).sum(1, keepdim=True).clamp_min(1e-6)
        only_lesion = (allowed[:, 2:] == 1) & (allowed.sum(1, keepdim=True) == 1)
        weight = 1.0 + (self.lesion_weight - 1.0) * only_lesion
        cross_entropy = -(weight * likelihood.log()).sum() / weight.sum()
        inside, decided = _union(allowed, (1, 2))
        lung = self.lung_overlap(probability[:, 1:].sum(1, keepdim=True), inside, decided)
        inside, decided = _union(allowed, (2,))
        lesion = self.lesion_overlap(probability[:, 2:], inside, decided)
        loss: Tensor = cross_entropy + self.overlap_weight * (lung + lesion)
        return loss


def _masked_tversky(miss: float) -> MaskedLoss:
    return MaskedLoss(
        TverskyLoss, alpha=1 - miss, beta=miss, batch=True, smooth_nr=1.0, smooth_dr=1.0
    )


def _union(allowed: Tensor, classes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Where a union of classes is, and where the target decides that: 0 or 1, one channel each."""
    inside = allowed[:, list(classes)].any(1, keepdim=True)
    others = [index for index in range(CLASSES) if index not in classes]
    decided = inside ^ allowed[:, others].any(1, keepdim=True)
    return (inside & decided).float(), decided.float()
