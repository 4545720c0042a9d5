"""Studies that come by C-STORE: into the inbox, once, and committed to."""

import gc
import subprocess
from ipaddress import ip_network

import pytest
from pydicom import dcmread
from pydicom.uid import CTImageStorage, JPEGLSLossless
from pynetdicom import AE

from opacimeter.app.listening import listening
from opacimeter.app.taking_in import open_store
from opacimeter.errors import Misconfigured
from opacimeter.exchange import DimsePeer, Instance, StoreStatus, Tls
from opacimeter.exchange.commitment import commit
from opacimeter.exchange.dimse import DimseArchive
from opacimeter.settings import Listener, Sender, Settings
from opacimeter.store import Origin
from tests.conftest import ROOT
from tests.peers import certificates, free_port, tool

SLICES = sorted((ROOT / "dicom_samples" / "phantom-001").glob("*.dcm"))[:3]


def settings(folder, **about):
    """A service on a free port that knows CT1 on loopback."""
    sender = Sender(aet="CT1", addresses=(ip_network("127.0.0.0/8"),))
    listener = Listener(port=0, senders=(sender,), **about)
    return Settings(data_dir=folder / "data", min_free_bytes=0, listener=listener)


def waiting(asked):
    store = open_store(asked)
    try:
        return store.inbox.waiting()
    finally:
        store.close()


def left(asked):
    folder = asked.data_dir / "incoming" / "dimse"
    return list(folder.iterdir()) if folder.exists() else []


def test_where_nothing_is_asked_nothing_listens(tmp_path):
    with listening(Settings(data_dir=tmp_path)) as port:
        assert port is None


def test_an_image_waits_once_and_other_content_under_its_uid_is_refused(tmp_path, data):
    files = sorted((data / "dicom" / "covid-p001").glob("*.dcm"))
    asked = settings(tmp_path)
    image = dcmread(files[0])
    entity = AE(ae_title="CT1")
    entity.add_requested_context(CTImageStorage, JPEGLSLossless)
    with listening(asked) as port:
        association = entity.associate("127.0.0.1", port, ae_title="OPACIMETER")
        answers = [association.send_c_store(image).Status for _ in range(2)]
        other = dcmread(files[1])  # another slice under the UID of the first
        other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        answers.append(association.send_c_store(other).Status)
        association.release()
    assert answers == [0x0000, 0x0000, StoreStatus.DUPLICATE]
    (study,) = waiting(asked)
    assert (study.study_uid, study.origin) == (image.StudyInstanceUID, Origin.DIMSE)
    assert left(asked) == []


@pytest.mark.peer
def test_a_modality_stores_by_dcmtk_and_is_told_what_is_kept(tmp_path):
    """storescu of dcmtk; the SCU of commitment is the service's own."""
    asked = settings(tmp_path)
    uids = [str(dcmread(file, stop_before_pixels=True).SOPInstanceUID) for file in SLICES]
    with listening(asked) as port:
        stored = subprocess.run(
            [tool("/usr/bin/storescu"), "-xt", "-aet", "CT1", "-aec", "OPACIMETER", "127.0.0.1",
             str(port), *map(str, SLICES)],
            capture_output=True, text=True,
        )  # fmt: skip
        assert stored.returncode == 0, stored.stderr
        peer = DimsePeer(
            "us", "127.0.0.1", port, aet="OPACIMETER", calling="CT1", receive_port=free_port(),
            receive_host="127.0.0.1", timeout_s=10.0,
        )  # fmt: skip
        told = commit(
            peer, [Instance(CTImageStorage, uid, "", "", "") for uid in (*uids, "1.2.3.4")]
        )
        assert told.held == set(uids)
        assert set(told.missing) == {"1.2.3.4"}
        (study,) = waiting(asked)
        for file in (asked.data_dir / "studies" / str(study.id)).iterdir():
            file.unlink()
        told = commit(peer, [Instance(CTImageStorage, uid, "", "", "") for uid in uids])
        assert told.held == set()


@pytest.mark.peer
def test_a_stranger_gets_in_neither_by_dcmtk(tmp_path):
    with listening(settings(tmp_path)) as port:
        stored = subprocess.run(
            [tool("/usr/bin/storescu"), "-aet", "STRANGER", "-aec", "OPACIMETER", "127.0.0.1",
             str(port), str(SLICES[0])],
            capture_output=True, text=True,
        )  # fmt: skip
    assert stored.returncode != 0
    assert "Calling AE Title Not Recognized" in stored.stderr


# pynetdicom leaves a socket without association to be closed by the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_over_tls_those_get_in_whom_the_authority_vouches_for(tmp_path, caplog):
    caplog.set_level("CRITICAL", "pynetdicom")  # its record of the error would keep the socket
    known, strange = (certificates(tmp_path, name) for name in ("known", "strange"))
    asked = settings(
        tmp_path, authorities=known.authority, certificate=known.certificate, key=known.key
    )
    with listening(asked) as port:

        def archive(own):
            tls = Tls(known.authority, own.certificate, own.key)
            return DimseArchive(
                DimsePeer("us", "127.0.0.1", port, aet="OPACIMETER", calling="CT1", tls=tls,
                          timeout_s=10.0)
            )  # fmt: skip

        assert not archive(known).send(SLICES).failed
        with pytest.raises(Exception, match=r"cut off|could be opened|without an answer"):
            archive(strange).echo()
        gc.collect()
    assert len(waiting(asked)) == 1


def test_a_port_that_is_taken_is_told_of_in_a_sentence(tmp_path):
    with listening(settings(tmp_path)) as port:
        taken = settings(tmp_path)
        listener = taken.listener.model_copy(update={"port": port})
        with (
            pytest.raises(Misconfigured, match=rf"port {port} of 127\.0\.0\.1 cannot be listened"),
            listening(taken.model_copy(update={"listener": listener})),
        ):
            pass
