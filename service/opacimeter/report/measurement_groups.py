"""The measurement groups of the structured report, one for each region and finding."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from highdicom.sr import (
    AlgorithmIdentification,
    FindingSite,
    MeasurementsAndQualitativeEvaluations,
    ReferencedSegment,
    SourceSeriesForSegmentation,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from highdicom.sr import (
    Measurement as SrMeasurement,
)
from highdicom.sr import (
    QualitativeEvaluation as SrEvaluation,
)
from pydicom.sr.coding import Code

from opacimeter.findings import Assessment, Measurement, Region
from opacimeter.record import Record
from opacimeter.report import codes
from opacimeter.report.dicom_object import MANUFACTURER
from opacimeter.report.result import list_summary, rounded
from opacimeter.report.seg import frame_of_reference, seg_instance
from opacimeter.report.segments import SEGMENTS, tracking

__all__ = ["Group", "measurement_groups"]

Group = VolumetricROIMeasurementsAndQualitativeEvaluations | MeasurementsAndQualitativeEvaluations

_FINDINGS: Final = (codes.LUNG, codes.LESION, codes.HIGH_OPACITY)
_CATEGORY: Final = {codes.LUNG: codes.ANATOMICAL_STRUCTURE}


def measurement_groups(
    assessment: Assessment, record: Record, *, labelmap: bool
) -> Iterator[Group]:
    """A group for each region and finding of which something was measured."""
    for region in Region:
        for finding in _FINDINGS:
            rows = [
                row
                for row in assessment.measurements
                if row.region is region and codes.MEASURED[row.quantity].finding == finding
            ]
            if rows:
                group = _Group(assessment, record, region, finding)
                yield group.made(rows, labelmap=labelmap)


class _Group:
    """The measurements of one finding in one region."""

    def __init__(
        self, assessment: Assessment, record: Record, region: Region, finding: Code
    ) -> None:
        self._assessment, self._record = assessment, record
        self._region, self._finding = region, finding
        self._overall = region is Region.LUNGS and finding == codes.LESION

    def made(self, rows: Sequence[Measurement], *, labelmap: bool) -> Group:
        """The group: a volumetric ROI where its voxels are a segment."""
        site, network = codes.SITES[self._region], self._assessment.segmentation.network
        identifier, uid = tracking(self._record, self._finding, self._region)
        common: dict[str, Any] = {
            "tracking_identifier": TrackingIdentifier(uid=uid, identifier=identifier),
            "finding_category": _CATEGORY.get(self._finding, codes.ABNORMAL_STRUCTURE),
            "finding_type": self._finding,
            "finding_sites": [FindingSite(site.location, laterality=site.laterality)],
            "algorithm_id": AlgorithmIdentification(
                name=network.name,
                version=network.version,
                parameters=[f"sha256={network.sha256}"],
                family=codes.ARTIFICIAL_INTELLIGENCE,
                manufacturer=MANUFACTURER,
            ),
            "measurements": [_measurement(row) for row in rows] + self._scores(),
            "qualitative_evaluations": self._evaluations(),
        }
        segment = self._segment(labelmap=labelmap)
        if segment is None:
            return MeasurementsAndQualitativeEvaluations(**common)
        return VolumetricROIMeasurementsAndQualitativeEvaluations(
            referenced_segment=segment, **common
        )

    def _segment(self, *, labelmap: bool) -> ReferencedSegment | None:
        volume = self._assessment.volume
        if frame_of_reference(volume) is None:
            return None
        for kind, segments in SEGMENTS.items():
            for number, segment in enumerate(segments, 1):
                whole = not (labelmap and segment.exclusive_label)
                if whole and (segment.finding, segment.region) == (self._finding, self._region):
                    seg = seg_instance(self._record, kind, labelmap=labelmap)
                    return ReferencedSegment(
                        sop_class_uid=seg.sop_class,
                        sop_instance_uid=seg.instance_uid,
                        segment_number=number,
                        source_series=SourceSeriesForSegmentation(volume.series.uid),
                    )
        return None

    def _scores(self) -> list[SrMeasurement]:
        """What the result's summary says beyond its rows; with the lesions of both lungs."""
        if not self._overall:
            return []
        summary = list_summary(self._assessment)
        low, high = summary.get("interval_90_percent", (None, None))
        told = (
            (codes.INTERVAL_LOW, low, codes.PERCENT),
            (codes.INTERVAL_HIGH, high, codes.PERCENT),
            (codes.DETECTION_LIMIT, summary.get("detection_limit_percent"), codes.PERCENT),
            (codes.CT_SS, summary.get("ct_ss", {}).get("grade"), codes.ONE),
            (codes.ZONE_SCORE, summary.get("zone_score", {}).get("value"), codes.ONE),
        )
        return [SrMeasurement(name, value, unit) for name, value, unit in told if value is not None]

    def _evaluations(self) -> list[SrEvaluation]:
        if not self._overall:
            return []
        summary = list_summary(self._assessment)
        told = (
            (codes.BELOW_LIMIT, summary.get("below_detection_limit")),
            (codes.NEAR_BOUNDARY, summary.get("ct_ss", {}).get("near_boundary")),
        )
        return [
            SrEvaluation(name, codes.YES if value else codes.NO)
            for name, value in told
            if value is not None
        ]


def _measurement(row: Measurement) -> SrMeasurement:
    measured = codes.MEASURED[row.quantity]
    return SrMeasurement(
        name=measured.name,
        value=rounded(row),
        unit=measured.unit,
        derivation=measured.derivation,
    )
