"""The C-STORE SCP, asked by pynetdicom as SCU."""

import socket
import threading
from io import BytesIO
from ipaddress import ip_network

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    JPEGLSLossless,
    generate_uid,
)
from pynetdicom import AE
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode
from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import Verification

from opacimeter.exchange import Listener, Sender, StoreStatus, listen
from tests.fakes import wait_until

LOOPBACK = (ip_network("127.0.0.0/8"),)
ELSEWHERE = (ip_network("192.0.2.0/24"),)  # TEST-NET-1 (RFC 5737): nobody calls from there


def _image(uid=None):
    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, uid or generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    image.file_meta = Dataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return image


def _listener(networks=LOOPBACK, most=10):
    return Listener("OPACIMETER", (Sender("CT1", networks),), port=0, max_associations=most)


def _call(port, *, calling="CT1", called="OPACIMETER"):
    entity = AE(ae_title=calling)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 30
    entity.add_requested_context(Verification)
    entity.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    entity.add_requested_context(CTImageStorage, JPEGLSLossless)  # covid-p001
    return entity.associate("127.0.0.1", port, ae_title=called)


def _rejection(association):
    told = association.acceptor.primitive
    return told.result, told.result_source, told.diagnostic


def _nothing(_uid):
    return frozenset()


class _Keeper:
    def __init__(self, status=StoreStatus.SUCCESS):
        self.status, self.kept = status, []

    def __call__(self, received):
        self.kept.append((dcmread(received.path).SOPInstanceUID, received.caller))
        return self.status


@pytest.mark.parametrize(
    ("networks", "names", "why"),
    [
        (LOOPBACK, {"calling": "STRANGER"}, (1, 1, 3)),
        (LOOPBACK, {"called": "OTHER"}, (1, 1, 7)),
        (ELSEWHERE, {}, (1, 1, 3)),
    ],
    ids=["calling AE title", "called AE title", "address"],
)
def test_whoever_is_not_known_is_rejected_for_the_reason(tmp_path, networks, names, why):
    with listen(_listener(networks), tmp_path, _Keeper(), _nothing) as port:
        association = _call(port, **names)
        assert association.is_rejected
        assert _rejection(association) == why


def test_one_association_too_many_is_rejected_for_now(tmp_path):
    with listen(_listener(most=1), tmp_path, _Keeper(), _nothing) as port:
        first = _call(port)
        second = _call(port)
        assert first.is_established
        assert _rejection(second) == (2, 3, 2)
        first.release()


def test_an_image_is_handed_over_whole_with_its_caller_and_nothing_is_left(tmp_path):
    keeper, image = _Keeper(), _image()
    with listen(_listener(), tmp_path, keeper, _nothing) as port:
        association = _call(port)
        assert association.send_c_echo().Status == 0x0000
        assert association.send_c_store(image).Status == 0x0000
        association.release()
    assert keeper.kept == [(image.SOPInstanceUID, "CT1")]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [each for each in StoreStatus if each])
def test_what_is_not_kept_is_answered_so_and_nothing_is_left(tmp_path, status):
    with listen(_listener(), tmp_path, _Keeper(status), _nothing) as port:
        association = _call(port)
        answer = association.send_c_store(_image())
        association.release()
    assert answer.Status == status
    assert 0 < len(answer.ErrorComment) <= 64  # VR LO
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("other", ["SOPClassUID", "SOPInstanceUID"])
def test_an_object_that_is_not_the_one_named_is_refused_before_it_is_kept(tmp_path, other):
    keeper, image = _Keeper(), _image()
    with listen(_listener(), tmp_path, keeper, _nothing) as port:
        association = _call(port)
        association._reactor_checkpoint.clear()  # the answer is read here, not by its thread
        association.dimse.send_msg(*_command(association, image, other))
        _, answer = association.dimse.get_msg(block=True)
        association._reactor_checkpoint.set()
        association.release()
    assert answer.Status == StoreStatus.MISMATCH
    assert keeper.kept == []


def _command(association, image, other):
    """C-STORE that names the image, with a dataset whose one UID is another."""
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID = image.SOPClassUID
    request.AffectedSOPInstanceUID = image.SOPInstanceUID
    changed = EnhancedCTImageStorage if other == "SOPClassUID" else generate_uid()
    setattr(image, other, changed)
    request.DataSet = BytesIO(encode(image, is_implicit_vr=False, is_little_endian=True))
    contexts = [
        each
        for each in association.accepted_contexts
        if each.transfer_syntax == [ExplicitVRLittleEndian]
        and each.abstract_syntax == CTImageStorage
    ]
    return request, contexts[0].context_id


def _threads():
    return [each for each in threading.enumerate() if "run_reactor" in each.name]


@pytest.mark.parametrize("said", ["nothing", "a call that is rejected", "a call that is taken"])
def test_whoever_stays_on_the_line_is_hung_up_on_at_the_end(tmp_path, said):
    """Neither waits the service for them, nor does a thread die of it."""
    before = set(_threads())
    names = {"a call that is rejected": "STRANGER", "a call that is taken": "CT1"}
    with listen(_listener(), tmp_path / "spool", _Keeper(), _nothing) as port:
        line = socket.create_connection(("127.0.0.1", port), timeout=10)
        if said in names:
            line.sendall(_request(names[said]))
            answer = line.recv(1)
            assert answer == (b"\x02" if said == "a call that is taken" else b"\x03")
        else:
            wait_until(lambda: set(_threads()) - before)
    assert not set(_threads()) - before
    with line:
        while line.recv(4096):  # to the end, that is: it is closed
            pass


def _request(calling):
    """An A-ASSOCIATE-RQ PDU (PS3.8 9.3.2) for C-ECHO."""
    primitive = A_ASSOCIATE()
    primitive.application_context_name = "1.2.840.10008.3.1.1.1"
    primitive.calling_ae_title, primitive.called_ae_title = calling, "OPACIMETER"
    context = build_context(Verification)
    context.context_id = 1
    primitive.presentation_context_definition_list = [context]
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received = 16384
    implementation.implementation_class_uid = generate_uid()
    primitive.user_information = [length, implementation]
    request = A_ASSOCIATE_RQ()
    request.from_primitive(primitive)
    return request.encode()
