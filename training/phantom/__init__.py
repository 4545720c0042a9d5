"""A digital chest phantom: complete CT studies whose lung and lesion volumes are known exactly.

Needs numpy, scipy, pydicom and imagecodecs, nothing else.
"""

from training.phantom.lesions import spread
from training.phantom.patient import Lesion, LesionKind, Patient
from training.phantom.scanner import Kernel, Position, Region, Scan, scan
from training.phantom.study import write_study
from training.phantom.syntaxes import Syntax
from training.phantom.truth import LesionTruth, Truth

__all__ = ["Kernel", "Lesion", "LesionKind", "LesionTruth", "Patient", "Position", "Region", "Scan",
           "Syntax", "Truth", "scan", "spread", "write_study"]  # fmt: skip
