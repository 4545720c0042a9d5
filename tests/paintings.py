"""Versions whose volume and labels are real files, and paintings on them."""

import gzip
import io
import json

import nibabel as nib
import numpy as np

from opacimeter.document import Document
from opacimeter.report.nifti import write_nifti
from tests.boxes import two_lungs, volume_of
from tests.fakes import MODEL, result_documents

SPACING = (3.0, 2.0, 2.0)
"""Voxels of 0.012 ml: two lungs of 288 ml, a lesion of 600 voxels in the right one: 7.2 ml."""


def classes(labels):
    """0, 1 lung, 2 lesion: what a viewer shows a person to paint on."""
    return np.array([0, 1, 1, 2, 2], np.uint8)[labels]


def painted():
    """300 voxels of lesion, 3.6 ml, painted beside the lesion in the right lung."""
    painting = classes(two_lungs()[1])
    painting[8:14, 20:30, 25:30] = 2
    return painting


def nifti(painting, affine=None, *, packed=True):
    """A painting as a browser sends it."""
    ours = np.diag([-1.0, -1, 1, 1]) @ volume_of(two_lungs()[0], SPACING).affine
    ours = ours @ np.eye(4)[[2, 1, 0, 3]]
    stream = io.BytesIO()
    image = nib.Nifti1Image(painting.T, ours if affine is None else affine, dtype=painting.dtype)
    image.to_stream(stream)
    return gzip.compress(stream.getvalue(), 1) if packed else stream.getvalue()


def documents(record):
    """What a report would make of the two lungs."""
    hu, labels = two_lungs()
    volume = volume_of(hu, SPACING)
    (told,) = (each for each in result_documents(record) if each.name == "result.json")
    return (
        _result(told),
        Document("volume.nii.gz", "application/gzip", _writing(volume.hu, volume.affine)),
        Document("labels.nii.gz", "application/gzip", _writing(labels, volume.affine)),
    )


def complete_painted(store, job):
    """Do a job as a worker would, with real files for documents; the run's record."""
    run = store.runs.begin(job, attempts=3, model=MODEL)
    run.keep(documents(run.record), checks=(), summary={"lesion_ml": 7.2})
    return run.record


def _result(document):
    def write(path):
        document.write(path)
        result = json.loads(path.read_text()) | {"model": MODEL}
        result["summary"]["detection_limit_percent"] = 0.4
        path.write_text(json.dumps(result))

    return Document("result.json", "application/json", write)


def _writing(array, affine):
    return lambda path: write_nifti(path, array, affine)
