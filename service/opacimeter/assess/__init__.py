"""Assess: find the lungs and the opacities in them, and measure both; and which model does it."""

from opacimeter.assess.assessor import Assessor
from opacimeter.assess.bundle import Bundle, Interval, read_bundle
from opacimeter.assess.corrected import Corrected, Original
from opacimeter.assess.history import Change
from opacimeter.assess.incumbent import Incumbent
from opacimeter.assess.registry import GATE, Registry

__all__ = [
    "GATE",
    "Assessor",
    "Bundle",
    "Change",
    "Corrected",
    "Incumbent",
    "Interval",
    "Original",
    "Registry",
    "read_bundle",
]
