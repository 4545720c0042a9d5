"""What can go wrong with a DIMSE archive: each fault is one that can pass, or one that is for good.

The peer is a fake one, on real associations.
"""

import threading

import pytest
from pydicom import dcmread
from pydicom.uid import CTImageStorage
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from opacimeter.errors import ArchiveRefused, ArchiveUnreachable
from opacimeter.exchange import DimsePeer, Failure, Question, deliver, open_archive
from tests.exchange.fake_pacs import objects, uid_of
from tests.exchange.fake_scp import (
    CALLING,
    OFFERS,
    PENDING,
    STORED,
    STUDY,
    SUCCESS,
    fake_scp,
    handing_over,
    image,
    moving,
    report,
    series_of,
    stranger,
)
from tests.peers import free_port

FIRST, SECOND, THIRD = (f"1.2.3.{number}.1" for number in (1, 2, 3))
"""SOPInstanceUIDs of the objects that are sent."""


@pytest.fixture(scope="module")
def running():
    with fake_scp() as peer:
        yield peer


@pytest.fixture
def scp(running):
    running.behave()
    return running


def archive(scp, **about):
    asked = {"timeout_s": 10.0, "receive_host": "127.0.0.1"} | about
    return open_archive(DimsePeer("pacs", "127.0.0.1", scp.port, "ARCHIVE", CALLING, **asked))


def fault(call, kind, hop):
    """The words of what a call raises: of this kind and no other, at this hop."""
    with pytest.raises((ArchiveRefused, ArchiveUnreachable)) as raised:
        call()
    assert (type(raised.value), raised.value.hop) == (kind, hop)
    return str(raised.value)


def answering(statuses):
    """Answers C-STORE by SOPInstanceUID; what is not named is stored."""
    return lambda event: statuses.get(event.request.AffectedSOPInstanceUID, SUCCESS)


def aborted(event):
    event.assoc.abort()


def hung_up(event):
    event.assoc.dul.socket.close()


# Storing ------------------------------------------------------------------------------------------

# PS3.4 table B.2-1 and PS3.7 annex C.
PASSING = (0xA700, 0xA7FF, 0x0110, 0x0213)
FOR_GOOD = (0xA900, 0xA9FF, 0xC000, 0xCFFF, 0x0122, 0x0124, 0x0117)


@pytest.fixture(scope="module")
def judged(running, tmp_path_factory):
    """Of each status, what is said of an object that is answered so; all on one association."""
    statuses = (*STORED, *PASSING, *FOR_GOOD)
    files = objects(tmp_path_factory.mktemp("objects"), len(statuses))
    answers = dict(zip(map(uid_of, files), statuses, strict=True))
    running.behave(store=answering(answers))
    outcome = deliver(archive(running), files)
    assert running.came == list(answers)
    assert outcome.hop == "store"
    return {status: outcome.failed.get(uid) for uid, status in answers.items()}


@pytest.mark.parametrize("status", STORED, ids=hex)
def test_success_a_warning_and_a_duplicate_are_stored(judged, status):
    assert judged[status] is None


@pytest.mark.parametrize(
    ("status", "lasting"),
    [*((each, False) for each in PASSING), *((each, True) for each in FOR_GOOD)],
)
def test_a_failure_passes_where_it_is_the_archives_trouble_of_the_moment(judged, status, lasting):
    assert judged[status].lasting is lasting
    assert judged[status].reason.endswith(f"(0x{status:04X})")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0xA700, "out of resources"),
        (0xC000, "cannot understand"),
        (0x0122, "SOP class not supported"),
    ],
)
def test_a_reason_is_told_in_words(judged, status, words):
    assert judged[status].reason == f"{words} (0x{status:04X})"


