"""Assess: find the lungs and the opacities in them, and measure both."""

from opacimeter.assess.assessor import Assessor

__all__ = ["Assessor"]
