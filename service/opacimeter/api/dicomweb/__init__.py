"""DICOMweb (PS3.18): objects come in by STOW-RS; those made here are found and read."""

from opacimeter.api.dicomweb.address import ROOT
from opacimeter.api.dicomweb.qido import router as _qido
from opacimeter.api.dicomweb.stow import router as _stow
from opacimeter.api.dicomweb.wado import router as _wado

__all__ = ["ROOT", "routers"]

routers = (_stow, _qido, _wado)
