"""opacimeter: chest CT in, lung and opacity volumes out. Research use only.

import opacimeter
for result in opacimeter.quantify("study/"):
    print(result.to_dict()["summary"])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from opacimeter.version import __version__

if TYPE_CHECKING:
    from opacimeter.results import Result, quantify

__all__ = ["Result", "__version__", "quantify"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attributes have any type
    """Load the network's runtime only for those who quantify."""
    if name in {"Result", "quantify"}:
        return getattr(import_module("opacimeter.results"), name)
    raise AttributeError(f"module 'opacimeter' has no attribute {name!r}")
