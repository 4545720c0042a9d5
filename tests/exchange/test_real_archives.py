"""A real Orthanc, asked, filled and emptied by DICOMweb and by DIMSE."""

import pytest
from pydicom import dcmread

from opacimeter.errors import ArchiveRefused, ArchiveUnreachable
from opacimeter.exchange import (
    DicomwebPeer,
    DimsePeer,
    Instance,
    Question,
    deliver,
    open_archive,
)
from opacimeter.exchange.instances import identified
from tests.conftest import ROOT
from tests.exchange.conftest import CALLING
from tests.exchange.fake_pacs import objects
from tests.peers import PLUGIN, free_port

pytestmark = pytest.mark.peer

SLICES = sorted((ROOT / "dicom_samples" / "phantom-001").glob("*.dcm"))[:3]
STUDY = str(dcmread(SLICES[0], stop_before_pixels=True).StudyInstanceUID)


@pytest.fixture
def dimse(orthanc, our_port):
    def peer(**changed):
        about = {
            "port": orthanc.dicom_port,
            "aet": orthanc.aet,
            "receive_port": our_port,
            "timeout_s": 10.0,
        } | changed
        return DimsePeer("dimse", "127.0.0.1", calling=CALLING, **about)

    return peer


@pytest.fixture(params=["dicomweb", "get", "move"])
def archive(request, orthanc, dimse):
    if request.param == "dicomweb":
        if not PLUGIN.exists():
            pytest.skip("Orthanc's DICOMweb plugin is not installed")
        return open_archive(DicomwebPeer("web", f"{orthanc.url}/dicom-web", timeout_s=10.0))
    return open_archive(dimse(move=request.param == "move"))


def test_it_answers(archive):
    assert "answers" in archive.echo()


def test_what_is_sent_is_found_and_comes_back_whole(archive, tmp_path):
    outcome = deliver(archive, SLICES)
    assert not outcome.failed
    assert len(outcome.uids) == 3
    # A result of ours in the same study is not fetched: only its CT is.
    (ours,) = objects(tmp_path / "ours", 1)
    dataset = dcmread(ours)
    dataset.StudyInstanceUID, dataset.SOPInstanceUID = STUDY, f"{STUDY}.99"
    dataset.save_as(ours)
    assert not deliver(archive, [ours]).failed

    source = dcmread(SLICES[0], stop_before_pixels=True)
    found = archive.studies(Question(patient_id=source.PatientID))
    assert [(one.uid, one.patient_id, one.date) for one in found] == [
        (STUDY, source.PatientID, source.StudyDate)
    ]
    assert archive.studies(Question(patient_id=source.PatientID, modality="MR")) == ()
    assert archive.studies(Question(study_uid=STUDY, dates=("19000101", "19010101"))) == ()

    folder = tmp_path / "fetched"
    folder.mkdir()
    fetched = archive.fetch(STUDY, folder)
    assert fetched.complete
    assert {str(dcmread(file).SOPInstanceUID) for file in fetched.files} == {
        str(dcmread(file).SOPInstanceUID) for file in SLICES
    }
    sent = {dcmread(file).SOPInstanceUID: dcmread(file).pixel_array for file in SLICES}
    for file in fetched.files:
        dataset = dcmread(file)
        assert (dataset.pixel_array == sent[dataset.SOPInstanceUID]).all()


def test_a_study_that_is_not_there_is_refused(archive, tmp_path):
    with pytest.raises(ArchiveRefused, match="no CT series"):
        archive.fetch("1.2.3.4.5.6", tmp_path)


def test_what_is_stored_is_committed_and_what_is_not_is_told_of(dimse, tmp_path):
    archive = open_archive(dimse(commit=True))
    files = objects(tmp_path)
    assert not deliver(archive, files).failed
    there = list(identified(files).values())
    absent = Instance(there[0].sop_class, "1.2.3.9.9.9", "1.2.3", "1.2.3.9", "")
    confirmed = archive.confirm([*there, absent])
    assert confirmed.held == {each.uid for each in there}
    assert set(confirmed.missing) == {absent.uid}
    assert "0x0112" in confirmed.missing[absent.uid]


@pytest.mark.parametrize("by", ["dicomweb", "dimse"])
def test_a_query_finds_what_is_stored_and_misses_what_is_not(orthanc, dimse, by, tmp_path):
    web = DicomwebPeer("web", f"{orthanc.url}/dicom-web", timeout_s=10.0)
    archive = open_archive(web if by == "dicomweb" else dimse())
    files = objects(tmp_path)
    archive.send(files)
    there = list(identified(files).values())
    absent = Instance(there[0].sop_class, "1.2.3.9.9.9", "1.2.3", "1.2.3.9", "")
    confirmed = archive.confirm([*there, absent])
    assert (confirmed.held, set(confirmed.missing)) == ({each.uid for each in there}, {absent.uid})


# pynetdicom leaves a socket that could not connect to be closed by the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_wrong_ae_title_is_refused_and_an_empty_port_unreachable(dimse):
    with pytest.raises(ArchiveRefused, match="AE titles"):
        open_archive(dimse(aet="SOMEBODY")).echo()
    with pytest.raises(ArchiveUnreachable):
        open_archive(dimse(port=free_port())).echo()
