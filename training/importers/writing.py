"""Writing: items become the cases of a folder, one by one, so that an import can be taken up."""

import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from training.cases import Row, read_rows, write_nifti, write_rows
from training.importers.item import CannotUse, Found, Imported, Item, LeftOut

__all__ = ["Report", "write_cases"]

_PARTIAL = ".partial-"


@dataclass(slots=True)
class Report:
    """What became of a source.

    Attributes:
        imported: Cases written now.
        known: Items that were cases already.
        left_out: What was not imported, with the reasons.
    """

    imported: list[Row] = field(default_factory=list)
    known: int = 0
    left_out: list[LeftOut] = field(default_factory=list)


def write_cases(
    found: Iterable[Found],
    out: Path,
    *,
    prefix: str,
    gate_share: float = 0.0,
    tell: Callable[[str], None] = lambda _: None,
) -> Report:
    """Write what an importer found into a case folder, new or begun.

    Nothing that could name a patient is written: cases and patients are numbered.

    Args:
        found: Items and what is left out.
        out: The case folder.
        prefix: Of the names of cases and patients: the set.
        gate_share: Part of the new patients whose cases are kept for the gate; which ones is
            decided by their content, so it does not change from run to run.
        tell: Is told of every case.

    Raises:
        CannotUse: The folder holds something else.
    """
    _prepare(out)
    found = list(found)
    items = [each for each in found if isinstance(each, Item)]
    report = Report(left_out=[each for each in found if isinstance(each, LeftOut)])
    ledger = _Ledger(out, prefix, gate_share, items)
    for item in items:
        if item.fingerprint in ledger.known:
            report.known += 1
            continue
        if item.fingerprint in ledger.new:
            report.left_out.append(LeftOut(item.name, "The same files stand in the source twice."))
            continue
        try:
            case = item.read()
            row = ledger.add(item, case)
        except CannotUse as error:
            report.left_out.append(LeftOut(item.name, str(error)))
            continue
        report.imported.append(row)
        told = "; ".join(each for each in (item.name, row.note, case.aside) if each)
        tell(f"{row.id}: {told}")
    return report


def _prepare(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for left in out.glob(f"{_PARTIAL}*"):
        shutil.rmtree(left)
    if not (out / "cases.json").exists() and any(out.iterdir()):
        raise CannotUse("The folder for the cases holds other things; name a new one.")


class _Ledger:
    """The rows of a case folder while it grows."""

    def __init__(self, out: Path, prefix: str, share: float, items: Sequence[Item]) -> None:
        self._out, self._prefix, self._share = out, prefix, share
        self._rows = list(read_rows(out)) if (out / "cases.json").exists() else []
        by_fingerprint = {row.fingerprint: row for row in self._rows if row.fingerprint}
        self.known = frozenset(by_fingerprint)
        self.new: set[str] = set()
        # A patient who has a case already keeps the name and the side of the split.
        self._patients = {
            item.patient: (row.patient, row.gate)
            for item in items
            if (row := by_fingerprint.get(item.fingerprint))
        }

    def add(self, item: Item, case: Imported) -> Row:
        if item.patient not in self._patients:
            chosen = int(item.fingerprint[:8], 16) / 2**32 < self._share
            self._patients[item.patient] = (
                self._next("p", [r.patient for r in self._rows]),
                chosen,
            )
        patient, gate = self._patients[item.patient]
        row = Row(
            id=self._next("", [row.id for row in self._rows]),
            patient=patient,
            spacing=case.spacing,
            intensity=case.intensity,
            classes=case.classes,
            order=case.order,
            healthy=case.healthy,
            gate=gate,
            fingerprint=item.fingerprint,
            note=case.note,
        )
        self._write(row.id, case)
        self._rows.append(row)
        write_rows(self._out, self._rows)
        self.new.add(item.fingerprint)
        return row

    def _next(self, letter: str, names: Sequence[str]) -> str:
        pattern = re.compile(rf"{re.escape(self._prefix)}-{letter}(\d+)")
        numbers = [int(match[1]) for name in names if (match := pattern.fullmatch(name))]
        return f"{self._prefix}-{letter}{max(numbers, default=0) + 1:03d}"

    def _write(self, name: str, case: Imported) -> None:
        """A folder appears whole or not at all; one without a row is of an interrupted import."""
        partial = self._out / f"{_PARTIAL}{name}"
        partial.mkdir()
        write_nifti(partial / "ct.nii.gz", case.hu, spacing_mm=case.spacing_mm)
        write_nifti(partial / "label.nii.gz", case.label, spacing_mm=case.spacing_mm)
        if case.second is not None:
            write_nifti(partial / "second.nii.gz", case.second, spacing_mm=case.spacing_mm)
        whole = self._out / name
        if whole.exists():
            shutil.rmtree(whole)
        partial.rename(whole)
