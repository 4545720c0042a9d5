"""intake: DICOM files in, a checked volume in Hounsfield units out."""

from opacimeter.intake.arriving import Arrived, Rules, look
from opacimeter.intake.limits import Limits
from opacimeter.intake.loading import load
from opacimeter.intake.study import Study, find

__all__ = ["Arrived", "Limits", "Rules", "Study", "find", "load", "look"]
