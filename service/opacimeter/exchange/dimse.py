"""A DIMSE archive: C-ECHO, C-FIND, C-GET, C-MOVE, C-STORE and storage commitment (PS3.4, PS3.7)."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pydicom import Dataset, dcmread
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext, build_context, build_role
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from opacimeter.errors import ArchiveRefused, ArchiveUnreachable
from opacimeter.exchange.archive import (
    Confirmed,
    Failure,
    Fetched,
    FoundStudy,
    Instance,
    Question,
    Sent,
)
from opacimeter.exchange.commitment import commit
from opacimeter.exchange.instances import DUPLICATE, failure, identified
from opacimeter.exchange.peer import DimsePeer
from opacimeter.exchange.receiving import CT_CLASSES, CT_SYNTAXES, Receiver

__all__ = ["DimseArchive"]

_PENDING: Final = {0xFF00, 0xFF01}
# Stored, though something was coerced or dropped (PS3.4 table B.2-1).
_WARNINGS: Final = {0xB000, 0xB006, 0xB007}
_PLAIN: Final = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
_STUDY_KEYS: Final = (
    "StudyDate", "StudyTime", "StudyDescription", "PatientID", "IssuerOfPatientID",
    "PatientBirthDate", "PatientSex", "ModalitiesInStudy",
)  # fmt: skip


class DimseArchive:
    """An archive behind an AE title; see `Archive`."""

    def __init__(self, peer: DimsePeer) -> None:
        """Nothing is connected before the first question."""
        self._peer = peer
        self.name = peer.name

    def echo(self) -> str:
        """C-ECHO."""
        with self._association("echo", [build_context(Verification)]) as association:
            status = association.send_c_echo()
            self._require(status, "echo")
        return "answers C-ECHO (0x0000)"

    def studies(self, wanted: Question) -> tuple[FoundStudy, ...]:
        """Studies that it has, by C-FIND in the study root model."""
        asked = _identifier("STUDY", _STUDY_KEYS)
        asked.StudyInstanceUID = wanted.study_uid or ""
        asked.PatientID = wanted.patient_id or ""
        asked.StudyDate = "-".join(wanted.dates) if wanted.dates else ""
        asked.ModalitiesInStudy = wanted.modality or ""
        return tuple(_study(row) for row in self._find(asked))

    def fetch(self, study_uid: str, folder: Path) -> Fetched:
        """The CT images of a study, series by series, by C-GET or C-MOVE."""
        asked = _identifier("SERIES", ("NumberOfSeriesRelatedInstances",))
        asked.StudyInstanceUID, asked.Modality, asked.SeriesInstanceUID = study_uid, "CT", ""
        series = [row for row in self._find(asked) if row.get("Modality", "CT") in {"", "CT"}]
        if not series:
            raise ArchiveRefused("the archive has no CT series of this study", hop="query")
        receiver = Receiver(folder)
        for row in series:
            which = _identifier("SERIES", ())
            which.StudyInstanceUID, which.SeriesInstanceUID = study_uid, row.SeriesInstanceUID
            (self._move if self._peer.move else self._get)(which, receiver)
        counts = [row.get("NumberOfSeriesRelatedInstances") for row in series]
        told = [int(count) for count in counts if count not in {None, ""}]
        expected = sum(told) if len(told) == len(counts) else None
        return Fetched(tuple(receiver.files), expected)

    def send(self, files: Sequence[Path]) -> Sent:
        """Store files by C-STORE; each answer's status counts."""
        known = identified(files)
        stored: set[str] = set()
        failed: dict[str, Failure] = {}
        with self._association("store", _contexts(known.values())) as association:
            for file, instance in known.items():
                why = _stored(association, file)
                if why is None:
                    stored.add(instance.uid)
                else:
                    failed[instance.uid] = why
        return Sent(frozenset(stored), failed)

    def confirm(self, instances: Sequence[Instance]) -> Confirmed | None:
        """Storage commitment, where the settings ask for it."""
        return commit(self._peer, instances) if self._peer.commit else None

    def _find(self, asked: Dataset) -> list[Dataset]:
        model = StudyRootQueryRetrieveInformationModelFind
        with self._association("query", [build_context(model)]) as association:
            answers = list(association.send_c_find(asked, model))
        status, _ = answers[-1] if answers else (Dataset(), None)
        self._require(status, "query")
        return [row for _, row in answers if row is not None]

    def _get(self, which: Dataset, receiver: Receiver) -> None:
        model = StudyRootQueryRetrieveInformationModelGet
        # One syntax a context: of several the archive would choose one that it must convert to.
        wanted = [build_context(cls, syntax) for cls in CT_CLASSES for syntax in CT_SYNTAXES]
        with self._association(
            "fetch",
            [build_context(model), *wanted],
            roles=[build_role(cls, scp_role=True) for cls in CT_CLASSES],
            handlers=[(evt.EVT_C_STORE, receiver.store)],
        ) as association:
            answers = list(association.send_c_get(which, model))
        self._require_whole(answers)

    def _move(self, which: Dataset, receiver: Receiver) -> None:
        model, peer = StudyRootQueryRetrieveInformationModelMove, self._peer
        with (
            receiver.listening(peer),
            self._association("fetch", [build_context(model)]) as association,
        ):
            answers = list(association.send_c_move(which, peer.calling, model))
        self._require_whole(answers)

    def _require_whole(self, answers: Sequence[tuple[Dataset, Dataset | None]]) -> None:
        status = answers[-1][0] if answers else Dataset()
        code = status.get("Status")
        if code in _WARNINGS or status.get("NumberOfFailedSuboperations"):
            count = status.get("NumberOfFailedSuboperations", 0)
            raise ArchiveUnreachable(f"{count} images were not handed over", hop="fetch")
        self._require(status, "fetch")

    def _require(self, status: Dataset, hop: str) -> None:
        code = status.get("Status")
        if code is None:
            raise ArchiveUnreachable("the association ended without an answer", hop=hop)
        if code != 0:
            why = failure(code)
            kind = ArchiveRefused if why.lasting else ArchiveUnreachable
            raise kind(f"the archive answered {why.reason}", hop=hop)

    @contextmanager
    def _association(
        self,
        hop: str,
        contexts: Sequence[PresentationContext],
        *,
        roles: Sequence[Any] = (),
        handlers: Sequence[tuple[evt.EventType, Any]] = (),
    ) -> Iterator[Association]:
        with associated(self._peer, hop, contexts, roles=roles, handlers=handlers) as association:
            yield association


@contextmanager
def associated(
    peer: DimsePeer,
    hop: str,
    contexts: Sequence[PresentationContext],
    *,
    roles: Sequence[Any] = (),
    handlers: Sequence[tuple[evt.EventType, Any]] = (),
) -> Iterator[Association]:
    """An association, released at the end.

    Raises:
        ArchiveUnreachable: The peer cannot be reached, or is too busy.
        ArchiveRefused: It rejects this side for good, or every context.
    """
    raise NotImplementedError


def _contexts(instances: Iterable[Instance]) -> list[PresentationContext]:
    raise NotImplementedError
