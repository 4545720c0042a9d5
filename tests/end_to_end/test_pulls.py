"""Studies that are fetched from a real archive: by their UID, to compare with, of a range of days.

Every third slice of the phantom is a whole chest, of several patients, and its own prior.
"""

import io
import json
import subprocess
import sys
from contextlib import ExitStack

import pytest
from pydicom import dcmwrite
from pypdf import PdfReader

from tests.conftest import ROOT
from tests.fakes import wait_until
from tests.peers import PLUGIN, free_port, running_orthanc
from tests.phantoms import SLICES, phantom
from tests.serving import Service

pytestmark = [pytest.mark.peer, pytest.mark.slow]

SECONDS = 180
RESULTS = ["DOC", "OT", "SEG", "SEG", "SR"]


def small(uid, count=None, **header):
    """The chest of a patient of its own; of a few slices the service makes nothing."""
    about = {"PatientID": f"P-{uid}", "StudyDescription": "CT chest"} | header
    return phantom(uid, count, **about)


class Place:
    """The service, an archive that it fetches from, and another that it only sends to."""

    def __init__(self, archive, other, service):
        self.archive, self.other, self.service = archive, other, service

    def fill(self, *images):
        for image in images:
            written = io.BytesIO()
            dcmwrite(written, image)
            assert self.archive.post("/instances", written.getvalue())["Status"] == "Success"

    def ask(self, study_uid, source="web"):
        answer = self.service.http.post(
            "/api/v1/pulls", json={"study_uid": study_uid, "source": source}
        )
        assert answer.status_code == 202, answer.text
        return answer.json()

    def pulls(self, **about):
        """What is fetched, of those that this is true of."""
        told = self.service.get("/api/v1/pulls", params={"limit": 200}).json()["pulls"]
        return [each for each in told if about.items() <= each.items()]

    def pull(self, asked):
        (found,) = self.pulls(id=asked["id"])
        return found

    def fetched(self, asked):
        """Wait until a pull is done; what it says then."""
        wait_until(lambda: self.pull(asked)["status"] == "fetched", seconds=SECONDS)
        return self.pull(asked)

    def assessed(self, study_uid):
        """Wait until a study is assessed; its assessment."""

        def listed():
            query = {"study_uid": study_uid}
            return self.service.get("/api/v1/assessments", params=query).json()["assessments"]

        final = {"complete", "rejected", "failed"}
        wait_until(lambda: any(each["status"] in final for each in listed()), seconds=SECONDS)
        (found,) = listed()
        return found

    def delivered(self, study_uid):
        """Wait until all deliveries of a study are done; where they went."""

        def going():
            return [each for each in self.service.deliveries() if each["study_uid"] == study_uid]

        wait_until(
            lambda: going() and all(each["status"] == "delivered" for each in going()),
            seconds=SECONDS,
        )
        return sorted(each["destination"] for each in going())

    def command(self, *words, pacs=None):
        """`opacimeter` with the settings of the service: exit code, JSON lines, the rest."""
        environment = self.service.environment | ({"OPACIMETER_PACS": pacs} if pacs else {})
        done = subprocess.run(
            [sys.executable, "-m", "opacimeter", *words],
            env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    if not PLUGIN.exists():
        pytest.skip("Orthanc's DICOMweb plugin is not installed")
    if not (ROOT / "models" / "lung-lesion" / "models" / "model.onnx").exists():
        pytest.skip("the network's weights are absent: models/lung-lesion/models/model.onnx")
    folder = tmp_path_factory.mktemp
    with ExitStack() as stack:
        asked = {"DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True}
        archive = stack.enter_context(running_orthanc(folder("archive"), asked))
        other = stack.enter_context(running_orthanc(folder("other"), {"DicomAet": "OTHER"}))
        by_dimse = {"kind": "dimse", "host": "127.0.0.1", "priors": False}
        pacs = [
            {"name": "web", "kind": "dicomweb", "url": f"{archive.url}/dicom-web",
             "priors": True, "send_rejections": True},
            {"name": "get", **by_dimse, "port": archive.dicom_port, "aet": archive.aet, "send": []},
            {"name": "other", **by_dimse, "port": other.dicom_port, "aet": other.aet},
        ]  # fmt: skip
        service = Service(folder("service"), OPACIMETER_PACS=json.dumps(pacs))
        service.start()
        try:
            yield Place(archive, other, service)
        finally:
            assert service.stop() == 0
        assert "Traceback" not in (service.folder / "log").read_text()


# By UID, and what it is compared with -------------------------------------------------------------

CURRENT, EARLIER, OLDER, ABDOMEN = "2.25.6001", "2.25.6002", "2.25.6003", "2.25.6004"


@pytest.fixture(scope="module")
def pulled(place):
    """A study fetched by its UID; the archive has three earlier ones of the patient."""
    place.fill(*phantom(CURRENT, StudyDate="20260105"))
    place.fill(*phantom(EARLIER, StudyDate="20251001"))
    place.fill(*phantom(OLDER, 3, StudyDate="20250601"))
    abdomen = {"StudyDescription": "CT abdomen", "BodyPartExamined": "ABDOMEN"}
    place.fill(*phantom(ABDOMEN, 3, StudyDate="20251201", **abdomen))
    return place.fetched(place.ask(CURRENT))


def test_a_study_asked_for_by_its_uid_is_fetched_assessed_and_sent(place, pulled):
    assert (pulled["origin"], pulled["images"], pulled["attempts"]) == ("pull", 36, 1)
    found = place.assessed(CURRENT)
    assert (found["status"], found["id"]) == ("complete", pulled["assessment"])
    assert place.delivered(CURRENT) == ["other", "web"]
    assert place.archive.modalities(CURRENT) == sorted(["CT", *RESULTS])
    assert place.other.modalities(CURRENT) == RESULTS


def test_the_latest_earlier_chest_is_fetched_and_assessed_and_nothing_of_it_is_sent(place, pulled):
    wait_until(lambda: place.pulls(origin="prior", status="fetched"), seconds=SECONDS)
    (prior,) = place.pulls(origin="prior", prior_of=pulled["assessment"])
    assert (prior["source"], prior["study_uid"], prior["images"]) == ("web", EARLIER, 36)
    assert place.assessed(EARLIER)["status"] == "complete"
    place.delivered(CURRENT)
    for uid in (EARLIER, OLDER, ABDOMEN):
        assert place.archive.modalities(uid) == ["CT"]
        assert place.other.modalities(uid) == []
    sent = {each["study_uid"] for each in place.service.deliveries()}
    assert sent.isdisjoint({EARLIER, OLDER, ABDOMEN})
    for uid in (OLDER, ABDOMEN):
        assert place.service.versions(uid) == []


def test_both_stand_in_the_patients_follow_up_and_no_prior_is_sought_of_the_prior(place, pulled):
    earlier = place.assessed(EARLIER)
    told = place.service.get(f"/api/v1/assessments/{pulled['assessment']}/follow-up").json()
    assert [each["study"]["uid"] for each in told["studies"]] == [EARLIER, CURRENT]
    # The same images: the same numbers.
    first, second = (each["volume_ml"] for each in told["studies"])
    assert first == second > 0
    assert place.pulls(prior_of=earlier["id"]) == []


def test_a_study_is_fetched_by_dimse_too(place):
    uid = "2.25.6010"
    place.fill(*small(uid))
    told = place.fetched(place.ask(uid, "get"))
    assert (told["source"], told["images"]) == ("get", len(SLICES))
    assert place.assessed(uid)["status"] == "complete"
    assert place.delivered(uid) == ["other", "web"]


def test_a_study_that_is_not_there_fails_and_is_fetched_when_it_is_and_somebody_asks(place):
    uid = "2.25.6020"
    asked = place.ask(uid)
    wait_until(lambda: place.pull(asked)["status"] == "failed", seconds=SECONDS)
    told = place.pull(asked)
    assert (told["hop"], told["next_attempt"], told["assessment"]) == ("query", None, None)
    assert told["reason"] == "the archive has no CT series of this study"

    place.fill(*small(uid))
    retry = f"/api/v1/pulls/{asked['id']}/retry"
    assert place.service.http.post(retry).status_code == 202
    told = place.fetched(asked)
    assert (told["hop"], told["reason"], told["images"]) == (None, None, len(SLICES))
    assert place.assessed(uid)["id"] == told["assessment"]
    # What is fetched is not fetched again by mistake.
    assert place.service.http.post(retry).status_code == 409


# A study that cannot be measured ------------------------------------------------------------------


def test_who_asked_for_it_gets_a_page_about_a_study_that_cannot_be_measured(place):
    uid = "2.25.6030"
    place.fill(*small(uid, 4))
    place.fetched(place.ask(uid))
    assert place.assessed(uid)["status"] == "rejected"
    assert place.delivered(uid) == ["web"]
    assert place.archive.modalities(uid) == ["CT", "DOC"]
    assert place.other.modalities(uid) == []
    (name,) = place.archive.instances(uid, "DOC")
    (page,) = PdfReader(io.BytesIO(place.archive.get(f"/instances/{name}/pdf"))).pages
    # Three steps of 7.5 mm between four slices, to a whole millimetre.
    assert "The series has 4 images over 22 mm" in " ".join(page.extract_text().split())
    assert place.archive.object(name).PatientID == f"P-{uid}"


# The command line ---------------------------------------------------------------------------------


def test_echo_tells_which_archives_answer(place):
    code, told, _ = place.command("pacs", "echo", "--json")
    assert code == 0
    assert [(each["name"], each["answers"]) for each in told] == [
        ("web", True), ("get", True), ("other", True),
    ]  # fmt: skip
    assert [each["told"] for each in told] == [
        "answers DICOMweb queries (HTTP 200)",
        *["answers C-ECHO (0x0000)"] * 2,
    ]


def test_echo_tells_which_do_not_and_that_in_its_exit_code(place):
    here, nobody = place.archive.dicom_port, free_port()
    dimse = {"kind": "dimse", "host": "127.0.0.1", "timeout_s": 5}
    pacs = [
        {"name": "nobody", **dimse, "port": nobody, "aet": "NOBODY"},
        {"name": "nowhere", "kind": "dicomweb", "url": f"http://127.0.0.1:{nobody}"},
        {"name": "wrong", "kind": "dicomweb", "url": f"{place.archive.url}/no-such-root"},
        {"name": "here", **dimse, "port": here, "aet": place.archive.aet},
    ]
    code, told, _ = place.command("pacs", "echo", "--json", pacs=json.dumps(pacs))
    assert code == 4
    assert {each["name"]: each["answers"] for each in told} == {
        "nobody": False, "nowhere": False, "wrong": False, "here": True,
    }  # fmt: skip
    assert told[0]["told"] == "no association could be opened"
    assert "404" in told[2]["told"]


def test_a_range_of_days_is_asked_for_once_assessed_and_sent_nowhere(place):
    february, march = ("2.25.6041", "2.25.6042"), "2.25.6043"
    days = ("20260210", "20260228")
    for uid, day in zip(february, days, strict=True):
        place.fill(*small(uid, StudyDate=day))
    place.fill(*small(march, 3, StudyDate="20260301"))
    head = {"StudyDescription": "CT head", "BodyPartExamined": "HEAD"}
    place.fill(*small("2.25.6044", 3, StudyDate="20260211", **head))
    words = ("pacs", "backfill", "web", "--from", "2026-02-01", "--to", "2026-02-28", "--json")

    def told(*more):
        code, lines, error = place.command(*words, *more)
        assert code == 0, error
        return [
            (each["date"], each["study_uid"], each["standing"], each["asked"]) for each in lines
        ]

    dates = ("2026-02-10", "2026-02-28")
    found = list(zip(dates, february, strict=True))
    assert told("--dry-run") == [(*each, "new", False) for each in found]
    assert place.pulls(origin="backfill") == []
    assert told() == [(*each, "new", True) for each in found]
    for uid in february:
        assert place.assessed(uid)["status"] == "complete"
    assert told() == [(*each, "known", False) for each in found]
    assert sorted(each["study_uid"] for each in place.pulls(origin="backfill")) == sorted(february)
    assert {each["images"] for each in place.pulls(origin="backfill")} == {len(SLICES)}
    sent = {each["study_uid"] for each in place.service.deliveries()}
    assert sent.isdisjoint(february)
    assert [place.archive.modalities(uid) for uid in february] == [["CT"], ["CT"]]
    assert place.service.versions(march) == []
