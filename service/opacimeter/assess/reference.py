"""The reference of a bundle: does its graph infer here as it did where it was exported?"""

import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from opacimeter.assess.bundle import Bundle, read_bundle
from opacimeter.assess.network import OnnxNetwork
from opacimeter.errors import ModelError

__all__ = ["verified_bundle"]

TOLERANCE = 5e-3
"""Largest difference of a probability: ten times what the file's half precision rounds off."""

CLASSES = 3
SIDE = 32


def verified_bundle(folder: Path) -> Bundle:
    """A bundle whose hash and contract hold, and whose graph gives the output it was exported with.

    Raises:
        ModelError: One of these is not so.
    """
    bundle = read_bundle(folder)
    hu, expected = _reference(folder, bundle.context)
    network = OnnxNetwork(bundle.onnx, threads=1)
    try:
        found = network(hu)
    except Exception as error:  # onnxruntime's errors share no narrower base
        raise ModelError("The model's graph does not take its own reference input.") from error
    if found.shape != expected.shape:
        raise ModelError(
            f"The model's graph gives {found.shape} for its reference input, the stored output is "
            f"{expected.shape}; export the bundle again."
        )
    difference = float(np.abs(found - expected).max())
    if not difference <= TOLERANCE:  # nor where it is NaN
        raise ModelError(
            f"The model's probabilities differ by {difference:.4f} from its stored reference "
            f"output, the limit is {TOLERANCE}; export the bundle again."
        )
    return bundle


def _reference(folder: Path, context: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """HU (1, context, row, column) and probability (1, class, row, column)."""
    try:
        with np.load(folder / "evaluation" / "reference.npz") as stored:
            hu = np.asarray(stored["hu"], dtype=np.float32)[None]
            expected = np.asarray(stored["probability"], dtype=np.float32)
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ModelError(
            "The model bundle has no readable evaluation/reference.npz; export it again."
        ) from error
    rows, columns = hu.shape[-2:]
    sides = hu.ndim == 4 and rows and columns and not (rows % SIDE or columns % SIDE)
    if not sides or hu.shape[1] != context or expected.shape != (1, CLASSES, rows, columns):
        raise ModelError(
            f"The reference input is {hu.shape} and its output {expected.shape}; the contract says "
            f"(1, {context}, row, column) and (1, {CLASSES}, row, column), sides multiples of "
            f"{SIDE}."
        )
    return hu, expected
