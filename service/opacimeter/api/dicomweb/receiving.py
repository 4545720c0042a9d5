"""Receiving: the parts of one store request become objects in the inbox, group by group."""

from collections.abc import Callable, Sequence

from opacimeter.api.dicomweb.address import DICOM
from opacimeter.api.dicomweb.answer import Answer, Reason, Reference
from opacimeter.api.dicomweb.related import Part
from opacimeter.api.services import Services
from opacimeter.store import Arriving, Kept, Origin

__all__ = ["Receiving"]

_REASONS = {Kept.CONFLICT: Reason.DUPLICATE_INSTANCE, Kept.LOST: Reason.PROCESSING_FAILURE}


class Receiving:
    """One store request.

    Attributes:
        services: Where the objects go.
        answer: What became of them so far.
    """

    def __init__(
        self, services: Services, study: str | None, *, url: Callable[[str, str, str], str]
    ) -> None:
        """Begin.

        Args:
            services: Where the objects go.
            study: StudyInstanceUID that the address names; None where it names none.
            url: Where an instance can be had, by study, series and instance.
        """
        self.services, self.answer = services, Answer()
        self._asked, self._url = study, url
        self._studies: set[str] = set()

    @property
    def study(self) -> str | None:
        """The study that the address names, or the only one that anything was stored of."""
        only = next(iter(self._studies)) if len(self._studies) == 1 else None
        return self._asked or only

    def keep(self, parts: Sequence[Part]) -> None:
        """Keep whole parts. What is told as stored is on the disk itself when this returns."""
        arrived = [object_ for part in parts if (object_ := self._look(part)) is not None]
        if arrived and not self._has_room():
            for each in arrived:
                self.answer.failed.append((self._reference(each), Reason.OUT_OF_RESOURCES))
        elif arrived:
            inbox, quiet = self.services.store.inbox, self.services.dicom.quiet
            kept = inbox.keep(arrived, quiet=quiet, origin=Origin.STOW)
            for each, outcome in zip(arrived, kept, strict=True):
                self._tell(each, outcome)
        for part in parts:
            part.path.unlink(missing_ok=True)

    def _look(self, part: Part) -> Arriving | None:
        is_dicom = part.media_type == DICOM
        arrived = self.services.dicom.look(part.path) if is_dicom else None
        if arrived is None:
            self.answer.unknown.append(Reason.CANNOT_UNDERSTAND)
        elif self._asked is not None and arrived.study_uid != self._asked:
            self.answer.failed.append((self._reference(arrived), Reason.NOT_OF_THIS_STUDY))
            return None
        return arrived

    def _has_room(self) -> bool:
        return self.services.store.files.free_bytes() >= self.services.bounds.free_bytes

    def _tell(self, arrived: Arriving, kept: Kept) -> None:
        reference = self._reference(arrived)
        if kept in _REASONS:
            self.answer.failed.append((reference, _REASONS[kept]))
        else:
            self._studies.add(arrived.study_uid)
            self.answer.stored.append(reference)

    def _reference(self, arrived: Arriving) -> Reference:
        url = self._url(arrived.study_uid, arrived.series_uid, arrived.instance_uid)
        return Reference(arrived.sop_class, arrived.instance_uid, url)
