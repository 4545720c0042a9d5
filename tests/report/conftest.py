"""An assessment of box lungs and the record it is filed under."""

from datetime import UTC, datetime

import numpy as np
import pytest

from opacimeter.assess.measure import measure
from opacimeter.checks import Check
from opacimeter.findings import Assessment, Network, Segmentation
from opacimeter.record import Record, assessment_id
from tests.boxes import two_lungs, volume_of


@pytest.fixture
def assessment() -> Assessment:
    hu, labels = two_lungs()
    volume = volume_of(hu, (2.0, 1.0, 1.0))
    measured = measure(volume, labels)
    return Assessment(
        volume=volume,
        segmentation=Segmentation(
            labels, np.zeros((1, 1, 1), np.float16), Network("lung-lesion", "1.0.0", "ab12")
        ),
        measurements=measured.measurements,
        lesions=measured.lesions,
        profile=measured.profile,
        histogram=measured.histogram,
        checks=(Check("thick-slices", "Slices lie 4 mm apart.", {"slice_mm": 4.0}),),
        detection_limit_percent=0.2,
        seconds={"read": 0.5, "segment": 1.25, "measure": 0.25},
    )


@pytest.fixture
def record() -> Record:
    created = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
    return Record(assessment_id("1.2.3"), 1, created, "1.2.3")