def test_what_did_not_find_room_is_all_that_failed_and_finds_it_later(scp, tmp_path):
    files = objects(tmp_path, 3)
    scp.behave(store=answering({SECOND: 0xA700}))
    outcome = deliver(archive(scp), files)
    assert outcome.uids == {"1.dcm": FIRST, "2.dcm": SECOND, "3.dcm": THIRD}
    assert outcome.failed == {SECOND: Failure("out of resources (0xA700)", lasting=False)}
    assert not outcome.lasting
    scp.behave()
    assert not deliver(archive(scp), files).failed


def test_the_whole_is_tried_again_as_long_as_one_object_may_pass(scp, tmp_path):
    files = objects(tmp_path, 3)
    scp.behave(store=answering({FIRST: 0xA700, SECOND: 0x0122}))
    outcome = deliver(archive(scp), files)
    lasting = {uid: why.lasting for uid, why in outcome.failed.items()}
    assert lasting == {FIRST: False, SECOND: True}
    assert not outcome.lasting
    scp.behave(store=answering({SECOND: 0x0122}))
    outcome = deliver(archive(scp), files)
    assert outcome.failed.keys() == {SECOND}
    assert outcome.lasting


@pytest.mark.parametrize("end", [aborted, hung_up])
def test_an_association_that_ends_in_the_middle_is_unreachable_and_the_next_brings_all(
    scp, tmp_path, end
):
    files = objects(tmp_path, 3)

    def store(event):
        if event.request.AffectedSOPInstanceUID == SECOND:
            end(event)
        return SUCCESS

    scp.behave(store=store)
    fault(lambda: deliver(archive(scp), files), ArchiveUnreachable, "store")
    assert scp.came == [FIRST, SECOND]
    scp.behave()
    assert not deliver(archive(scp), files).failed
    assert scp.came == [FIRST, SECOND, THIRD]


def test_silence_is_unreachable_when_its_time_is_over(scp, tmp_path):
    over = threading.Event()
    scp.behave(store=lambda _event: SUCCESS if over.wait(30) else 0xC000)
    quick = archive(scp, timeout_s=0.5)
    fault(lambda: quick.send(objects(tmp_path)), ArchiveUnreachable, "store")
    over.set()


# A-ASSOCIATE-RJ (PS3.8 9.3.4): result, source, reason.
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((2, 3, 1), ArchiveUnreachable),  # transient: temporary congestion
        ((2, 3, 2), ArchiveUnreachable),  # transient: local limit exceeded
        ((1, 1, 3), ArchiveRefused),  # permanent: calling AE title not recognized
        ((1, 1, 7), ArchiveRefused),  # permanent: called AE title not recognized
    ],
)
def test_a_rejection_says_itself_whether_it_passes(scp, tmp_path, answer, kind):
    def admit(event):
        event.assoc.acse.send_reject(*answer)
        event.assoc.kill()

    scp.behave(admit=admit)
    fault(lambda: deliver(archive(scp), objects(tmp_path)), kind, "store")
    assert scp.came == []


def test_a_class_that_is_not_taken_fails_for_good_and_the_others_are_stored(tmp_path):
    files = objects(tmp_path, 2)
    other = dcmread(files[1])
    other.SOPClassUID = other.file_meta.MediaStorageSOPClassUID = CTImageStorage
    other.save_as(files[1])
    with fake_scp(tuple(each for each in OFFERS if each != CTImageStorage)) as scp:
        outcome = deliver(archive(scp), files)
        assert scp.came == [FIRST]
    told = "the archive takes no objects of this SOP class"
    assert outcome.failed == {SECOND: Failure(told, lasting=True)}


# Asking afterwards --------------------------------------------------------------------------------


def test_what_is_called_stored_and_not_found_afterwards_is_missing_for_now(scp, tmp_path):
    def loses(_event):
        scp.held.clear()
        return SUCCESS

    scp.behave(store=loses)
    outcome = deliver(archive(scp), objects(tmp_path))
    assert outcome.failed.keys() == {FIRST}
    assert (outcome.hop, outcome.lasting) == ("confirm", False)


