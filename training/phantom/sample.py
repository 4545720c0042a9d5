"""The study that ships in dicom_samples/: who it is and how it was scanned."""

import json
from pathlib import Path

from training.phantom.lesions import spread
from training.phantom.patient import Patient
from training.phantom.scanner import Scan
from training.phantom.study import write_study
from training.phantom.syntaxes import Syntax
from training.phantom.truth import Truth

__all__ = ["SAMPLE", "write_sample", "write_truth"]

SAMPLE = Scan(
    slices=108, rows=288, columns=288, spacing_mm=(2.5, 1.28, 1.28), thickness_mm=2.5,
    noise_hu=16.0, syntax=Syntax.JPEG_LS,
)  # fmt: skip
_BURDEN_PERCENT, _LESION_SEED = 11.0, 20


def write_sample(folder: Path) -> Truth:
    """Write phantom-001/ and phantom-001.json into a folder; always the same bytes."""
    patient = Patient(lesions=spread(_BURDEN_PERCENT, seed=_LESION_SEED))
    truth = write_study(folder / "phantom-001", patient, SAMPLE)
    write_truth(folder / "phantom-001.json", truth)
    return truth


def write_truth(path: Path, truth: Truth) -> None:
    """Write what is true of a scan as JSON."""
    path.write_text(json.dumps(truth.to_dict(), indent=1) + "\n", encoding="utf-8")
