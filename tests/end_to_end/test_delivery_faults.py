"""What can go wrong between a result and an archive: each ends there exactly once, and no delivery
says that it is delivered before it is.

A proxy before one archive makes the faults; another archive behind TLS gets everything as well.
"""

import io
import json
import os
import signal
import threading
from contextlib import ExitStack
from itertools import repeat

import httpx2 as httpx
import pytest
from pydicom import dcmread
from pydicom.uid import EncapsulatedPDFStorage, SegmentationStorage

from tests.conftest import ROOT
from tests.exchange.fake_pacs import Answer
from tests.fakes import wait_until
from tests.peers import PLUGIN, certificates, free_port, running_orthanc
from tests.phantoms import phantom
from tests.proxy import Call, proxy_to
from tests.report import chests
from tests.serving import Service
from tests.stowing import HEADERS, body

pytestmark = [pytest.mark.peer, pytest.mark.slow]

MODALITIES = ["DOC", "OT", "SEG", "SEG", "SR"]
"""Of a result's objects: the page, the pictures, two segmentations, the report."""
SECONDS = 120


class Watch:
    """Looks at the deliveries all the time, and into the archive when one first says delivered.

    Attributes:
        seen: Deliveries that were seen as delivered.
        lies: Those of them whose objects were not all there, exactly once each.
    """

    def __init__(self, service, archives):
        self._service, self._archives = service, archives
        self.seen, self.lies = set(), []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_about):
        self._over.set()
        self._thread.join()

    def _look(self):
        with httpx.Client(base_url=self._service.http.base_url) as http:
            while not self._over.wait(0.1):
                told = http.get("/api/v1/deliveries", params={"limit": 200, "status": "delivered"})
                for each in told.raise_for_status().json()["deliveries"]:
                    if each["id"] not in self.seen:
                        self._judge(each)
                        self.seen.add(each["id"])

    def _judge(self, delivery):
        archive = self._archives[delivery["destination"]]()
        uids = [each["uid"] for each in delivery["objects"] if each["stored"]]
        held = [len(archive.post("/tools/lookup", uid.encode())) for uid in uids]
        if held != [1] * len(MODALITIES):
            self.lies.append((delivery, held))


class Place:
    """The service, its two archives, and the proxy before the first."""

    def __init__(self, folder, stack):
        self._folder, self._stack = folder, stack
        for name in ("web", "secure", "service"):
            (folder / name).mkdir()
        self.web = stack.enter_context(running_orthanc(folder / "web"))
        self._ports = {"HttpPort": free_port(), "DicomPort": free_port()}
        self.open()
        ours = certificates(folder)
        self.proxy = stack.enter_context(proxy_to(self.web.url))
        guard = stack.enter_context(proxy_to(self.secure.url, ours.server()))
        peers = [
            {"name": "web", "kind": "dicomweb", "url": self.proxy.url},
            {"name": "secure", "kind": "dicomweb", "url": guard.url,
             "authorities": str(ours.authority), "certificate": str(ours.certificate),
             "key": str(ours.key)},
        ]  # fmt: skip
        self.service = Service(
            folder / "service", OPACIMETER_PACS=json.dumps(peers), OPACIMETER_QUIET_PERIOD_S="1"
        )
        self._count = 0

    def open(self):
        """Start the second archive, with what it had."""
        self._orthanc = ExitStack()
        self.secure = self._orthanc.enter_context(
            running_orthanc(self._folder / "secure", self._ports)
        )

    def close(self):
        """Stop the second archive."""
        self._orthanc.close()

    def study(self):
        """A chest of a new study, as files of a folder."""
        self._count += 1
        uid = f"2.25.4100.{self._count}"
        images = phantom(uid, PatientID=f"P-{self._count}")
        return uid, chests.write(self._folder / f"study-{self._count}", images)

    def send(self, push=(), ask=()):
        """Have a new study assessed; this happens to its next requests to the first archive."""
        uid, folder = self.study()
        self.proxy.fail(uid, push)
        self.proxy.fail(uid, ask, method="GET")
        assert self.service.send(sorted(folder.iterdir())).status_code == 202
        return uid

    def delivery(self, uid, destination="web"):
        """As the service tells it; None where there is none yet."""
        found = [
            each for each in self.service.deliveries()
            if (each["study_uid"], each["destination"]) == (uid, destination)
        ]  # fmt: skip
        assert len(found) <= 1
        return found[0] if found else None

    def status(self, uid, destination="web"):
        found = self.delivery(uid, destination)
        return found and found["status"]

    def delivered(self, uid, destination="web"):
        """Wait until a delivery is done; what it says then."""
        wait_until(lambda: self.status(uid, destination) == "delivered", seconds=SECONDS)
        return self.delivery(uid, destination)


