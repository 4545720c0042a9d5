"""Delivering: handing objects over, and being sure that they are there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from opacimeter.exchange.archive import Archive, Failure
from opacimeter.exchange.instances import identified

__all__ = ["Outcome", "deliver"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of each file.

    Attributes:
        uids: SOPInstanceUID by file name.
        failed: Why an object is not in the archive, by SOPInstanceUID; empty where all are.
        hop: Where on the way it failed: store or confirm.
    """

    uids: Mapping[str, str]
    failed: Mapping[str, Failure]
    hop: str = "store"

    @property
    def lasting(self) -> bool:
        """Whether trying again would change nothing for any of them."""
        return bool(self.failed) and all(failure.lasting for failure in self.failed.values())


def deliver(archive: Archive, files: Sequence[Path]) -> Outcome:
    """Send files of one study, then ask whether the archive holds them, where it can be asked.

    What it is found to hold is delivered, whatever its answer to the sending was: some name
    nothing in it.

    Raises:
        ArchiveUnreachable: It did not answer; nothing is known.
        ArchiveRefused: It will not have them.
    """
    known = identified(files)
    uids = {file.name: instance.uid for file, instance in known.items()}
    sent = archive.send(files)
    refused = {uid: why for uid, why in sent.failed.items() if why.lasting}
    asked = [each for each in known.values() if each.uid not in refused]
    confirmed = archive.confirm(asked) if asked else None
    if confirmed is None:
        return Outcome(uids, sent.failed)
    # Some archives index what they have stored only a moment later.
    missing = {
        uid: sent.failed.get(uid) or Failure(why, lasting=False)
        for uid, why in confirmed.missing.items()
    }
    failed = refused | missing
    return Outcome(uids, failed, hop="store" if failed.keys() & sent.failed.keys() else "confirm")
