"""The sets that can be imported, by the names that the command line knows."""

from collections.abc import Mapping

from training.importers import covid_19_20, covid_19_ct_seg, medseg, mosmed, pairs, studies
from training.importers.item import Importer

__all__ = ["SETS"]

SETS: Mapping[str, Importer] = {
    "covid-19-ct-seg": covid_19_ct_seg.items,
    "mosmed": mosmed.items,
    "medseg": medseg.items,
    "covid-19-20": covid_19_20.items,
    "pairs": pairs.items,
    "dicom": studies.items,
}
