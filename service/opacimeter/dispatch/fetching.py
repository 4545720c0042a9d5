"""Fetching: studies that were asked for, and the earlier one that a result is compared with."""

import shutil
from collections.abc import Mapping
from datetime import date

from opacimeter.dispatch.filing import Filing
from opacimeter.dispatch.priors import latest_before
from opacimeter.errors import ArchiveUnreachable, NotFound
from opacimeter.exchange import Archive, Question
from opacimeter.store import Mishap, Pull, Store

__all__ = ["Fetching"]


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
        uid = pull.study_uid or self._prior(pull, archive)
        if uid is None or (pull.prior_of is not None and self._store.catalogue.knows(uid)):
            self._store.pulls.fetched(turn, study_uid=uid, images=0)
            return None
        images = self._fetch(archive, uid, pull)
        self._store.pulls.fetched(turn, study_uid=uid, images=images)
        return None

    def _fetch(self, archive: Archive, uid: str, pull: Pull) -> int:
        folder = self._store.files.landing()
        try:
            fetched = archive.fetch(uid, folder)
            if not fetched.complete:
                told = f"{len(fetched.files)} of {fetched.expected} images came"
                raise ArchiveUnreachable(told, hop="fetch")
            self._filing.file(folder, uid, pull.origin)
            return len(fetched.files)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _prior(self, pull: Pull, archive: Archive) -> str | None:
        """The patient's latest earlier chest CT; None where there is none, or nobody can tell."""
        if pull.prior_of is None:
            return None
        try:
            entry = self._store.catalogue.get(pull.prior_of)
        except NotFound:
            return None
        patient, when = entry.patient.get("id"), entry.study.get("date")
        if not patient or not when:
            return None
        until = date.fromisoformat(when).strftime("%Y%m%d")
        found = archive.studies(Question(patient_id=patient, dates=("", until)))
        return latest_before(entry, found, chest=self._chests[pull.source])
