"""One route, set up and forgotten: a study goes into the archive, its results come back, once.

A real chest (the phantom where real images are absent) takes both ways at the same time:

    web     storescu → Orthanc → its DICOMweb plugin → the service → STOW-RS → the same Orthanc,
            which sends every stable study and series on to the service, results included
    dimse   storescu → the C-STORE listener of another service → C-STORE and storage commitment →
            another Orthanc, which is started only after the first attempts have failed
"""

import io
import json
import os
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread, dcmwrite
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from tests.conftest import ROOT
from tests.end_to_end import tid1500
from tests.fakes import wait_until
from tests.peers import PLUGIN, Peer, free_port, running_orthanc, servers, storescu, tool
from tests.serving import Service

pytestmark = [pytest.mark.peer, pytest.mark.slow]

RESULTS = ["DOC", "OT", "SEG", "SEG", "SR"]
"""Modalities of a result's series: the page, the pictures, two segmentations, the report."""

FORWARD = """
function forward(resource)
  RestApiPost('/dicom-web/servers/opacimeter/stow',
              DumpJson({Resources = {resource}, Synchronous = false}, true))
end
function OnStableStudy(study, tags, metadata) forward(study) end
function OnStableSeries(series, tags, metadata) forward(series) end
"""

SECONDS = 240


@dataclass(frozen=True)
class Chest:
    """What is sent: a folder of images, its study, and how many they are."""

    folder: Path
    uid: str
    images: int


@dataclass
class Route:
    """A service and the archive that gets its results."""

    service: Service
    archive: Peer | None = None

    def delivered(self):
        """Whether all that goes to the archive is there; never what failed."""
        found = self.service.deliveries()
        assert not [each for each in found if each["status"] in {"failed", "abandoned"}], found
        return bool(found) and all(each["status"] == "delivered" for each in found)


@pytest.fixture(scope="module")
def chest():
    data = Path(os.environ.get("OPACIMETER_DATA", ROOT.parent / "shared" / "data"))
    real = data / "dicom" / "covid-p001"
    folder = real if real.is_dir() else ROOT / "dicom_samples" / "phantom-001"
    files = list(folder.glob("*.dcm"))
    return Chest(
        folder, str(dcmread(files[0], stop_before_pixels=True).StudyInstanceUID), len(files)
    )


@pytest.fixture(scope="module")
def stack():
    with ExitStack() as opened:
        yield opened


def started(stack, service):
    """A running service; at the end it is stopped, and nothing broke in it."""
    service.start()

    def stop():
        assert service.stop() == 0
        assert "Traceback" not in (service.folder / "log").read_text()

    stack.callback(stop)
    return service


@pytest.fixture(scope="module")
def web(stack, tmp_path_factory):
    """The service and an archive that sends it everything."""
    if not PLUGIN.exists():
        pytest.skip("Orthanc's DICOMweb plugin is not installed")
    folder, port = tmp_path_factory.mktemp("web"), free_port()
    script = folder / "forward.lua"
    script.write_text(FORWARD)
    settings = {
        **servers(opacimeter=f"http://127.0.0.1:{port}/dicom-web/"),
        **{"LuaScripts": [str(script)], "StableAge": 1, "JobsHistorySize": 1000},
    }
    archive = stack.enter_context(running_orthanc(folder, settings))
    place = {"name": "archive", "kind": "dicomweb", "url": f"{archive.url}/dicom-web"}
    service = Service(
        tmp_path_factory.mktemp("web-service"),
        port=port,
        OPACIMETER_THREADS="1",  # there are two of them
        OPACIMETER_PACS=json.dumps([place]),
        OPACIMETER_QUIET_PERIOD_S="3",  # a sender that is held up a little is not done
    )
    return Route(started(stack, service), archive)


@pytest.fixture(scope="module")
def ports():
    """Of the listener, of the second archive, and where reports of commitment are taken."""
    return free_port(), free_port(), free_port()