@pytest.mark.parametrize("answer", [(0xA700, None), (0xC000, None), aborted])
def test_an_archive_that_answers_no_queries_is_believed(scp, tmp_path, answer):
    scp.behave(store=answering({SECOND: 0xA700}), find=[answer])
    outcome = deliver(archive(scp), objects(tmp_path))
    assert outcome.failed == {SECOND: Failure("out of resources (0xA700)", lasting=False)}


@pytest.fixture(scope="module")
def bare():
    """Stores, and does nothing else."""
    model = StudyRootQueryRetrieveInformationModelFind
    with fake_scp(tuple(each for each in OFFERS[:-1] if each != model)) as peer:
        yield peer


def test_an_archive_that_offers_no_queries_is_believed(bare, tmp_path):
    assert not deliver(archive(bare), objects(tmp_path)).failed


def test_an_archive_that_offers_no_commitment_refuses_it(bare, tmp_path):
    asked = archive(bare, commit=True, receive_port=free_port())
    told = fault(lambda: deliver(asked, objects(tmp_path)), ArchiveRefused, "confirm")
    assert told == "the archive offers no such service"


# Storage commitment -------------------------------------------------------------------------------


@pytest.fixture
def our_port():
    return free_port()


@pytest.fixture
def committing(scp, our_port):
    """The archive, asked for commitment."""
    return archive(scp, commit=True, receive_port=our_port, commit_wait_s=1.0)


def reporting(our_port, *, held=(), failed=None, transaction=None):
    """Takes a request, having reported on it first."""

    def commit(event):
        asked = transaction or event.action_information.TransactionUID
        assert report(our_port, asked, held=held, failed=failed or {}) == SUCCESS
        return SUCCESS

    return commit


def test_what_is_stored_and_not_committed_to_is_missing_for_now(
    scp, committing, our_port, tmp_path
):
    scp.behave(commit=reporting(our_port, held=[FIRST], failed={SECOND: 0x0110}))
    outcome = deliver(committing, objects(tmp_path))
    assert outcome.failed == {SECOND: Failure("processing failure (0x0110)", lasting=False)}
    assert (outcome.hop, outcome.lasting) == ("confirm", False)


def test_what_the_report_does_not_name_is_missing(scp, committing, our_port, tmp_path):
    scp.behave(commit=reporting(our_port, held=[FIRST, "1.2.9"]))
    outcome = deliver(committing, objects(tmp_path))
    assert outcome.failed == {SECOND: Failure("the report does not name it", lasting=False)}


def test_what_is_refused_for_good_is_not_asked_for(scp, committing, our_port, tmp_path):
    asked = []

    def commit(event):
        items = event.action_information.ReferencedSOPSequence
        asked.extend(item.ReferencedSOPInstanceUID for item in items)
        return reporting(our_port, held=asked)(event)

    scp.behave(store=answering({SECOND: 0xC000}), commit=commit)
    outcome = deliver(committing, objects(tmp_path, 3))
    assert asked == [FIRST, THIRD]
    assert outcome.failed == {SECOND: Failure("cannot understand (0xC000)", lasting=True)}


def test_a_report_of_another_transaction_and_then_none_is_unreachable(
    scp, committing, our_port, tmp_path
):
    scp.behave(commit=reporting(our_port, held=[FIRST, SECOND], transaction="1.2.9.9"))
    told = fault(lambda: deliver(committing, objects(tmp_path)), ArchiveUnreachable, "confirm")
    assert told == "no report of storage commitment came within 1 s"


@pytest.mark.parametrize(
    ("status", "kind"), [(0x0110, ArchiveUnreachable), (0x0124, ArchiveRefused)]
)
def test_a_request_for_commitment_that_is_not_taken(scp, committing, tmp_path, status, kind):
    scp.behave(commit=lambda _event: status)
    fault(lambda: deliver(committing, objects(tmp_path)), kind, "confirm")


