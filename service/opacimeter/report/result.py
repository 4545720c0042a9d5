"""The result document, schema opacimeter-result-1."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opacimeter.checks import Check
from opacimeter.errors import IntakeRejected
from opacimeter.findings import ZONES, Assessment, Lesion, Measurement, Quantity, Region
from opacimeter.record import Record
from opacimeter.report import header as headers
from opacimeter.report.comparison import compare, comparison_checks, mismatch_check
from opacimeter.version import __version__
from opacimeter.volume import OtherSeries, Series, Volume

__all__ = [
    "NOTICE",
    "checks_json",
    "compared",
    "ct_ss",
    "list_summary",
    "near_boundary",
    "others_json",
    "rejection_result",
    "result",
    "rounded",
    "zone_score",
]

SCHEMA = "opacimeter-result-1"
NOTICE = "Research use only. Not a medical device."
CT_SS_ENDS = (5.0, 25.0, 50.0, 75.0)
ZONE_ENDS = (25.0, 50.0, 75.0)


def result(assessment: Assessment, record: Record) -> dict[str, Any]:
    """The result of a complete assessment, JSON values only."""
    volume, network = assessment.volume, assessment.segmentation.network
    seconds = {stage: round(value, 3) for stage, value in assessment.seconds.items()}
    found = {
        **_head(record, "complete"),
        "patient": headers.patient(volume.series.header),
        "study": headers.study(volume.series.header, record.study_uid),
        "series": _series(volume.series, volume),
        "checks": checks_json(assessment.checks),
        "summary": _summary(assessment),
        "regions": _regions(assessment),
        "lesions": [_lesion(lesion) for lesion in assessment.lesions],
        "profile": _profile(assessment),
        "histogram": {
            "edges_hu": _rounded(assessment.histogram.edges_hu),
            "lungs_ml": _rounded(assessment.histogram.lungs_ml),
            "lesion_ml": _rounded(assessment.histogram.lesion_ml),
        },
        "prior": None,
        "correction": asdict(record.correction) if record.correction else None,
        "model": {"name": network.name, "version": network.version, "sha256": network.sha256},
        "software": __version__,
        "seconds": {**seconds, "total": round(sum(assessment.seconds.values()), 3)},
        "notice": NOTICE,
    }
    return found if record.prior is None else found | {"prior": compare(found, record.prior)}


def compared(assessment: Assessment, record: Record) -> Assessment:
    """The assessment with the checks that only its patient's earlier one can give."""
    prior = result(assessment, record)["prior"]
    found = () if prior is None else comparison_checks(prior)
    return replace(
        assessment, checks=(*assessment.checks, *found, *mismatch_check(record.mismatch))
    )


def list_summary(assessment: Assessment) -> dict[str, Any]:
    """What a list of assessments shows: the result's summary, and how large the lungs are."""
    volume_ml = assessment.value(Quantity.VOLUME_ML)
    known = {} if volume_ml is None else {"volume_ml": round(volume_ml, 3)}
    return known | _summary(assessment)


def rejection_result(rejection: IntakeRejected, record: Record | None) -> dict[str, Any]:
    """The result of a study that cannot be measured: why, and whose it is, without numbers.

    Args:
        rejection: The checks, and a header for filing.
        record: None where no study was found that could be filed.
    """
    known: dict[str, Any] = {}
    if rejection.header is not None and record is not None:
        known["patient"] = headers.patient(rejection.header)
        known["study"] = headers.study(rejection.header, record.study_uid)
    return {
        **(_head(record, "rejected") if record else {"schema": SCHEMA, "status": "rejected"}),
        **known,
        "checks": checks_json(rejection.checks),
        "prior": None,
        "software": __version__,
        "notice": NOTICE,
    }


def ct_ss(lesion_percent: float) -> int:
    """CT severity score 1–5: below 5, 5–<25, 25–<50, 50–<75, 75 % and above (LungQuant)."""
    return 1 + sum(lesion_percent >= end for end in CT_SS_ENDS)


def near_boundary(lesion_percent: float, interval: tuple[float, float]) -> bool:
    """Whether the interval crosses an end of a grade, so that the grade may be another one."""
    return len({ct_ss(percent) for percent in (lesion_percent, *interval)}) > 1


