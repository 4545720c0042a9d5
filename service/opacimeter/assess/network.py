"""The network at work: the only importer of onnxruntime."""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from opacimeter.errors import ModelError

__all__ = ["MOST_AT_ONCE", "OnnxNetwork"]

MOST_AT_ONCE = 4
"""Calls at a time: each holds its own activations, some tens of megabytes."""


class OnnxNetwork:
    """An ONNX graph, loaded once and called many times, from any thread.

    Args:
        onnx: The graph's file.
        threads: Threads of all calls together; up to `MOST_AT_ONCE` they are the callers' own.

    Raises:
        ModelError: The graph does not load or does not have the contract's input and output.
    """

    def __init__(self, onnx: Path, *, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = max(1, threads // MOST_AT_ONCE)
        # Spinning threads fight with whatever else runs on a small machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(onnx), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's errors share no narrower base
            raise ModelError("The model's graph cannot be loaded.") from error
        names = [
            value.name for value in (*self._session.get_inputs(), *self._session.get_outputs())
        ]
        if names != ["hu", "probability"]:
            raise ModelError(f"The model's graph has {names}, the contract says hu, probability.")

    def __call__(self, hu: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities (batch, class, row, column) of HU (batch, context, row, column)."""
        probability: NDArray[np.float32] = self._session.run(["probability"], {"hu": hu})[0]
        return probability