def held(archive, uid):
    """Modalities of the objects of a study in an archive, in order."""
    return sorted(
        each["MainDicomTags"]["Modality"] for each in archive.series(uid) for _ in each["Instances"]
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    if not PLUGIN.exists():
        pytest.skip("Orthanc's DICOMweb plugin is not installed")
    if not (ROOT / "models" / "lung-lesion" / "models" / "model.onnx").exists():
        pytest.skip("the network's weights are absent: models/lung-lesion/models/model.onnx")
    with ExitStack() as stack:
        made = Place(tmp_path_factory.mktemp("faults"), stack)
        stack.callback(made.close)
        made.service.start()
        try:
            archives = {"web": lambda: made.web, "secure": lambda: made.secure}
            with Watch(made.service, archives) as watch:
                made.watch = watch
                yield made
        finally:
            assert made.service.stop() == 0
        assert "Traceback" not in (made.service.folder / "log").read_text()


# What the archive does to a request ---------------------------------------------------------------


def busy(call: Call) -> Answer:
    call.read()
    return Answer(503)


def cut(call: Call) -> Answer:
    """Half of the body comes, and half of it goes on to the archive."""
    return call.forward(call.read(call.size // 2), size=call.size)


def says_nothing(call: Call) -> Answer:
    call.read()
    return Answer(200)


def says_something_else(call: Call) -> Answer:
    call.read()
    return Answer(200, b"<html>Please log in</html>", "text/html")


def says_it_of_others(call: Call) -> Answer:
    call.read()
    stored = {"00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.2.9"]}}]}}
    return Answer(200, json.dumps(stored).encode())


def but(sop_class: str, code: int):
    """An archive that stores all but the objects of one class."""

    def partly(call: Call) -> Answer:
        boundary = call.request.headers["Content-Type"].rpartition("boundary=")[2].encode()
        parts = call.read().split(b"--" + boundary)
        kept, failed = [], []
        for part in parts[1:-1]:
            one = dcmread(io.BytesIO(part.partition(b"\r\n\r\n")[2]), stop_before_pixels=True)
            if one.SOPClassUID == sop_class:
                failed.append({
                    "00081155": {"vr": "UI", "Value": [one.SOPInstanceUID]},
                    "00081197": {"vr": "US", "Value": [code]},
                })  # fmt: skip
            else:
                kept.append(part)
        told = call.forward((b"--" + boundary).join([parts[0], *kept, parts[-1]]))
        assert told.status == 200
        content = json.loads(told.body) | {"00081198": {"vr": "SQ", "Value": failed}}
        return Answer(202, json.dumps(content).encode())

    return partly


class Holding:
    """Hands a request on, and keeps the answer back until it is let go."""

    def __init__(self):
        self.reached, self._free = threading.Event(), threading.Event()

    def __call__(self, call: Call) -> Answer:
        answer = call.forward()
        self.reached.set()
        assert self._free.wait(SECONDS)
        return answer

    def let_go(self):
        self._free.set()


# --------------------------------------------------------------------------------------------------


OUT_OF_RESOURCES, CLASS_NOT_SUPPORTED = 0xA700, 0x0122
PASSING = {
    "busy twice": [busy, busy],
    "cut half-way, then out of space for one object": [
        cut, but(EncapsulatedPDFStorage, OUT_OF_RESOURCES),
    ],
    "an empty answer, then another server's": [says_nothing, says_something_else],
    "an answer about other objects": [says_it_of_others],
}  # fmt: skip


