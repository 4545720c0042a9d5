"""importers: public sets and own studies become a case folder, `python -m training.importers`."""

from training.importers.item import Importer
from training.importers.sets import SETS

__all__ = ["SETS", "Importer"]
