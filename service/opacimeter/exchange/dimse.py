"""A DIMSE archive: C-ECHO, C-FIND, C-GET, C-MOVE, C-STORE and storage commitment (PS3.4, PS3.7)."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from pydicom import Dataset, dcmread
from pydicom.multival import MultiValue
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext, build_context, build_role
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from opacimeter.errors import ArchiveError, ArchiveRefused, ArchiveUnreachable
from opacimeter.exchange.archive import (
    Confirmed,
    Failure,
    Fetched,
    FoundStudy,
    Instance,
    Question,
    Sent,
)
from opacimeter.exchange.association import associated, require
from opacimeter.exchange.commitment import commit
from opacimeter.exchange.instances import DUPLICATE, failure, identified
from opacimeter.exchange.peer import DimsePeer
from opacimeter.exchange.receiving import CT_CLASSES, CT_SYNTAXES, Receiver

__all__ = ["DimseArchive"]

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
        with associated(self._peer, "echo", [build_context(Verification)]) as association:
            status = association.send_c_echo()
            require(status, "echo")
        return "answers C-ECHO (0x0000)"

    def studies(self, wanted: Question) -> tuple[FoundStudy, ...]:
        """Studies that it has, by C-FIND in the study root model."""
        asked = _identifier("STUDY", _STUDY_KEYS)
        asked.StudyInstanceUID = wanted.study_uid or ""
        asked.PatientID = wanted.patient_id or ""
        asked.StudyDate = "-".join(wanted.dates) if wanted.dates else ""
        asked.StudyTime = "-".join(wanted.times) if wanted.times else ""
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
        return Fetched(receiver.files, expected)

    def send(self, files: Sequence[Path]) -> Sent:
        """Store files by C-STORE; each answer's status counts."""
        known = identified(files)
        stored: set[str] = set()
        failed: dict[str, Failure] = {}
        with associated(self._peer, "store", _contexts(known.values())) as association:
            for file, instance in known.items():
                why = _stored(association, file)
                if why is None:
                    stored.add(instance.uid)
                else:
                    failed[instance.uid] = why
        return Sent(frozenset(stored), failed)

    def confirm(self, instances: Sequence[Instance]) -> Confirmed | None:
        """Storage commitment where the settings ask for it, else a query for the instances.

        None where it is not to be asked, or answers no queries of this side: some abort the
        association then.
        """
        if self._peer.commit:
            return commit(self._peer, instances)
        if not self._peer.verify:
            return None
        try:
            found = self._instances({(each.study_uid, each.series_uid) for each in instances})
        except ArchiveError as error:
            if error.hop != "query":
                raise
            return None
        missing = {each.uid for each in instances} - found
        return Confirmed(
            frozenset(each.uid for each in instances if each.uid in found),
            dict.fromkeys(missing, "the answer to a query does not name it"),
        )

    def _instances(self, series: Iterable[tuple[str, str]]) -> set[str]:
        """SOPInstanceUIDs of all that the archive has in some series, by C-FIND."""
        found = set()
        for study_uid, series_uid in sorted(series):
            asked = _identifier("IMAGE", ("SOPInstanceUID",))
            asked.StudyInstanceUID, asked.SeriesInstanceUID = study_uid, series_uid
            found |= {str(row.get("SOPInstanceUID", "")) for row in self._find(asked)}
        return found

    def _find(self, asked: Dataset) -> list[Dataset]:
        model = StudyRootQueryRetrieveInformationModelFind
        if not str(asked.get("PatientID", "")).isascii():
            asked.SpecificCharacterSet = "ISO_IR 192"
        with associated(self._peer, "query", [build_context(model)]) as association:
            answers = list(association.send_c_find(asked, model))
        status, _ = answers[-1] if answers else (Dataset(), None)
        require(status, "query")
        return [row for _, row in answers if row is not None]

    def _get(self, which: Dataset, receiver: Receiver) -> None:
        model = StudyRootQueryRetrieveInformationModelGet
        # One syntax a context: of several the archive would choose one that it must convert to.
        wanted = [build_context(cls, syntax) for cls in CT_CLASSES for syntax in CT_SYNTAXES]
        with associated(
            self._peer,
            "fetch",
            [build_context(model), *wanted],
            roles=[build_role(cls, scp_role=True) for cls in CT_CLASSES],
            handlers={evt.EVT_C_STORE: receiver.store},
        ) as association:
            answers = list(association.send_c_get(which, model))
        _require_whole(answers)

    def _move(self, which: Dataset, receiver: Receiver) -> None:
        model, peer = StudyRootQueryRetrieveInformationModelMove, self._peer
        with (
            receiver.listening(peer),
            associated(peer, "fetch", [build_context(model)]) as association,
        ):
            answers = list(association.send_c_move(which, peer.calling, model))
        _require_whole(answers)


def _require_whole(answers: Sequence[tuple[Dataset, Dataset | None]]) -> None:
    """Raise where the last answer of C-GET or C-MOVE tells of images that were not handed over."""
    status = answers[-1][0] if answers else Dataset()
    count = status.get("NumberOfFailedSuboperations")
    warned = status.get("Status") in _WARNINGS
    if not warned:
        require(status, "fetch")
    if warned or count:
        raise ArchiveUnreachable(f"{count or 'some'} images were not handed over", hop="fetch")


def _contexts(instances: Iterable[Instance]) -> list[PresentationContext]:
    """For each class, in the encoding of its files; plain ones may be sent in either."""
    wanted = {(each.sop_class, each.transfer_syntax) for each in instances}
    return [
        build_context(sop_class, _PLAIN if UID(syntax) in _PLAIN else syntax)
        for sop_class, syntax in sorted(wanted)
    ]


def _stored(association: Association, file: Path) -> Failure | None:
    """Send one file; why it is not stored, None where it is.

    Raises:
        ArchiveUnreachable: The association is gone.
    """
    if not association.is_established:
        raise ArchiveUnreachable("the association was cut off", hop="store")
    try:
        status = association.send_c_store(dcmread(file))
    except ValueError:  # no presentation context was accepted for it
        return Failure("the archive takes no objects of this SOP class", lasting=True)
    code = status.get("Status")
    if code is None:
        raise ArchiveUnreachable("the association ended without an answer", hop="store")
    there = code == 0 or code in _WARNINGS or code == DUPLICATE
    return None if there else failure(code)


def _identifier(level: str, keys: Iterable[str]) -> Dataset:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = level
    for key in keys:
        setattr(identifier, key, None if key.startswith("NumberOf") else "")
    return identifier


def _several(value: object) -> tuple[str, ...]:
    """The values of an attribute that may have none, one or several."""
    values = value if isinstance(value, MultiValue) else [value]
    return tuple(str(each) for each in values if each)


def _study(row: Dataset) -> FoundStudy:
    def told(keyword: str) -> str:
        return str(row.get(keyword) or "")

    return FoundStudy(
        uid=told("StudyInstanceUID"),
        date=told("StudyDate"),
        time=told("StudyTime"),
        description=told("StudyDescription"),
        patient_id=told("PatientID"),
        issuer=told("IssuerOfPatientID"),
        birth_date=told("PatientBirthDate"),
        sex=told("PatientSex"),
        modalities=_several(row.get("ModalitiesInStudy")),
    )
