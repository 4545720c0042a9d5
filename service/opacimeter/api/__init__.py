"""API: the service over HTTP."""

from opacimeter.api.application import build
from opacimeter.api.services import Bounds, DicomFiles, Services, Slices

__all__ = ["Bounds", "DicomFiles", "Services", "Slices", "build"]
