"""The error tree: every class is one reaction of the caller.

    OpacimeterError
    ├── IntakeRejected       tell the sender what is wrong with the study; do not retry
    ├── ModelError           refuse to start: the bundle is unusable
    ├── Misconfigured        refuse to start: a setting cannot be used
    ├── ModelRefused         keep the model in service: the candidate is not as good
    ├── ArchiveError         an archive did not do what it was asked, at one hop of the way
    │   ├── ArchiveUnreachable   retry later
    │   └── ArchiveRefused       do not retry
    ├── NotFound             there is no such thing
    ├── Conflict             the state does not allow this
    └── Cancelled            stop: the user asked for it

Messages carry the fact and the limit, never a patient's name or identifier, never a path.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opacimeter.checks import Check, Severity

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = [
    "ArchiveError",
    "ArchiveRefused",
    "ArchiveUnreachable",
    "Cancelled",
    "Conflict",
    "IntakeRejected",
    "Misconfigured",
    "ModelError",
    "ModelRefused",
    "NotFound",
    "OpacimeterError",
]


class OpacimeterError(Exception):
    """Root of all errors that opacimeter raises on purpose."""


class IntakeRejected(OpacimeterError):
    """A study cannot be measured; `checks` say why.

    Attributes:
        checks: All checks made so far, at least one of severity reject.
        header: A header of the study without pixels, where one could be read; it lets the
            rejection be filed under the right patient.
    """

    def __init__(self, checks: tuple[Check, ...], header: "Dataset | None" = None) -> None:
        """Keep the checks; the message is made of those that reject."""
        rejecting = [check.message for check in checks if check.severity is Severity.REJECT]
        if not rejecting:
            raise ValueError("a rejection needs a check of severity reject")
        super().__init__(" ".join(rejecting))
        self.checks = checks
        self.header = header


class ModelError(OpacimeterError):
    """The model bundle is missing, damaged, or breaks its contract."""


class Misconfigured(OpacimeterError):
    """What a setting names is missing, or cannot be used."""


class ModelRefused(OpacimeterError):
    """A sound bundle that may not take the place of the model in service.

    Attributes:
        detail: The figures behind the sentence; JSON values only.
    """

    def __init__(self, message: str, detail: Mapping[str, Any]) -> None:
        """Keep the figures beside the message."""
        super().__init__(message)
        self.detail = detail


class ArchiveError(OpacimeterError):
    """An archive, or who is told by a webhook, did not do what it was asked.

    Attributes:
        hop: Where on the way: connect, echo, query, fetch, store, confirm, report, notify.
    """

    def __init__(self, message: str, *, hop: str) -> None:
        """Keep the hop beside the message."""
        super().__init__(message)
        self.hop = hop


class ArchiveUnreachable(ArchiveError):
    """The archive did not answer; the same call may succeed later."""


class ArchiveRefused(ArchiveError):
    """The archive answered, and said no."""


class NotFound(OpacimeterError):
    """No such assessment, document, slice or series."""


class Conflict(OpacimeterError):
    """The thing exists, but its state does not allow this."""


class Cancelled(OpacimeterError):
    """The user cancelled the assessment while it ran."""
