"""API: the service over HTTP."""

from opacimeter.api.application import build
from opacimeter.api.services import Bounds, Services, Slices

__all__ = ["Bounds", "Services", "Slices", "build"]
