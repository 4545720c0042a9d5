"""DICOMweb (PS3.18): objects come in by STOW-RS; those made here are found and read."""

from opacimeter.api.dicomweb import qido, stow, wado
from opacimeter.api.dicomweb.address import ROOT

__all__ = ["ROOT", "routers"]

routers = (stow.router, qido.router, wado.router)
