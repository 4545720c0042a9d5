"""Thawing: the weights of an exported model back in a network, to go on training from them.

A bundle carries no checkpoint, and export has folded batch normalisation into the convolutions
before it. Here each normalisation becomes one that changes nothing at first: its statistics are
those of real slices, its scale and shift undo them, so that training begins where the model is.
"""

from collections.abc import Iterable
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

__all__ = ["thaw"]


@torch.no_grad()
def thaw(network: nn.Module, model: Path, batches: Iterable[Tensor]) -> None:
    """Fill a network with the weights of an exported one; in place.

    Args:
        network: Of the architecture that was exported, see `training.export`.
        model: The ONNX file.
        batches: Some inputs, HU (batch, context, row, column), for the statistics.

    Raises:
        SystemExit: The model is of another architecture.
    """
    graph = onnx.load(str(model)).graph
    weights = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    layers = [node for node in graph.node if node.op_type in {"Conv", "ConvTranspose"}]
    wanted = {name for name, each in network.named_modules() if _is_convolution(each)}
    if {_layer(node.name) for node in layers} != wanted:
        raise SystemExit("the bundle's network has other layers than the configuration's")
    for node in layers:
        layer = network.get_submodule(_layer(node.name))
        for own, name in zip((layer.weight, layer.bias), node.input[1:], strict=True):
            _fill(own, torch.from_numpy(weights[name].copy()))
    _undo(network, batches)


def _is_convolution(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)


def _layer(node: str) -> str:
    """The layer that a node was exported from: /network/unet/conv_0/Conv is unet.conv_0.

    A container in a container repeats its own name: /network/blocks.1/blocks.1.3/conv/Conv.
    """
    parts = node.strip("/").split("/")[1:-1]
    inner = [*parts[1:], ""]
    pairs = zip(parts, inner, strict=True)
    return ".".join(part for part, within in pairs if not within.startswith(f"{part}."))


def _fill(own: Tensor | nn.Module, given: Tensor) -> None:
    if not isinstance(own, Tensor) or own.shape != given.shape:
        raise SystemExit("the bundle's network is wider or narrower than the configuration's")
    own.copy_(given)


def _undo(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Make each normalisation the identity on the statistics of these batches."""
    norms = [
        each for each in network.modules() if isinstance(each, nn.BatchNorm2d | nn.SyncBatchNorm)
    ]
    for norm in norms:
        norm.reset_parameters()
        norm.get_buffer("running_var").fill_(1.0 - norm.eps)
    seen: dict[nn.Module, list[Tensor]] = {norm: [] for norm in norms}

    def note(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        values = inputs[0].float()
        seen[norm].append(torch.stack([values.mean((0, 2, 3)), values.square().mean((0, 2, 3))]))

    hooks = [norm.register_forward_pre_hook(note) for norm in norms]
    network.eval()
    for hu in batches:
        network(hu)
    network.train()
    for hook in hooks:
        hook.remove()
    for norm in norms:
        mean, square = torch.stack(seen[norm]).mean(0)
        variance = (square - mean.square()).clamp_min(0.0)
        norm.get_buffer("running_mean").copy_(mean)
        norm.get_buffer("running_var").copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.copy_(mean)
