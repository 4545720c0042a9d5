"""From images over HTTP to a painting over HTTP, with the real pipeline between them.

Voxels are 10 mm wide: 1 ml each. The lungs are 2 × 8 × 14 × 12 voxels: 2688 ml. Stands in for a
network: what is below -500 HU is lung, and four voxels of the patient's right lung are a lesion.
"""

import nibabel as nib
import numpy as np
import pytest
from fastapi.testclient import TestClient

from opacimeter.api import Bounds, Services, build
from opacimeter.assess.measure import measure
from opacimeter.findings import Assessment, Network, Segmentation
from opacimeter.intake import find
from opacimeter.pipeline import Pipeline
from opacimeter.store import Incoming, IncomingFile, Store
from tests.fakes import Clock, FakeQueue, FakeSlices
from tests.intake.series import as_bytes, renamed, series

MODEL = {"name": "threshold", "version": "1.0.0", "sha256": "c" * 64}
ROUTE = "/api/v1/assessments"


def threshold(volume, *, progress=None):
    """Finds lungs by their density; column 0 is on the patient's right."""
    labels = np.zeros(volume.hu.shape, np.uint8)
    air = volume.hu[:, 6:26] < -500
    labels[:, 6:26, :16], labels[:, 6:26, 16:] = 2 * air[..., :16], 1 * air[..., 16:]
    labels[:, :, :4], labels[:, :, 28:] = 0, 0  # air around the body
    labels[5, 12:14, 8:10] = 4
    measured = measure(volume, labels)
    return Assessment(
        volume=volume,
        segmentation=Segmentation(labels, np.zeros((1, 1, 1), np.float16), Network(**MODEL)),
        measurements=measured.measurements,
        lesions=measured.lesions,
        profile=measured.profile,
        histogram=measured.histogram,
        checks=volume.checks,
        detection_limit_percent=0.05,
        interval_90_percent=(0.1, 0.4),
    )


def find_studies(folder, workspace):
    return tuple(
        Incoming(
            study.uid,
            [IncomingFile(each.path, each.uid("SOPInstanceUID")) for each in study.instances],
            patient={"id": "TEST"},
        )
        for study in find([folder], workspace=workspace)
    )


class House:
    """The service, its worker in the same process."""

    def __init__(self, folder):
        self.folder = folder
        self.store, self.queue = Store(folder / "data", clock=Clock()), FakeQueue()
        bounds = Bounds(free_bytes=0)
        services = Services(
            self.store, self.queue.submit, find_studies, FakeSlices, bounds, "0.1.0"
        )
        self.http = TestClient(build(services))
        self.address = ""

    def send(self, headers):
        forms = [("files", (f"{n}", as_bytes(header))) for n, header in enumerate(headers)]
        (study,) = self.http.post(ROUTE, files=forms).json()["assessments"]
        self.address = study["href"]
        return self.work()

    def work(self):
        job = self.queue.jobs.pop(0)
        run = self.store.runs.begin(job, attempts=3, model={**MODEL, "version": "2.0.0"})
        (self.folder / "work").mkdir(exist_ok=True)
        Pipeline(threshold, self.folder / "work").run(run)
        return self.get(version=run.record.version)

    def get(self, version):
        return self.http.get(self.address, params={"version": version}).json()

    def document(self, name, version):
        address = f"{self.address}/artifacts/{name}"
        return self.http.get(address, params={"version": version}).content

    def paint(self, change, *, of):
        """What a viewer does: labels without sides, changed by hand, in the volume's header."""
        path = self.folder / "labels.nii.gz"
        path.write_bytes(self.document("labels.nii.gz", of))
        image = nib.load(path)
        painting = np.array([0, 1, 1, 2, 2], np.uint8)[np.asarray(image.dataobj)]
        change(painting.T)  # (slice, row, column)
        nib.save(nib.Nifti1Image(painting, image.affine, image.header), path)
        answer = self.http.post(
            f"{self.address}/corrections",
            params={"version": of},
            files={"labels": ("painted.nii.gz", path.read_bytes())},
            data={"author": "Dr. Doe", "reason": "missed opacity"},
        )
        assert answer.status_code == 202, answer.text
        return answer.json()["version"]


@pytest.fixture
def house(tmp_path):
    opened = House(tmp_path)
    yield opened
    opened.store.close()


def lungs(told):
    return {name: told["regions"]["lungs"][name] for name in ("volume_ml", "lesion_ml")}


def test_a_painted_lesion_changes_the_ml_by_exactly_its_voxels(house):
    first = house.send(series())
    assert lungs(first) == {"volume_ml": 2688.0, "lesion_ml": 4.0}

    def change(painting):
        painting[7, 10:16, 8:13] = 2  # 30 voxels of the right lung
        painting[7, 12:16, 14:16] = 2  # 8 voxels beyond it
        painting[0, 9:13, 6:14] = 0  # 32 voxels of lung erased

    before = house.document("result.json", 1)
    assert house.paint(change, of=1) == 2
    second = house.work()
    assert lungs(second) == {"volume_ml": 2688.0 + 8 - 32, "lesion_ml": 4.0 + 30 + 8}
    assert second["regions"]["left-lung"]["volume_ml"] == 1344.0
    assert second["correction"] == {"of": 1, "author": "Dr. Doe", "reason": "missed opacity"}
    assert second["model"] == MODEL  # whose labels were changed, not what the worker has now
    assert "interval_90_percent" not in second["summary"]
    assert second["summary"]["detection_limit_percent"] == 0.05
    (said,) = (check for check in second["checks"] if check["code"] == "corrected")
    assert said["detail"] == {
        "of": 1, "lesion_added_ml": 38.0, "lesion_removed_ml": 0.0,
        "lung_added_ml": 8.0, "lung_removed_ml": 32.0,
    }  # fmt: skip
    assert house.document("result.json", 1) == before
    assert house.document("volume.nii.gz", 1) == house.document("volume.nii.gz", 2)


def test_a_correction_of_a_correction_builds_on_it(house):
    house.send(series())
    house.paint(lambda painting: painting.__setitem__((7, slice(10, 16), slice(8, 13)), 2), of=1)
    house.work()
    house.paint(lambda painting: painting.__setitem__((5, slice(12, 14), slice(8, 10)), 1), of=2)
    third = house.work()
    assert lungs(third) == {"volume_ml": 2688.0, "lesion_ml": 30.0}  # 4 + 30 - 4
    assert third["correction"]["of"] == 2
    assert third["model"] == MODEL
    versions = house.http.get(f"{house.address}/versions").json()["versions"]
    assert [version["summary"]["lesion_ml"] for version in versions] == [4.0, 34.0, 30.0]


def test_a_correction_is_measured_on_its_own_series_when_a_better_one_arrived_since(house):
    house.send(series())
    thinner = renamed(series(), "2.25.3000", 0)  # of equal rank but for its lower number
    second = house.send(thinner)
    assert second["series"]["uid"] == "2.25.3000"
    number = house.paint(lambda painting: painting.__setitem__((7, 10, 8), 2), of=1)
    third = house.work()
    assert (number, third["series"]["uid"]) == (3, "2.25.2000")
    assert third["series"]["chosen_because"].startswith("Version 1, which was corrected")
    assert lungs(third)["lesion_ml"] == 5.0
