"""The inbox: single objects come in, are kept at once, and become a study when no more come.

DICOM knows no end of a study: an archive sends objects, and at some moment it sends no more. So
each object is kept durably when it comes, and the study is handed to `Arrivals` once none of its
images has come for a while, or when somebody asks for it. What comes after that is waited for in
the same way and makes the next version, by the rules that hold for every delivery.

The files lie where those of the assessment do, so that nothing is moved when the study is taken in.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from opacimeter.errors import Conflict, IntakeRejected, NotFound
from opacimeter.record import assessment_id
from opacimeter.store.arrivals import Arrivals
from opacimeter.store.database import Database
from opacimeter.store.entries import Incoming, IncomingFile, Origin, Receipt
from opacimeter.store.files import Files, uid_hash
from opacimeter.store.forgetting import expired, forget_with_files, waiting_of
from opacimeter.store.novelty import Found, Known, Novelty, Verdict
from opacimeter.store.rows_inbox import InboxRow, WaitingRow
from opacimeter.store.waiting import Arriving, Kept, Role, Waiting

__all__ = ["Inbox"]

# What goes along with a study by itself, and what besides where somebody asks for it.
_BY_ITSELF = frozenset({Role.IMAGE, Role.ASIDE})
_ASKED = frozenset({Role.IMAGE, Role.ASIDE, Role.UNWANTED, Role.REFUSED})


_AT_ONCE = 100


class Inbox:
    """Keeps objects, and hands them over as studies."""

    def __init__(
        self, db: Database, files: Files, *, novelty: Novelty, arrivals: Arrivals,
        clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        """Wire it.

        Args:
            db: Where the rows are.
            files: Where the objects go.
            novelty: Tells what the store has already.
            arrivals: Takes studies in.
            clock: Now, UTC.
        """
        self._db, self._files, self._clock = db, files, clock
        self._novelty, self._arrivals = novelty, arrivals

    def keep(
        self, objects: Sequence[Arriving], *, quiet: timedelta, origin: Origin = Origin.STOW
    ) -> tuple[Kept, ...]:
        """Keep objects, of one study or of several.

        What is told as stored is on the disk itself when this returns. Files that are not kept
        stay where they lie.

        Args:
            objects: What arrived.
            quiet: How long a study waits for more of its images.
            origin: How they came.

        Returns:
            What became of each, in their order.
        """
        kept: dict[int, Kept] = {}
        for group in _groups(objects):
            outcomes = self._keep_group([objects[index] for index in group], quiet, origin)
            kept.update(zip(group, outcomes, strict=True))
        return tuple(kept[index] for index in range(len(objects)))

    def due(self) -> tuple[str, ...]:
        """Study UIDs of what nothing more has come of for its time, the longest first."""
        query = select(InboxRow.study_uid).where(InboxRow.due <= self._clock())
        with self._db.read() as session:
            return tuple(session.scalars(query.order_by(InboxRow.due)))

    def release(
        self, study_uid: str, *, asked: bool = False, model_sha256: str | None = None
    ) -> Receipt:
        """Take a study in: hand what waits of it to `Arrivals`.

        Args:
            study_uid: StudyInstanceUID.
            asked: Somebody asked for it: what is unwanted goes along.
            model_sha256: As of `Arrivals.receive`.

        Raises:
            NotFound: No image of it waits.
            IntakeRejected: `uid-conflict`, meanwhile another delivery brought the same UIDs with
                other content; what waits stays, as `Role.REFUSED`.
            Conflict: The study was deleted meanwhile.
        """
        incoming, names = self._incoming(study_uid, _ASKED if asked else _BY_ITSELF)
        assessment = assessment_id(study_uid)
        try:
            receipt = self._arrivals.receive(incoming, model_sha256=model_sha256)
        except (IntakeRejected, Conflict):
            self._refuse(assessment, names)
            raise
        self._handed_over(assessment, names)
        return receipt

    def waiting(self, *, limit: int = 200) -> tuple[Waiting, ...]:
        """Studies that may still be taken in, those due first at the beginning."""
        counts = select(WaitingRow.assessment_id, WaitingRow.role, func.count()).group_by(
            WaitingRow.assessment_id, WaitingRow.role
        )
        hopeful = select(WaitingRow.assessment_id).where(
            WaitingRow.role.in_([Role.IMAGE, Role.UNWANTED, Role.REFUSED])
        )
        query = select(InboxRow).where(InboxRow.assessment_id.in_(hopeful))
        order = (InboxRow.due.is_(None), InboxRow.due, InboxRow.assessment_id)
        with self._db.read() as session:
            rows = session.scalars(query.order_by(*order).limit(limit)).all()
            found = [row.assessment_id for row in rows]
            told: dict[str, Counter[Role]] = {key: Counter() for key in found}
            for key, role, number in session.execute(
                counts.where(WaitingRow.assessment_id.in_(found))
            ):
                told[key][Role(role)] = number
        return tuple(_waiting(row, told[row.assessment_id]) for row in rows)

    def remove(self, study_uid: str) -> None:
        """Remove what waits of a study, its files too.

        Raises:
            NotFound: Nothing waits.
        """
        assessment = assessment_id(study_uid)
        with self._db.write() as session:
            if not waiting_of(session, assessment):
                raise NotFound("nothing of such a study waits")
            forget_with_files(session, self._files, assessment)

    def expire(self, age: timedelta) -> int:
        """Remove what waits for nobody and of which nothing has come for `age`; how many studies.

        What is due stays, and so does what belongs to an assessment.
        """
        before = self._clock() - age
        with self._db.read() as session:
            old = session.scalars(expired(before).limit(_AT_ONCE)).all()
        return sum(self._expire(key, before) for key in old)

    def _expire(self, key: str, before: datetime) -> bool:
        """Remove what waits of a study, unless something has come of it meanwhile."""
        with self._db.write() as session:
            still = expired(before).where(InboxRow.assessment_id == key)
            if session.scalars(still).first() is None:
                return False
            forget_with_files(session, self._files, UUID(key))
            return True

    def _keep_group(
        self, objects: Sequence[Arriving], quiet: timedelta, origin: Origin
    ) -> list[Kept]:
        """Keep different objects of one study."""
        assessment = assessment_id(objects[0].study_uid)
        known = self._novelty.known(assessment)
        files = [_file(each) for each in objects]
        found = self._novelty.found(assessment, files, known.beside)
        new = [index for index, each in enumerate(found) if _is_new(each, known)]
        # Before the transaction, which nobody should wait for: a file without a row is nothing.
        if new:
            self._files.take_all([(found[at].file.path, found[at].name) for at in new], assessment)
        outcomes = [_KEPT[each.verdict] for each in found]
        if any(
            outcome is Kept.KNOWN and each.role is Role.IMAGE
            for outcome, each in zip(outcomes, objects, strict=True)
        ):
            self._arrivals.want(assessment, origin)
        with self._db.write() as session:
            for at in new:
                row = self._row(session, objects[at], origin)
                outcomes[at] = self._add(session, found[at], objects[at])
                if outcomes[at] is Kept.STORED and objects[at].role is Role.IMAGE:
                    row.due = self._clock() + quiet
        return outcomes

    def _row(self, session: Session, arrived: Arriving, origin: Origin) -> InboxRow:
        key = str(assessment_id(arrived.study_uid))
        row = session.get(InboxRow, key, with_for_update=True)
        if row is None:
            row = InboxRow(
                assessment_id=key, study_uid=arrived.study_uid, origin=origin, due=None,
                received=self._clock(), patient={}, study={},
            )  # fmt: skip
            session.add(row)
        elif Origin(row.origin).unasked:
            row.origin = origin
        row.updated = self._clock()
        row.patient = {**arrived.patient, **row.patient}
        row.study = {**arrived.study, **row.study}
        session.flush()
        return row

    def _add(self, session: Session, found: Found, arrived: Arriving) -> Kept:
        assessment = assessment_id(arrived.study_uid)
        if not self._files.instance(assessment, found.name).exists():
            return Kept.LOST
        key = uid_hash(arrived.instance_uid)
        waiting = session.get(WaitingRow, (str(assessment), key))
        if waiting is None:
            waiting = WaitingRow(assessment_id=str(assessment), uid_hash=key, name=found.name)
            waiting.instance_uid, waiting.role = arrived.instance_uid, arrived.role
            session.add(waiting)
            return Kept.STORED
        # It came twice at one moment.
        return Kept.KNOWN if waiting.name == found.name else Kept.CONFLICT

    def _incoming(self, study_uid: str, roles: Collection[Role]) -> tuple[Incoming, list[str]]:
        assessment = assessment_id(study_uid)
        with self._db.read() as session:
            row = session.get(InboxRow, str(assessment))
            waiting = [each for each in waiting_of(session, assessment) if each.role in roles]
        if row is None or all(each.role == Role.ASIDE for each in waiting):
            raise NotFound("no image of such a study waits")
        files = [
            IncomingFile(
                self._files.instance(assessment, each.name), each.instance_uid,
                aside=each.role == Role.ASIDE, name=each.name,
            )
            for each in waiting
        ]  # fmt: skip
        incoming = Incoming(
            study_uid, files, patient=row.patient, study=row.study, origin=Origin(row.origin)
        )
        return incoming, [each.name for each in waiting]

    def _handed_over(self, assessment: UUID, names: Sequence[str]) -> None:
        with self._db.write() as session:
            row = session.get(InboxRow, str(assessment), with_for_update=True)
            for waiting in waiting_of(session, assessment):
                if waiting.name in names:
                    session.delete(waiting)
            session.flush()
            left = [Role(each.role) for each in waiting_of(session, assessment)]
            if row is not None and not left:
                session.delete(row)
            elif row is not None and Role.IMAGE not in left:
                row.due = None

    def _refuse(self, assessment: UUID, names: Sequence[str]) -> None:
        with self._db.write() as session:
            row = session.get(InboxRow, str(assessment), with_for_update=True)
            for waiting in waiting_of(session, assessment):
                if waiting.name in names and waiting.role == Role.IMAGE:
                    waiting.role = Role.REFUSED
            if row is not None:
                row.due = None


_KEPT = {
    Verdict.NEW: Kept.STORED,
    Verdict.KNOWN: Kept.KNOWN,
    Verdict.CHANGED: Kept.CONFLICT,
}


def _is_new(found: Found, known: Known) -> bool:
    # As in every delivery: a study that came damaged may be sent again.
    again = known.rejected and found.uid not in known.waiting
    return found.verdict is Verdict.NEW or (found.verdict is Verdict.CHANGED and again)


def _groups(objects: Sequence[Arriving]) -> Iterator[list[int]]:
    """Indices by study, each instance once in a group: what comes twice is compared with itself."""
    groups: dict[tuple[str, int], list[int]] = {}
    times: Counter[tuple[str, str]] = Counter()
    for index, each in enumerate(objects):
        nth = times[each.study_uid, each.instance_uid]
        times[each.study_uid, each.instance_uid] += 1
        groups.setdefault((each.study_uid, nth), []).append(index)
    yield from groups.values()


def _file(arrived: Arriving) -> IncomingFile:
    aside = arrived.role not in (Role.IMAGE, Role.UNWANTED)
    return IncomingFile(arrived.path, arrived.instance_uid, aside=aside)


def _waiting(row: InboxRow, counts: Counter[Role]) -> Waiting:
    return Waiting(
        UUID(row.assessment_id), row.study_uid, Origin(row.origin), row.received, row.due,
        dict(counts),
    )  # fmt: skip
