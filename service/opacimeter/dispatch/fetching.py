"""Fetching: studies that were asked for, and the earlier one that a result is compared with."""

import shutil
from collections.abc import Mapping
from datetime import date

from opacimeter.dispatch.filing import Filing
from opacimeter.dispatch.priors import earlier_chests
from opacimeter.errors import ArchiveRefused, ArchiveUnreachable, NotFound
from opacimeter.exchange import Archive, Question
from opacimeter.store import Mishap, Origin, Pull, Store

__all__ = ["Fetching"]

_TRIED = 5


class Fetching:
    """Fetches what pulls tell of."""

    def __init__(
        self, store: Store, archives: Mapping[str, Archive], chests: Mapping[str, str],
        filing: Filing,
    ) -> None:  # fmt: skip
        """Wire it: archives, and what tells a chest CT in each, by name."""
        self._store, self._archives, self._chests = store, archives, chests
        self._filing = filing

    def fetch(self, turn: str) -> Mishap | None:
        """Do one turn; returns why it came to nothing.

        Raises:
            ArchiveError: The archive could not be spoken to, or gave less than it has.
            IntakeRejected: What came cannot be filed.
        """
        pull = self._store.pulls.begin(turn)
        if pull is None:
            return None
        archive = self._archives.get(pull.source)
        if archive is None:
            told = f"the settings name no archive {pull.source!r}"
            return Mishap("connect", told, lasting=True)
        if not self._filing.has_room():
            return Mishap("file", "less disk is free than the settings ask for", lasting=False)
        uid, images = self._asked(pull, archive) or self._fetch_prior(pull, archive)
        self._store.pulls.fetched(turn, study_uid=uid, images=images)
        return None

    def _asked(self, pull: Pull, archive: Archive) -> tuple[str | None, int] | None:
        """Fetch the study that was asked for; None where an earlier one is to be found first."""
        if pull.study_uid is None:
            return None
        return pull.study_uid, self._fetch(archive, pull.study_uid, pull.origin)

    def _fetch_prior(self, pull: Pull, archive: Archive) -> tuple[str | None, int]:
        """Fetch the latest earlier study that has a CT; its UID, and how many images came.

        Archives that tell no modality name studies among which there is no CT: the next one is
        tried then.
        """
        refusal: ArchiveRefused | None = None
        for uid in self._earlier(pull, archive)[:_TRIED]:
            if self._store.catalogue.knows(uid):
                return uid, 0
            try:
                return uid, self._fetch(archive, uid, pull.origin)
            except ArchiveRefused as error:
                if error.hop != "query":
                    raise
                refusal = error
        if refusal is not None:
            raise refusal
        return None, 0

    def _fetch(self, archive: Archive, uid: str, origin: Origin) -> int:
        folder = self._store.files.landing()
        try:
            fetched = archive.fetch(uid, folder)
            if not fetched.complete:
                told = f"{len(fetched.files)} of {fetched.expected} images came"
                raise ArchiveUnreachable(told, hop="fetch")
            self._filing.file(folder, uid, origin)
            return len(fetched.files)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _earlier(self, pull: Pull, archive: Archive) -> tuple[str, ...]:
        """The patient's earlier chest CT, the latest first; none where nobody can tell."""
        if pull.prior_of is None:
            return ()
        try:
            entry = self._store.catalogue.get(pull.prior_of)
        except NotFound:
            return ()
        patient, when = entry.patient.get("id"), entry.study.get("date")
        if not patient or not when:
            return ()
        until = date.fromisoformat(when).strftime("%Y%m%d")
        found = archive.studies(Question(patient_id=patient, dates=("", until)))
        return earlier_chests(entry, found, chest=self._chests[pull.source])
