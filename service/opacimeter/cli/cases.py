"""`opacimeter export-cases`: corrected cases as a training set."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from opacimeter.cli.terminal import settings, tell
from opacimeter.report import CaseFolder, CorrectedCase
from opacimeter.settings import Settings
from opacimeter.store import Entry, ReviewState, Store

__all__ = ["export_cases"]

_KEY = "pseudonyms.key"


def export_cases(
    folder: Annotated[Path, typer.Argument(help="Case folder, new or begun.", file_okay=False)],
    *,
    accepted: Annotated[
        bool, typer.Option("--accepted", help="Only corrections that a review accepted.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Export corrected assessments as cases that `python -m training.train --data DIR` takes.

    Of each study the newest complete correction, unless a review rejected it. What the folder
    holds already is passed over; a newer correction replaces an older one.
    """
    found = settings()
    store = _store(found)
    try:
        key = _key(store.files.root / _KEY)
        wanted = [entry for entry in _corrections(store) if _wanted(entry, accepted=accepted)]
        counts = _export(store, wanted, CaseFolder(folder), key)
    finally:
        store.close()
    if as_json:
        print(json.dumps({what.split()[0]: count for what, count in counts.items()}))  # noqa: T201
    else:
        tell(", ".join(f"{count} {what}" for what, count in counts.items()))


def _store(found: Settings) -> Store:
    return Store(found.data_dir, url=found.database_url)


def _corrections(store: Store) -> Iterator[Entry]:
    for assessment, version in store.corrections.finished():
        yield store.catalogue.get(assessment, version)


def _wanted(entry: Entry, *, accepted: bool) -> bool:
    state = (entry.version.review or {}).get("state")
    return state == ReviewState.ACCEPTED or (not accepted and state is None)


def _export(store: Store, wanted: list[Entry], folder: CaseFolder, key: bytes) -> dict[str, int]:
    counts = {"exported": 0, "known already": 0, "removed meanwhile": 0}
    for entry in wanted:
        case = _case(store, entry, key)
        if folder.holds(case):
            counts["known already"] += 1
            continue
        try:
            folder.write(case)
        except FileNotFoundError:
            counts["removed meanwhile"] += 1
        else:
            counts["exported"] += 1
            tell(f"{case.id} (patient {case.patient})")
    return counts


def _case(store: Store, entry: Entry, key: bytes) -> CorrectedCase:
    kept = {each.name: each for each in store.catalogue.artifacts(entry.id, entry.version.number)}
    volume, labels = kept["volume.nii.gz"], kept["labels.nii.gz"]
    model = entry.version.model
    return CorrectedCase(
        id=f"corrected-{_pseudonym(key, 'study', entry.study_uid)}",
        patient=f"patient-{_pseudonym(key, 'patient', *_identity(entry))}",
        fingerprint=_pseudonym(key, "content", volume.sha256, labels.sha256),
        volume=volume.path,
        labels=labels.path,
        note=f"labels of {model['name']} {model['version']}, corrected by a person",
    )


def _identity(entry: Entry) -> tuple[str, str]:
    """Patient ID and issuer; studies without one count as one patient, since nobody knows."""
    return entry.patient.get("id", ""), entry.patient.get("issuer", "")


def _pseudonym(key: bytes, *parts: str) -> str:
    """A keyed hash: who has no key cannot try out identifiers."""
    text = json.dumps(parts, ensure_ascii=False).encode()
    return hmac.new(key, text, hashlib.sha256).hexdigest()[:16]


def _key(path: Path) -> bytes:
    """The service's own key, made at the first export: a patient keeps one pseudonym."""
    if not path.exists():
        partial = path.with_suffix(".partial")
        partial.touch(mode=0o600)
        partial.write_bytes(secrets.token_bytes(32))
        partial.replace(path)
    return path.read_bytes()
