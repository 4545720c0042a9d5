"""The HTTP application with the real reading of headers, on a store and a queue that remembers."""

from dataclasses import replace
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from opacimeter.api import Bounds, DicomFiles, Services, build
from opacimeter.intake import Limits, Rules
from opacimeter.reception import look_at
from opacimeter.report import header_json, object_frame
from tests.fakes import FakeSlices, fake_find


@pytest.fixture
def services(store, queue):
    """Studies wait for an hour of the clock: nothing is taken in unless somebody does it."""
    dicom = DicomFiles(
        look=lambda path: look_at(path, limits=Limits(), rules=Rules()),
        header=header_json,
        frame=object_frame,
        quiet=timedelta(hours=1),
    )
    bounds = Bounds(upload_bytes=20_000_000, upload_files=50, free_bytes=0, heartbeat_s=3600)
    return Services(store, queue.submit, fake_find, FakeSlices, bounds, "0.1.0", dicom)


@pytest.fixture
def hurried(services):
    """As `client`, of a service whose studies wait for nothing."""
    dicom = replace(services.dicom, quiet=timedelta(0))
    with TestClient(build(replace(services, dicom=dicom))) as opened:
        yield opened