@pytest.fixture(scope="module")
def dimse(stack, tmp_path_factory, ports):
    """Another service, that listens; its archive is not there yet."""
    listener = {"port": ports[0], "senders": [{"aet": "CT1", "addresses": ["127.0.0.0/8"]}]}
    place = {
        "name": "archive", "kind": "dimse", "host": "127.0.0.1", "port": ports[1], "aet": "LATE",
        "commit": True, "receive_port": ports[2], "priors": False,
    }  # fmt: skip
    service = Service(
        tmp_path_factory.mktemp("dimse-service"),
        OPACIMETER_THREADS="1",
        OPACIMETER_LISTENER=json.dumps(listener),
        OPACIMETER_PACS=json.dumps([place]),
        OPACIMETER_QUIET_PERIOD_S="3",
    )
    return Route(started(stack, service))


def send_to_listener(chest, ports):
    storescu(ports[0], "OPACIMETER", chest.folder, calling="CT1")


@pytest.fixture(scope="module")
def sent(chest, web, dimse, ports):
    """The study on both ways: all that anybody does by hand."""
    storescu(web.archive.dicom_port, web.archive.aet, chest.folder)
    send_to_listener(chest, ports)


@pytest.fixture(scope="module")
def by_web(sent, web):
    wait_until(web.delivered, seconds=SECONDS)
    return web


@pytest.fixture(scope="module")
def without_archive(sent, dimse):
    """What the delivery says while its archive does not answer."""
    wait_until(
        lambda: any(each["attempts"] >= 2 for each in dimse.service.deliveries()), seconds=SECONDS
    )
    (told,) = dimse.service.deliveries()
    return told


@pytest.fixture(scope="module")
def by_dimse(without_archive, stack, dimse, ports, tmp_path_factory):
    known = {"opacimeter": ["OPACIMETER", "127.0.0.1", ports[2]]}
    settings = {"DicomPort": ports[1], "DicomAet": "LATE", "DicomModalities": known}
    folder = tmp_path_factory.mktemp("late")
    dimse.archive = stack.enter_context(running_orthanc(folder, settings))
    wait_until(dimse.delivered, seconds=SECONDS)
    return dimse


@pytest.fixture(params=["web", "dimse"])
def route(request):
    return request.getfixturevalue(f"by_{request.param}")


def result_of(route):
    (found,) = route.service.get("/api/v1/assessments").json()["assessments"]
    return route.service.get(f"/api/v1/assessments/{found['id']}").json()


def ours(archive, study):
    """SOPInstanceUIDs of the objects in a study that this software wrote, in order."""
    names = [
        name
        for series in archive.series(study)
        if series["MainDicomTags"]["Modality"] != "CT"
        for name in series["Instances"]
    ]
    tags = [archive.json(f"/instances/{name}/simplified-tags") for name in names]
    return sorted(
        each["SOPInstanceUID"] for each in tags if each.get("ManufacturerModelName") == "opacimeter"
    )


# --------------------------------------------------------------------------------------------------


def test_results_come_back_into_the_study_they_are_of(by_web, chest):
    assert by_web.archive.modalities(chest.uid) == sorted(["CT", *RESULTS])
    assert len(by_web.archive.instances(chest.uid, "CT")) == chest.images
    # One study of one patient: nothing was filed beside it.
    assert len(by_web.archive.json("/studies")) == len(by_web.archive.json("/patients")) == 1


def test_what_a_scanner_sends_to_the_service_ends_in_its_archive(by_dimse, chest):
    assert by_dimse.archive.modalities(chest.uid) == RESULTS
    assert result_of(by_dimse)["series"]["slices"] == chest.images


def test_an_archive_that_is_not_there_is_told_of_and_gets_it_later(without_archive, by_dimse):
    assert without_archive["status"] != "delivered"
    assert (without_archive["hop"], without_archive["objects"]) == ("connect", [])
    assert without_archive["reason"] == "no association could be opened"
    (told,) = by_dimse.service.deliveries(destination="archive")[-1:]
    assert told["attempts"] > without_archive["attempts"]
    assert [each["stored"] for each in told["objects"]] == [True] * len(RESULTS)
    assert ours(by_dimse.archive, told["study_uid"]) == sorted(
        each["uid"] for each in told["objects"]
    )


def test_every_number_in_the_archive_is_that_of_the_result(route, chest):
    result = result_of(route)
    (name,) = route.archive.instances(chest.uid, "SR")
    told = tid1500.read(route.archive.object(name))
    assert sum(map(len, result["regions"].values())) > 80
    assert told.regions == result["regions"]
    summary = result["summary"]
    low, high = summary["interval_90_percent"]
    assert told.overall == {
        "interval-90-low": low,
        "interval-90-high": high,
        "detection-limit": summary["detection_limit_percent"],
        "ct-ss": summary["ct_ss"]["grade"],
        "zone-score": summary["zone_score"]["value"],
    }
    assert told.others == []


