"""Novelty: what of the files that came in the store has already, and what disagrees with it."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from opacimeter.store.database import Database
from opacimeter.store.entries import IncomingFile, Status
from opacimeter.store.files import Files, uid_hash
from opacimeter.store.rows import AssessmentRow, InstanceRow
from opacimeter.store.rows_inbox import WaitingRow
from opacimeter.store.waiting import Role

__all__ = ["Found", "Known", "Novelty", "SameImages", "Verdict"]

SameImages = Callable[[Sequence[tuple[Path, Path]]], Sequence[bool]]


class Verdict(Enum):
    """What a file is beside those that the store has."""

    NEW = "new"
    KNOWN = "known"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Known:
    """Files that the store has of one study: (name, whether it stands aside) by instance.

    Attributes:
        in_force: Those that belong to the newest version.
        waiting: Those in the inbox.
        rejected: Whether the newest version was rejected.
    """

    in_force: Mapping[str | None, Sequence[tuple[str, bool]]]
    waiting: Mapping[str | None, Sequence[tuple[str, bool]]]
    rejected: bool

    def beside(self, uid: str | None) -> tuple[tuple[str, bool], ...]:
        """All there is of an instance."""
        return (*self.in_force.get(uid, ()), *self.waiting.get(uid, ()))


@dataclass(frozen=True, slots=True)
class Found:
    """A file that came in: its name in the store, its instance, what it is, and beside what."""

    file: IncomingFile
    name: str
    uid: str | None
    verdict: Verdict
    beside: tuple[str, ...]


class Novelty:
    """Compares what comes in with what is there, by bytes and, where those differ, by images."""

    def __init__(self, db: Database, files: Files, *, same_images: SameImages) -> None:
        """Wire it.

        Args:
            db: Where the rows are.
            files: Where the images are.
            same_images: For each pair of files of one SOPInstanceUID, whether they hold the same
                pixels in the same place; asked only where their bytes differ.
        """
        self._db, self._files, self._same = db, files, same_images

    def known(self, assessment: UUID) -> Known:
        """What the store has of a study."""
        in_force = select(InstanceRow.uid_hash, InstanceRow.name, InstanceRow.aside).where(
            InstanceRow.assessment_id == str(assessment), InstanceRow.until.is_(None)
        )
        waiting = select(WaitingRow.uid_hash, WaitingRow.name, WaitingRow.role).where(
            WaitingRow.assessment_id == str(assessment)
        )
        with self._db.read() as session:
            head = session.get(AssessmentRow, str(assessment))
            return Known(
                _by_uid((uid, name, aside) for uid, name, aside in session.execute(in_force)),
                _by_uid(
                    (uid, name, role in (Role.ASIDE, Role.OURS))
                    for uid, name, role in session.execute(waiting)
                ),
                head is not None and head.status == Status.REJECTED,
            )

    def found(
        self,
        assessment: UUID,
        files: Sequence[IncomingFile],
        beside: Callable[[str | None], Sequence[tuple[str, bool]]],
    ) -> list[Found]:
        """What each file is beside those named by `beside` for its instance."""
        sorted_ones = [self._by_bytes(file, beside) for file in files]
        suspects = [each for each in sorted_ones if each.verdict is Verdict.CHANGED]
        pairs = [
            (suspect, self._files.instance(assessment, name))
            for suspect in suspects
            for name in suspect.beside
        ]
        same = self._same([(one.file.path, known) for one, known in pairs]) if pairs else ()
        alike = {one.file.path for (one, _), equal in zip(pairs, same, strict=True) if equal}
        return [
            Found(each.file, each.name, each.uid, Verdict.KNOWN, each.beside)
            if each.verdict is Verdict.CHANGED and each.file.path in alike
            else each
            for each in sorted_ones
        ]

    def _by_bytes(
        self, file: IncomingFile, beside: Callable[[str | None], Sequence[tuple[str, bool]]]
    ) -> Found:
        uid = uid_hash(file.instance_uid) if file.instance_uid else None
        name = file.name or name_of(file.path, uid)
        others = beside(uid)
        names = tuple(each for each, _ in others)
        # What stands aside is never measured: another encoding of it changes nothing.
        nothing_measured = file.aside and others and all(aside for _, aside in others)
        if name in names or nothing_measured:
            return Found(file, name, uid, Verdict.KNOWN, names)
        # Files too damaged to tell their instance have nothing in common but that.
        changed = uid is not None and bool(names)
        return Found(file, name, uid, Verdict.CHANGED if changed else Verdict.NEW, names)


def name_of(path: Path, uid: str | None) -> str:
    """A file's name in the store: of its instance and its content."""
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{uid or 'damaged'}-{content[:24]}"


def _by_uid(
    rows: Iterable[tuple[str | None, str, bool]],
) -> dict[str | None, list[tuple[str, bool]]]:
    known: dict[str | None, list[tuple[str, bool]]] = {}
    for uid, name, aside in rows:
        known.setdefault(uid, []).append((name, aside))
    return known