NEVER_SEG = repeat(but(SegmentationStorage, CLASS_NOT_SUPPORTED))


@pytest.fixture(scope="module")
def troubled(place):
    """Studies whose way to the first archive goes wrong; the second one is not there meanwhile."""
    place.close()
    sent = {name: place.send(faults) for name, faults in PASSING.items()}
    return sent | {"never any segmentation": place.send(NEVER_SEG)}


@pytest.mark.parametrize("trouble", PASSING)
def test_what_passes_is_tried_again_until_all_is_there_once(place, troubled, trouble):
    uid = troubled[trouble]
    told = place.delivered(uid)
    assert told["attempts"] == len(PASSING[trouble]) + 1
    assert held(place.web, uid) == MODALITIES


def test_an_archive_that_never_takes_one_class_gets_the_rest_and_the_delivery_says_why(
    place, troubled
):
    uid = troubled["never any segmentation"]
    wait_until(lambda: place.status(uid) == "failed", seconds=SECONDS)
    told = place.delivery(uid)
    assert (told["attempts"], told["next_attempt"], told["hop"]) == (1, None, "store")
    assert told["reason"] == "2 of 5 objects: SOP class not supported (0x0122)"
    left = {each["name"] for each in told["objects"] if not each["stored"]}
    assert left == {"anatomy.seg.dcm", "lesions.seg.dcm"}
    assert held(place.web, uid) == ["DOC", "OT", "SR"]

    place.proxy.fail(uid, [])  # somebody has taught it the class
    again = place.service.http.post(f"/api/v1/deliveries/{told['id']}/retry")
    assert again.status_code == 202
    place.delivered(uid)
    assert held(place.web, uid) == MODALITIES


def test_an_archive_that_was_stopped_gets_what_it_missed_and_held_up_no_other(place, troubled):
    for uid in troubled.values():
        place.delivered(uid)
        wait_until(lambda uid=uid: place.delivery(uid, "secure")["reason"], seconds=SECONDS)
        told = place.delivery(uid, "secure")
        assert told["status"] != "delivered"
        assert "502" in told["reason"]
    place.open()
    for uid in troubled.values():
        place.delivered(uid, "secure")
        assert held(place.secure, uid) == MODALITIES


def test_a_worker_killed_between_pushes_leaves_everything_there_once(place):
    # Killed when the archive has stored and not answered, and again while it is asked what it has.
    stored, asked = Holding(), Holding()
    uid = place.send([stored], ask=[asked])
    for held_back in (stored, asked):
        assert held_back.reached.wait(SECONDS)
        place.delivered(uid, "secure")
        assert place.status(uid) == "sending"
        os.kill(place.service.worker(), signal.SIGKILL)
        held_back.let_go()
    assert place.delivered(uid)["attempts"] == 3
    assert place.delivery(uid, "secure")["attempts"] == 1
    assert held(place.web, uid) == held(place.secure, uid) == MODALITIES


def test_a_study_that_comes_three_times_has_one_set_of_results(place):
    uid, folder = place.study()
    files = sorted(folder.iterdir())
    stow = {"content": body([file.read_bytes() for file in files]), "headers": HEADERS}
    assert place.service.http.post("/dicom-web/studies", **stow).status_code == 200
    assert place.service.send(files).status_code in {200, 202}
    for name in ("web", "secure"):
        place.delivered(uid, name)
    assert place.service.http.post("/dicom-web/studies", **stow).status_code == 200
    assert place.service.send(files).status_code == 200
    wait_until(lambda: not place.service.waits(), seconds=SECONDS)
    assert place.service.versions(uid) == [1]
    assert held(place.web, uid) == held(place.secure, uid) == MODALITIES


def test_no_delivery_said_delivered_before_all_was_there_once(place, troubled):
    told = place.service.deliveries()
    assert {each["status"] for each in told} == {"delivered"}
    wait_until(lambda: place.watch.seen == {each["id"] for each in told})
    assert place.watch.lies == []