def zone_score(assessment: Assessment) -> int | None:
    """Sum over six zones of 0 (below the detection limit), 1 (≤25), 2 (≤50), 3 (≤75), 4 (>75 %).

    None without a detection limit: a network never gives exactly 0, so a score without a floor
    would count noise.
    """
    limit = assessment.detection_limit_percent
    percents = [assessment.value(Quantity.LESION_PERCENT, zone) for zone in ZONES]
    if limit is None:
        return None
    return sum(
        1 + sum(percent > end for end in ZONE_ENDS)
        for percent in percents
        if percent is not None and percent >= limit and percent > 0
    )


def _head(record: Record, status: str) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "id": str(record.id),
        "version": record.version,
        "status": status,
        "created": record.created.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def _series(series: Series, volume: Volume) -> dict[str, Any]:
    number = headers.number(series.header, "SeriesNumber")
    return {
        "uid": series.uid,
        "number": int(number) if number is not None and number == int(number) else None,
        "description": headers.text(series.header, "SeriesDescription"),
        "slices": len(series.slices),
        "spacing_mm": [round(value, 6) for value in volume.spacing_mm],
        **headers.scanner(series.header),
        "chosen_because": series.chosen_because,
        "others": others_json(series.others),
    }


def others_json(others: Iterable[OtherSeries]) -> list[dict[str, Any]]:
    """The series passed over as the result writes them."""
    return [asdict(other) for other in others]


def checks_json(checks: tuple[Check, ...]) -> list[dict[str, Any]]:
    """Checks as the result writes them."""
    return [
        {
            "code": check.code,
            "severity": check.severity.value,
            "message": check.message,
            "detail": dict(check.detail),
        }
        for check in checks
    ]


def _summary(assessment: Assessment) -> dict[str, Any]:
    """The numbers people quote; what the model cannot say yet is absent."""
    percent = assessment.value(Quantity.LESION_PERCENT)
    summary: dict[str, Any] = {
        name: round(value, 3)
        for name, value in (
            ("lesion_ml", assessment.value(Quantity.LESION_ML)),
            ("lesion_percent", percent),
            ("high_opacity_percent", assessment.value(Quantity.HIGH_OPACITY_PERCENT)),
        )
        if value is not None
    }
    if percent is not None:
        summary |= _graded(percent, assessment.interval_90_percent)
    limit, score = assessment.detection_limit_percent, zone_score(assessment)
    if limit is not None and percent is not None:
        summary["below_detection_limit"] = percent < limit
        summary["detection_limit_percent"] = limit
    if score is not None:
        summary["zone_score"] = {"value": score, "of": 4 * len(ZONES)}
    return summary


def _graded(percent: float, interval: tuple[float, float] | None) -> dict[str, Any]:
    if interval is None:
        return {"ct_ss": {"grade": ct_ss(percent)}}
    return {
        "interval_90_percent": [round(end, 3) for end in interval],
        "ct_ss": {"grade": ct_ss(percent), "near_boundary": near_boundary(percent, interval)},
    }


def rounded(row: Measurement) -> float | int:
    """A measurement's value as every document tells it."""
    return int(row.value) if row.quantity is Quantity.LESION_COUNT else round(row.value, 3)


def _regions(assessment: Assessment) -> dict[str, dict[str, float | int]]:
    regions: dict[str, dict[str, float | int]] = {region.value: {} for region in Region}
    for row in assessment.measurements:
        regions[row.region.value][row.quantity.value] = rounded(row)
    return regions


def _lesion(lesion: Lesion) -> Mapping[str, Any]:
    return {
        "volume_ml": round(lesion.volume_ml, 3),
        "mean_hu": round(lesion.mean_hu, 1),
        "centre_mm": [round(value, 2) for value in lesion.centre_mm],
        "region": lesion.region.value,
        "slices": list(lesion.slices),
    }


def _profile(assessment: Assessment) -> list[dict[str, float | int]]:
    profile = assessment.profile
    rows = zip(profile.position_mm, profile.lung_cm2, profile.lesion_cm2, strict=True)
    return [
        {
            "slice": index,
            "position_mm": round(float(position), 3),
            "lung_cm2": round(float(lung), 3),
            "lesion_cm2": round(float(lesion), 3),
        }
        for index, (position, lung, lesion) in enumerate(rows)
    ]


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 3) for value in values]
