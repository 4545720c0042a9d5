"""A real Orthanc that takes what it is sent, and knows this side under an AE title and a port."""

import pytest

from tests.peers import free_port, running_orthanc

CALLING = "OPACITEST"


@pytest.fixture(scope="module")
def our_port():
    return free_port()


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory, our_port):
    settings = {
        "DicomModalities": {"us": [CALLING, "127.0.0.1", our_port]},
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomCheckCalledAet": True,
    }
    with running_orthanc(tmp_path_factory.mktemp("orthanc"), settings) as peer:
        yield peer