def test_segments_in_the_archive_have_the_volumes_of_the_result(by_web, chest):
    """Pixels of a segment times the volume of one; every image of the study is named."""
    regions = result_of(by_web)["regions"]
    expected = {
        "Left lung": regions["left-lung"]["volume_ml"],
        "Right lung": regions["right-lung"]["volume_ml"],
        "Lesion": regions["lungs"]["lesion_ml"],
        "High opacity": regions["lungs"]["high_opacity_ml"],
    }
    images = {
        str(by_web.archive.object(name).SOPInstanceUID)
        for name in by_web.archive.instances(chest.uid, "CT")
    }
    found = {}
    for name in by_web.archive.instances(chest.uid, "SEG"):
        seg = by_web.archive.object(name)
        (series,) = seg.ReferencedSeriesSequence
        named = {str(item.ReferencedSOPInstanceUID) for item in series.ReferencedInstanceSequence}
        assert named == images
        found |= volumes_ml(seg)
    assert found == pytest.approx(expected, abs=0.0006)  # the JSON has three decimals


def volumes_ml(seg):
    """Of each segment, by its label."""
    (shared,) = seg.SharedFunctionalGroupsSequence
    (measures,) = shared.PixelMeasuresSequence
    voxel_ml = np.prod([*measures.PixelSpacing, measures.SpacingBetweenSlices]) / 1000.0
    counts = dict.fromkeys((item.SegmentNumber for item in seg.SegmentSequence), 0)
    for frame, groups in zip(seg.pixel_array, seg.PerFrameFunctionalGroupsSequence, strict=True):
        (which,) = groups.SegmentIdentificationSequence
        counts[which.ReferencedSegmentNumber] += int(frame.sum())
    return {
        item.SegmentLabel: counts[item.SegmentNumber] * float(voxel_ml)
        for item in seg.SegmentSequence
    }


def test_the_archive_renders_the_pictures(by_web, chest):
    (name,) = by_web.archive.instances(chest.uid, "OT")
    held = by_web.archive.object(name)
    frames = held.pixel_array
    assert 2 <= len(frames) == held.NumberOfFrames <= 25  # a table and at most 24 slices
    for number in (0, len(frames) - 1):
        shown = by_web.archive.get(f"/instances/{name}/frames/{number}/rendered")
        pixels = np.asarray(Image.open(io.BytesIO(shown)).convert("RGB")).astype(int)
        assert pixels.shape == frames[number].shape
        assert np.abs(pixels - frames[number]).mean() < 3
        assert np.ptp(pixels) > 200


def test_the_archive_hands_back_the_page_as_the_service_gives_it(by_web, chest):
    (name,) = by_web.archive.instances(chest.uid, "DOC")
    held = by_web.archive.get(f"/instances/{name}/pdf")
    assessment = result_of(by_web)["id"]
    page = by_web.service.get(f"/api/v1/assessments/{assessment}/artifacts/report.en.pdf").content
    assert page.startswith(b"%PDF")
    assert held.rstrip(b"\0") == page.rstrip(b"\0")  # an odd length is padded (PS3.5 8.2)


def test_dcmtk_prints_the_report_that_the_archive_holds(by_web, chest, tmp_path):
    (name,) = by_web.archive.instances(chest.uid, "SR")
    file = tmp_path / "report.dcm"
    file.write_bytes(by_web.archive.get(f"/instances/{name}/file"))
    done = subprocess.run(
        [tool("/usr/bin/dsrdump"), str(file)], capture_output=True, text=True, check=True
    )
    assert "Imaging Measurement Report" in done.stdout
    lungs_ml = result_of(by_web)["regions"]["lungs"]["volume_ml"]
    assert f'"{lungs_ml}" (cm3' in done.stdout
    # Of UTF-8 it warns that its checker does not know it.
    assert [line for line in done.stderr.splitlines() if not line.startswith("W: The VR")] == []


