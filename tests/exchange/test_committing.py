"""Storage commitment asked of this side, by pynetdicom as SCU."""

import threading
from ipaddress import ip_network

import pytest
from pydicom import Dataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, generate_uid
from pynetdicom import AE, evt
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from opacimeter.exchange import DimsePeer, Instance, Listener, Sender, StoreStatus, listen
from opacimeter.exchange.commitment import commit, transaction
from tests.peers import free_port

HERE, ABSENT, OTHER = (generate_uid() for _ in range(3))
CLASSES = {HERE: {CTImageStorage}, OTHER: {EnhancedCTImageStorage}}


def held(uid):
    return frozenset(CLASSES.get(uid, ()))


def keep(_received):
    return StoreStatus.SUCCESS


def instances(*uids):
    return [Instance(CTImageStorage, uid, "1.2.3", "1.2.3.1", "") for uid in uids]


@pytest.fixture
def listening(tmp_path):
    """Listens, with reports to the port given, or on the association that asks."""

    def make(report_port=None):
        reports = None
        if report_port is not None:
            reports = DimsePeer("scu", "127.0.0.1", report_port, "CT1", "OPACIMETER", timeout_s=10)
        sender = Sender("CT1", (ip_network("127.0.0.0/8"),), reports)
        return listen(Listener("OPACIMETER", (sender,), port=0), tmp_path, keep, held)

    return make


@pytest.mark.parametrize("own", [False, True], ids=["association that asks", "one of its own"])
def test_each_object_is_held_or_is_not_for_a_reason(listening, own):
    """The SCU is the service's own, which real archives have answered."""
    receive_port = free_port()
    with listening(receive_port if own else None) as port:
        peer = DimsePeer(
            "us", "127.0.0.1", port, aet="OPACIMETER", calling="CT1", receive_port=receive_port,
            receive_host="127.0.0.1", timeout_s=10.0,
        )  # fmt: skip
        told = commit(peer, instances(HERE, ABSENT, OTHER))
    assert told.held == {HERE}
    assert set(told.missing) == {ABSENT, OTHER}
    assert "0x0112" in told.missing[ABSENT]  # no such object instance (PS3.3 C.14.1.1)
    assert "0x0119" in told.missing[OTHER]  # class / instance conflict


# pynetdicom leaves a socket that could not connect to be closed by the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_report_is_brought_when_the_one_who_asked_listens_at_last(listening):
    """Asked and gone: the first attempt finds nobody, the second does."""
    receive_port, told, came = free_port(), [], threading.Event()

    def take(event):
        told.append((event.event_type, event.event_information))
        came.set()
        return 0x0000, None

    asked = transaction(instances(HERE))
    with listening(receive_port) as port:
        association = _associated(port)
        status, _ = association.send_n_action(
            asked, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        association.release()
        assert status.Status == 0x0000
        server = _taking_reports(receive_port, take)
        try:
            assert came.wait(30)
        finally:
            server.shutdown()
    ((kind, information),) = told
    assert kind == 1  # every object is held (PS3.4 J.3.3.1)
    assert information.TransactionUID == asked.TransactionUID
    assert [each.ReferencedSOPInstanceUID for each in information.ReferencedSOPSequence] == [HERE]
    assert "FailedSOPSequence" not in information


def test_a_lookup_that_fails_is_no_answer(tmp_path):
    """A database that is busy: the report comes later, and says nothing false."""
    asked_for = []

    def busy(uid):
        asked_for.append(uid)
        if len(asked_for) == 1:
            raise OSError("busy")
        return held(uid)

    receive_port = free_port()
    reports = DimsePeer("scu", "127.0.0.1", receive_port, "CT1", "OPACIMETER", timeout_s=10)
    sender = Sender("CT1", (ip_network("127.0.0.0/8"),), reports)
    with listen(Listener("OPACIMETER", (sender,), port=0), tmp_path, keep, busy) as port:
        peer = DimsePeer(
            "us", "127.0.0.1", port, aet="OPACIMETER", calling="CT1", receive_port=receive_port,
            receive_host="127.0.0.1", timeout_s=10.0, commit_wait_s=30.0,
        )  # fmt: skip
        told = commit(peer, instances(HERE))
    assert (told.held, asked_for) == ({HERE}, [HERE, HERE])


def _associated(port):
    entity = AE(ae_title="CT1")
    entity.add_requested_context(StorageCommitmentPushModel)
    return entity.associate("127.0.0.1", port, ae_title="OPACIMETER")


def _taking_reports(port, take):
    entity = AE(ae_title="CT1")
    context = build_context(StorageCommitmentPushModel)
    context.scu_role = context.scp_role = True
    entity.supported_contexts = [context]
    handlers = [(evt.EVT_N_EVENT_REPORT, take)]
    return entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)


@pytest.mark.parametrize(
    ("action", "names", "status"),
    [(2, [HERE], 0x0123), (1, [], 0x0120), (1, [HERE, None], 0x0120)],
    ids=["no such action", "nothing named", "an item without its UIDs"],
)
def test_a_request_that_is_none_is_refused(listening, action, names, status):
    asked = transaction(instances(*(name for name in names if name)))
    asked.ReferencedSOPSequence.extend(Dataset() for name in names if name is None)
    with listening() as port:
        association = _associated(port)
        answer, _ = association.send_n_action(
            asked, action, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        association.release()
    assert answer.Status == status
