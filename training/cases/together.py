"""Cases of several folders together: this project's and a researcher's own."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from training.cases.case import Case
from training.cases.data import data_folder
from training.cases.folder import CaseFolderError

__all__ = ["folders_of", "join"]


def folders_of(data: Path | None, more: Sequence[Path]) -> tuple[Path, ...]:
    """The folders that a command line names.

    Args:
        data: What was named; None for OPACIMETER_DATA, which may be absent where there are others.
        more: Case folders to join with it.
    """
    if data is None and more and not data_folder().is_dir():
        return tuple(more)
    return (data or data_folder(), *more)


def join(sets: Iterable[Sequence[Case]]) -> tuple[Case, ...]:
    """The cases of several folders.

    Raises:
        CaseFolderError: A name stands for two cases, or a patient on both sides of the gate:
            figures could then come from weights that saw the patient under another name.
    """
    cases = tuple(case for each in sets for case in each)
    counted = Counter(case.name for case in cases)
    if twice := sorted(name for name, times in counted.items() if times > 1):
        raise CaseFolderError(
            f"More than one of the folders has a case {', '.join(twice)}; rename one of them, in "
            "its cases.json and its folder."
        )
    gate = {case.patient for case in cases if case.gate}
    if torn := sorted(gate & {case.patient for case in cases if not case.gate}):
        raise CaseFolderError(
            f"Patients with cases inside and outside of the gate: {', '.join(torn)}; if they are "
            "different people, give one another name in cases.json, else mark all or none."
        )
    return cases
