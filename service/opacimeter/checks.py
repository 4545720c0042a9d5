"""The checks: what opacimeter says about a study beside its numbers.

Every code has exactly one severity, so a check is built from its code alone and cannot be a
warning in one place and a rejection in another. The sentence is for a radiologist: the fact, then
the limit; never a patient's name or identifier, never a path.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

__all__ = ["SEVERITY_OF_CODE", "Check", "Severity"]


class Severity(StrEnum):
    """How a check bears on the study."""

    REJECT = "reject"
    WARNING = "warning"
    INFO = "info"


_CODES = {
    Severity.REJECT: (
        "not-dicom no-ct no-axial-series not-chest too-few-slices too-thick slice-gap "
        "irregular-spacing duplicate-position mixed-orientation missing-geometry mixed-grid "
        "not-hounsfield damaged-file unsupported-syntax too-large uid-conflict missing-identifiers"
    ),
    Severity.WARNING: (
        "gantry-tilt thick-slices lossy-compressed sharp-kernel contrast-medium expiration "
        "lung-cut-off small-lung child lesion-at-limit outside-evaluated-range "
        "patient-mismatch prior-differs no-frame-of-reference"
    ),
    Severity.INFO: (
        "localizer-removed not-image-removed exact-duplicate-removed series-split not-supine "
        "padding-ignored not-calibrated corrected"
    ),
}

SEVERITY_OF_CODE: Mapping[str, Severity] = MappingProxyType(
    {code: severity for severity, codes in _CODES.items() for code in codes.split()}
)


@dataclass(frozen=True, slots=True)
class Check:
    """One finding about a study's fitness for measurement.

    Attributes:
        code: One of `SEVERITY_OF_CODE`.
        message: One sentence for a radiologist, with the fact and the limit.
        detail: The numbers behind the sentence; JSON values only.

    Raises:
        ValueError: The code is not in the catalogue.
    """

    code: str
    message: str
    detail: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.code not in SEVERITY_OF_CODE:
            raise ValueError(f"unknown check code {self.code!r}")
        object.__setattr__(self, "detail", MappingProxyType(dict(self.detail)))

    @property
    def severity(self) -> Severity:
        """The one severity of this code."""
        return SEVERITY_OF_CODE[self.code]