def test_dciodvfy_finds_no_error_in_what_the_archive_holds(route, chest, tmp_path):
    faults = {}
    for modality in sorted(set(RESULTS)):
        for name in route.archive.instances(chest.uid, modality):
            file = tmp_path / f"{modality}-{name}.dcm"
            file.write_bytes(route.archive.get(f"/instances/{name}/file"))
            run = [tool("/usr/bin/dciodvfy"), "-new", str(file)]
            done = subprocess.run(run, capture_output=True, text=True, check=False)
            lines = (done.stdout + done.stderr).splitlines()
            assert lines, "it names the object at least"
            faults[file.name] = [line for line in lines if "Error" in line or "Not found" in line]
    assert len(faults) == len(RESULTS)
    assert not any(faults.values()), faults


def test_a_study_sent_three_times_has_one_set_of_results(by_dimse, chest, ports):
    before = by_dimse.service.deliveries()
    for _ in range(2):
        send_to_listener(chest, ports)
    wait_until(lambda: not by_dimse.service.waits(), seconds=SECONDS)
    assert by_dimse.service.versions(chest.uid) == [1]
    assert by_dimse.service.deliveries() == before
    assert by_dimse.archive.modalities(chest.uid) == RESULTS


def test_a_rejected_result_is_followed_by_a_note(route, chest):
    asked = {"state": "rejected", "author": "Dr. Doe", "reason": "wrong side"}
    result = result_of(route)
    href = f"/api/v1/assessments/{result['id']}/review"
    assert route.service.http.post(href, json=asked).status_code == 200
    wait_until(lambda: bool(route.archive.instances(chest.uid, "KO")), seconds=SECONDS)
    wait_until(route.delivered, seconds=SECONDS)
    (name,) = route.archive.instances(chest.uid, "KO")
    named = {
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for item in route.archive.object(name).ContentSequence
        if item.ValueType in {"IMAGE", "COMPOSITE"}
    }
    (sent,) = [each for each in route.service.deliveries() if each["kind"] == "result"]
    assert named == {each["uid"] for each in sent["objects"]}


# An archive that forwards everything --------------------------------------------------------------


def stable(archive):
    """How often a study and a series came to rest; each is sent on once."""
    changes = archive.json("/changes?limit=100000")["Changes"]
    kinds = [each["ChangeType"] for each in changes]
    return kinds.count("StableStudy"), kinds.count("StableSeries")


def forwarded(archive):
    """Transfers to the service that the archive calls a success; none has failed."""
    jobs = archive.json("/jobs?expand")
    states = [each["State"] for each in jobs if each["Type"] == "DicomWebStowClient"]
    assert "Failure" not in states, archive.log.read_text(errors="replace")[-1500:]
    return states.count("Success")


def another_object(chest, number):
    """A capture that somebody else made of the study, in a series of its own."""
    made = dcmread(next(chest.folder.glob("*.dcm")), stop_before_pixels=True)
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    made.SOPInstanceUID = generate_uid(entropy_srcs=[chest.uid, "other", str(number)])
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SeriesInstanceUID, made.Modality = f"{made.SOPInstanceUID[:60]}.1", "XC"
    written = io.BytesIO()
    dcmwrite(written, made)
    return written.getvalue()


def test_ten_rounds_of_forwarding_leave_one_set_of_results(by_web, chest):
    """In each round something new comes, comes to rest, and all of the study is sent on again."""
    archive, service = by_web.archive, by_web.service
    before = service.deliveries(), ours(archive, chest.uid)
    for number in range(10):
        rounds, _ = stable(archive)
        archive.post("/instances", another_object(chest, number))
        wait_until(lambda rounds=rounds: stable(archive)[0] > rounds, seconds=60)
    # The images, the results, and ten rounds; each was sent on, and the service has taken it.
    wait_until(
        lambda: forwarded(archive) == sum(stable(archive)) >= 12 + (1 + len(RESULTS) + 10),
        seconds=SECONDS,
    )
    # More than the quiet period, in which a loop would begin.
    wait_until(lambda: not service.waits(), seconds=SECONDS)
    assert service.versions(chest.uid) == [1]
    assert len(service.get("/api/v1/assessments").json()["assessments"]) == 1
    assert (service.deliveries(), ours(archive, chest.uid)) == before
    assert [name for name in archive.modalities(chest.uid) if name not in {"XC", "KO"}] == sorted(
        ["CT", *RESULTS]
    )
