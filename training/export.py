"""Write the bundle: `python -m training.export [--run DIR] [--out FOLDER]`.

Turns the averaged weights of a run into ONNX, checks that onnxruntime agrees with torch, and
writes the metadata of the model contract, which `training.evaluate` fills in.
"""

import argparse
import copy
import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import monai
import numpy as np
import onnx
import onnxruntime
import torch
from monai.bundle import ConfigParser
from numpy.typing import NDArray
from torch import Tensor, nn

from training.cases import GATE
from training.evaluation.metadata import write_metadata
from training.phantom import Patient, Scan, scan, spread
from training.run import load_average, patients_seen, read_config
from training.train import CONFIG, RUNS

__all__ = ["BUNDLE", "Probability", "export", "export_run", "main"]

BUNDLE = CONFIG.parents[1]
LARGEST_DIFFERENCE = 1e-3
LEAST_DICE = 0.999


class Probability(nn.Module):
    """A network as the contract wants it: HU in, probabilities out.

    Args:
        network: Logits of HU.
        mirror: Whether it is the mean over the slices and their mirror images: what is found no
            longer depends on the side, and errors of one of the two are halved.
    """

    def __init__(self, network: nn.Module, *, mirror: bool = False) -> None:
        super().__init__()
        self.network = network
        self.mirror = mirror

    def forward(self, hu: Tensor) -> Tensor:
        """Probabilities (batch, class, row, column) of HU (batch, context, row, column)."""
        if not self.mirror:
            alone: Tensor = self.network(hu).softmax(1)
            return alone
        both = torch.stack([hu, hu.flip(-1)]).flatten(0, 1)  # one pass: the weights stand once
        found = self.network(both).softmax(1).unflatten(0, (2, -1))
        mean: Tensor = (found[0] + found[1].flip(-1)) / 2
        return mean


def export(model: Probability, context: int, path: Path, facts: Mapping[str, str]) -> None:
    """Write the graph with any batch size and any sides that are multiples of 32.

    Args:
        model: Probabilities of HU.
        context: Slices in an input.
        path: Where the ONNX file goes.
        facts: Metadata to carry inside the graph.
    """
    example = torch.full((1, context, 64, 64), -1024.0)
    path.parent.mkdir(parents=True, exist_ok=True)
    axes = {0: "batch", 2: "row", 3: "column"}
    torch.onnx.export(
        copy.deepcopy(model).eval(),
        (example,),
        str(path),
        input_names=["hu"],
        output_names=["probability"],
        dynamic_axes={"hu": axes, "probability": axes},
        opset_version=18,
        dynamo=False,
    )
    graph = onnx.load(str(path))
    for key, value in facts.items():
        graph.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(graph)
    onnx.save(graph, str(path))


def agreement(
    model: Probability, path: Path, images: list[NDArray[np.float32]]
) -> dict[str, float]:
    """Largest probability difference and least Dice of the label maps, torch against onnxruntime.

    Args:
        model: In torch, ready to infer.
        path: The exported graph.
        images: HU (batch, context, row, column), of several sizes and batches.
    """
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    differences, dice = [0.0], [1.0]
    for hu in images:
        with torch.no_grad():
            expected = model(torch.from_numpy(hu)).numpy()
        found = session.run(["probability"], {"hu": hu})[0]
        differences.append(float(np.abs(expected - found).max()))
        for label in (1, 2):
            a, b = expected.argmax(1) == label, found.argmax(1) == label
            if a.any() or b.any():
                dice.append(float(2 * (a & b).sum() / (a.sum() + b.sum())))
    return {"largest_difference": max(differences), "least_dice": min(dice)}


CLASSES = ("background", "lung", "lesion")


def metadata(
    config: ConfigParser, trained_on: Iterable[str], sha256: str, version: str
) -> dict[str, Any]:
    """The bundle's metadata.json: MONAI's schema and our contract.

    Args:
        config: Of the run.
        trained_on: Patients that the weights saw.
        sha256: Of the graph.
        version: Semantic version of the model.
    """
    return {
        "schema": "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/"
        "0.8.1/meta_schema_20240725.json",
        "version": version,
        "changelog": {version: "see docs/README.md"},
        "monai_version": monai.__version__,
        "pytorch_version": torch.__version__.split("+")[0],
        "numpy_version": np.__version__,
        "required_packages_version": {"onnxruntime": onnxruntime.__version__},
        "name": "lung-lesion",
        "task": "Segmentation of lung and opacity in chest CT",
        "description": "2-D U-Net on three neighbouring slices; see docs/README.md.",
        "authors": "the opacimeter authors",
        "copyright": "the opacimeter authors; CC BY-NC-SA 4.0, research use only",
        "data_source": "see docs/README.md",
        "data_type": "nifti",
        "intended_use": "Research use only. Not a medical device.",
        "network_data_format": _data_format(int(config.get_parsed_content("context"))),
        "opacimeter": _contract(config, trained_on, sha256),
    }


