"""What opacimeter proposes when it opens an association, noted by a peer that takes nothing."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.presentation import build_context, build_role
from pynetdicom.sop_class import StorageCommitmentPushModel

from opacimeter.errors import ArchiveError
from opacimeter.exchange import DimsePeer, Instance, Question
from opacimeter.exchange.association import associated
from opacimeter.exchange.commitment import commit
from opacimeter.exchange.dimse import DimseArchive
from opacimeter.exchange.receiving import Receiver
from tests.peers import free_port


@dataclass(frozen=True)
class Proposal:
    """One A-ASSOCIATE-RQ.

    Attributes:
        contexts: SOP class and transfer syntaxes of each presentation context.
        scp: SOP classes for which the SCP role is asked.
        class_uid: Implementation Class UID.
        version: Implementation Version Name.
        pdu: Maximum Length Received.
        asynchronous: Whether the operations window is negotiated.
    """

    contexts: tuple[tuple[str, tuple[str, ...]], ...]
    scp: tuple[str, ...]
    class_uid: str
    version: str
    pdu: int
    asynchronous: bool


def proposals(folder: Path, files: Sequence[Path]) -> dict[str, Proposal]:
    """By what is done: echo, find, get, move, store, commit, report."""
    noted: list[Proposal] = []
    entity = AE(ae_title="ARCHIVE")
    entity.add_supported_context("1.2.3")  # which nobody asks for
    server = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_REQUESTED, _note, [noted])]
    )
    peer = DimsePeer(
        "archive", "127.0.0.1", server.server_address[1], "ARCHIVE",
        receive_port=free_port(), receive_host="127.0.0.1", timeout_s=10,
    )  # fmt: skip
    try:
        return {name: _proposed(do, noted) for name, do in _acts(peer, folder, files).items()}
    finally:
        server.shutdown()


def _acts(peer: DimsePeer, folder: Path, files: Sequence[Path]) -> dict[str, Callable[[], object]]:
    archive = DimseArchive(peer)
    instance = Instance("1.2", "1.2.1", "1.2.2", "1.2.3", "")
    return {
        "echo": archive.echo,
        "find": lambda: archive.studies(Question()),
        "get": lambda: archive._get(Dataset(), Receiver(folder)),
        "move": lambda: archive._move(Dataset(), Receiver(folder)),
        "store": lambda: archive.send(files),
        "commit": lambda: commit(peer, [instance]),
        "report": lambda: _report(peer),
    }


def _report(peer: DimsePeer) -> None:
    """As `committing` opens it."""
    contexts = [build_context(StorageCommitmentPushModel)]
    roles = [build_role(StorageCommitmentPushModel, scp_role=True)]
    with associated(peer, "report", contexts, roles=roles):
        pass


def _proposed(do: Callable[[], object], noted: list[Proposal]) -> Proposal:
    noted.clear()
    with suppress(ArchiveError):
        do()
    (proposal,) = noted
    return proposal


def _note(event: evt.Event, noted: list[Proposal]) -> None:
    asked = event.assoc.requestor
    noted.append(
        Proposal(
            tuple(
                (str(each.abstract_syntax), tuple(map(str, each.transfer_syntax)))
                for each in asked.primitive.presentation_context_definition_list
            ),
            tuple(str(uid) for uid, role in asked.role_selection.items() if role.scp_role),
            str(asked.implementation_class_uid),
            asked.implementation_version_name or "",
            asked.maximum_length,
            asked.asynchronous_operations != (1, 1),
        )
    )