# Asking and fetching ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ([(0xA700, None)], ArchiveUnreachable),  # out of resources (PS3.4 table C.4-1)
        ([(0xA900, None)], ArchiveRefused),  # identifier does not match SOP class
        ([(0xC001, None)], ArchiveRefused),  # unable to process
        ([(0x0122, None)], ArchiveRefused),
        ([aborted], ArchiveUnreachable),
        ([*series_of(3), aborted], ArchiveUnreachable),
        ([*series_of(3), (0xA700, None)], ArchiveUnreachable),
    ],
)
def test_a_query_that_does_not_end_well_has_no_answer(scp, answers, kind):
    scp.behave(find=answers)
    fault(lambda: archive(scp).studies(Question(study_uid=STUDY)), kind, "query")


IMAGES = ["1.2.3.4.1", "1.2.3.4.2"]


@pytest.mark.parametrize(
    ("told", "complete"), [(2, True), (3, False), (None, True)], ids=["all", "short", "no count"]
)
def test_a_study_is_complete_when_as_many_came_as_were_told_of(scp, tmp_path, told, complete):
    scp.behave(find=series_of(told), get=handing_over(image(1), image(2)))
    fetched = archive(scp).fetch(STUDY, tmp_path)
    assert [uid_of(file) for file in fetched.files] == IMAGES
    assert (fetched.expected, fetched.complete) == (told, complete)


def test_what_is_moved_is_complete_when_as_many_came_as_were_told_of(scp, our_port, tmp_path):
    scp.behave(find=series_of(3), move=moving(our_port, image(1), image(2)))
    fetched = archive(scp, move=True, receive_port=our_port).fetch(STUDY, tmp_path)
    assert [uid_of(file) for file in fetched.files] == IMAGES
    assert (fetched.expected, fetched.complete) == (3, False)


def test_an_image_that_comes_twice_counts_once(scp, tmp_path):
    scp.behave(find=series_of(3), get=handing_over(image(1), image(2), image(2)))
    fetched = archive(scp).fetch(STUDY, tmp_path)
    assert [uid_of(file) for file in fetched.files] == IMAGES
    assert not fetched.complete


@pytest.mark.parametrize("move", [False, True], ids=["get", "move"])
def test_images_that_the_archive_could_not_hand_over_are_fetched_another_time(
    scp, our_port, tmp_path, move
):
    there = (image(1), stranger(), image(2))
    scp.behave(find=series_of(3), get=handing_over(*there), move=moving(our_port, *there))
    asked = archive(scp, move=move, receive_port=our_port)
    told = fault(lambda: asked.fetch(STUDY, tmp_path), ArchiveUnreachable, "fetch")
    assert told == "1 images were not handed over"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ([2, (0xA702, None)], ArchiveUnreachable),  # out of resources (PS3.4 table C.4-3)
        ([2, (0xA900, None)], ArchiveRefused),
        ([2, (0xC000, None)], ArchiveRefused),
        ([2, aborted], ArchiveUnreachable),
        ([3, (PENDING, image(1)), aborted], ArchiveUnreachable),
        ([3, (PENDING, image(1)), hung_up], ArchiveUnreachable),
    ],
)
def test_a_fetch_that_does_not_end_well_is_no_study(scp, tmp_path, answers, kind):
    scp.behave(find=series_of(2), get=answers)
    fault(lambda: archive(scp).fetch(STUDY, tmp_path), kind, "fetch")


def test_a_destination_that_the_archive_does_not_know_is_refused(scp, our_port, tmp_path):
    """C-MOVE, 0xA801 (PS3.4 table C.4-2): nobody there has been told of this side's AE title."""
    scp.behave(find=series_of(2), move=[(None, None)])
    moved = archive(scp, move=True, receive_port=our_port)
    told = fault(lambda: moved.fetch(STUDY, tmp_path), ArchiveRefused, "fetch")
    assert "0xA801" in told