def _data_format(context: int) -> dict[str, Any]:
    """Input and output in MONAI's words."""
    both = {
        "type": "image",
        "spatial_shape": ["32*n", "32*n"],
        "dtype": "float32",
        "is_patch_data": False,
    }
    steps = range(-(context // 2), context // 2 + 1)
    image = {
        **both,
        "format": "hounsfield",
        "modality": "CT",
        "num_channels": context,
        "value_range": [-1024, 3071],
        "channel_def": {
            str(index): f"slice at {step:+d} steps of context_mm"
            for index, step in enumerate(steps)
        },
    }
    prediction = {
        **both,
        "format": "probability",
        "num_channels": len(CLASSES),
        "value_range": [0, 1],
        "channel_def": {str(index): name for index, name in enumerate(CLASSES)},
    }
    return {"inputs": {"image": image}, "outputs": {"pred": prediction}}


def _contract(config: ConfigParser, trained_on: Iterable[str], sha256: str) -> dict[str, Any]:
    """What `opacimeter.assess.bundle` reads; evaluation fills in what it measures."""
    get = config.get_parsed_content
    return {
        "sha256": sha256,
        "axes": "context-row-column",
        "pixel_mm": float(get("pixel_mm")),
        "plane_mm": float(get("plane_mm")),
        "context": int(get("context")),
        "context_mm": float(get("context_mm")),
        "classes": list(CLASSES),
        "thresholds": dict(get("thresholds")),
        "detection_limit": None,
        "interval": None,
        "evaluated": {},
        "trained_on": sorted(trained_on),
        "gate": [*sorted(GATE), "covid-p001", "cap-001", "normal-001"],
        "figures": None,
        "gates": {},
    }


def _phantom(slices: int) -> NDArray[np.int16]:
    """HU (slice, row, column) of a phantom with lesions, which belongs to nobody."""
    protocol = Scan(
        slices=slices,
        rows=128,
        columns=128,
        spacing_mm=(5.0, 3.0, 3.0),
        thickness_mm=5.0,
        top_mm=0,
    )
    return scan(Patient(lesions=spread(15, seed=1)), protocol)[0]


def _images(context: int) -> list[NDArray[np.float32]]:
    """A few slices of the phantom, single and in batches, whole and cropped."""
    hu = _phantom(context + 3).astype(np.float32)
    stacks = np.stack([hu[index : index + context] for index in range(4)])
    return [stacks[:1], stacks, stacks[:2, :, 32:, :96]]


def _write_reference(bundle: Path, context: int) -> None:
    """An input and the output for it, so that any machine can tell whether it infers alike."""
    hu = _phantom(context)
    path = bundle / "models" / "model.onnx"
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (probability,) = session.run(["probability"], {"hu": hu[None].astype(np.float32)})
    (bundle / "evaluation").mkdir(exist_ok=True)
    np.savez_compressed(
        bundle / "evaluation" / "reference.npz", hu=hu, probability=probability.astype(np.float16)
    )


def export_run(run: Path, out: Path, *, version: str = "0.0.0", config: Path = CONFIG) -> Path:
    """Export a run's averaged weights as a bundle; the bundle's folder.

    Raises:
        SystemExit: onnxruntime disagrees with torch.
    """
    parser = read_config(config)
    mirror = bool(parser.get_parsed_content("mirror", default=False))
    model = Probability(load_average(run, parser), mirror=mirror).eval()
    seen = patients_seen(run)
    context, path = int(parser.get_parsed_content("context")), out / "models" / "model.onnx"
    facts = {"name": "lung-lesion", "version": version, "notice": "Research use only."}
    export(model, context, path, {**facts, "made_with": f"torch {torch.__version__}"})
    figures = agreement(model, path, _images(context))
    print(f"{run.name}: torch and onnxruntime", json.dumps(figures), f"on {platform.machine()}")
    if figures["largest_difference"] > LARGEST_DIFFERENCE or figures["least_dice"] < LEAST_DICE:
        raise SystemExit("torch and onnxruntime disagree: nothing is written")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    content = {**metadata(parser, seen, sha256, version), "export_agreement": figures}
    write_metadata(out, content)
    _write_reference(out, context)
    return out


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument("--run", type=Path, default=RUNS / "ship")
    parser.add_argument("--out", type=Path, default=BUNDLE, help="the bundle's folder")
    parser.add_argument("--version", default="1.0.0", help="semantic version of the model")
    asked = parser.parse_args()
    export_run(asked.run, asked.out, version=asked.version, config=asked.config)
    size = (asked.out / "models" / "model.onnx").stat().st_size / 1e6
    print(f"{asked.out.name} {asked.version}: {size:.1f} MB")


if __name__ == "__main__":
    main()
