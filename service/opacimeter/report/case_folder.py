"""Case folders: corrected versions as cases that training/ reads (training/README.md).

FOLDER/cases.json                    a row a case
FOLDER/<case>/{ct,label}.nii.gz      HU; 0 outside, 1 lung, 2 lesion
FOLDER/README.txt                    what this is, and what it may be used for
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opacimeter.durable import sync
from opacimeter.errors import Conflict
from opacimeter.report.nifti import read_nifti, write_nifti
from opacimeter.report.painting import classes_of

__all__ = ["CaseFolder", "CorrectedCase"]

_ROWS, _README = "cases.json", "README.txt"
_LESION = 2
_NOTICE = """\
Chest CT with lungs and opacities as persons corrected them, exported by opacimeter.
Research use only. Not a medical device.

- These are images of patients. Names, identifiers, UIDs and dates are left out; case and patient
  names are keyed hashes, and the key stays with the service that exported them. The images
  themselves may still tell who somebody is. Keep and pass on the folder accordingly.
- No licence and no consent comes with it. Whoever trains on it, or passes on it or weights made of
  it, needs the consent or the legal ground that their institution and their law ask for.
- Labels begin with a network's, so what nobody noticed is that network's error. Cases come from
  where corrections were thought worth making: they are no random sample.
- Set "gate": true in cases.json for patients that no model that ships may be trained on.
"""


@dataclass(frozen=True, slots=True)
class CorrectedCase:
    """A corrected version on its way into a case folder.

    Attributes:
        id: Name of the case, a pseudonym; the same for all versions of a study.
        patient: Pseudonym of the patient.
        fingerprint: Changes with the labels or the images.
        volume: Its volume.nii.gz.
        labels: Its labels.nii.gz.
        note: For whoever reads figures made of it; nothing about the patient.
    """

    id: str
    patient: str
    fingerprint: str
    volume: Path
    labels: Path
    note: str


class CaseFolder:
    """A case folder, new or begun by an earlier export."""

    def __init__(self, folder: Path) -> None:
        """Open it, making it where needed.

        Raises:
            Conflict: It holds something else.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._rows = folder, _read(folder)
        if not (folder / _README).exists():
            (folder / _README).write_text(_NOTICE, encoding="utf-8")

    def holds(self, case: CorrectedCase) -> bool:
        """Does it hold this very version already?"""
        known = self._rows.get(case.id, {}).get("fingerprint") == case.fingerprint
        return known and (self._folder / case.id).is_dir()

    def write(self, case: CorrectedCase) -> None:
        """Write a case, in place of an earlier version of it.

        What was changed by hand in its row stays, but for what the images and labels say.

        Raises:
            FileNotFoundError: The version was removed meanwhile.
        """
        partial = self._folder / f".partial-{case.id}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            shutil.copyfile(case.volume, partial / "ct.nii.gz")
            labels, affine = read_nifti(case.labels)
            classes = classes_of(labels)
            write_nifti(partial / "label.nii.gz", classes, affine)
            shutil.rmtree(self._folder / case.id, ignore_errors=True)
            partial.rename(self._folder / case.id)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        self._enter(case, healthy=not bool((classes == _LESION).any()))

    def _enter(self, case: CorrectedCase, *, healthy: bool) -> None:
        """Its row, last: a folder without a row is no case, a row without a folder none either."""
        mine = {"patient": case.patient, "healthy": healthy, "fingerprint": case.fingerprint}
        fresh = {"id": case.id, "spacing": "true", "intensity": "true", "order": "volume",
                 "classes": ["lung", "lesion"], "gate": self._gate(case.patient),
                 "note": case.note}  # fmt: skip
        self._rows[case.id] = {**fresh, **self._rows.get(case.id, {}), **mine}
        text = json.dumps(list(self._rows.values()), indent=1) + "\n"
        partial = self._folder / f"{_ROWS}.partial"
        partial.write_text(text, encoding="utf-8")
        sync(partial)
        partial.replace(self._folder / _ROWS)

    def _gate(self, patient: str) -> bool:
        """All cases of a patient stand on one side of the gate."""
        return any(row["gate"] for row in self._rows.values() if row.get("patient") == patient)


def _read(folder: Path) -> dict[str, dict[str, Any]]:
    """Rows by case."""
    path = folder / _ROWS
    if not path.exists():
        if any(each.name != _README for each in folder.iterdir()):
            raise Conflict(f"The folder is not empty and holds no {_ROWS}; name a new one.")
        return {}
    try:
        return {row["id"]: row for row in json.loads(path.read_text(encoding="utf-8"))}
    except (ValueError, TypeError, KeyError) as error:
        raise Conflict(f"The folder's {_ROWS} is no list of cases; name a new folder.") from error
