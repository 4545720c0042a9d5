"""Web: one plain page over the API."""

from opacimeter.web.page import install

__all__ = ["install"]
