"""What intake found, as `opacimeter inspect` prints it."""

from typing import Any

from opacimeter.errors import IntakeRejected
from opacimeter.report import header as headers
from opacimeter.report.result import checks_json, others_json
from opacimeter.volume import Volume

__all__ = ["inspection", "rejected_inspection"]


def inspection(volume: Volume) -> dict[str, Any]:
    """The chosen series and why, its geometry, and the checks: JSON values only."""
    series = volume.series
    return {
        "accepted": True,
        "patient_name": headers.patient(series.header)["name"],
        "study_uid": series.study_uid,
        "series_uid": series.uid,
        "slices": len(volume.hu),
        "rows": volume.hu.shape[1],
        "columns": volume.hu.shape[2],
        "spacing_mm": [round(value, 6) for value in volume.spacing_mm],
        "first_slice_z_mm": round(float(volume.affine[2, 3]), 6),
        "affine": [[round(float(value), 6) for value in row] for row in volume.affine],
        "chosen_because": series.chosen_because,
        "checks": checks_json(volume.checks),
        "others": others_json(series.others),
    }


def rejected_inspection(rejection: IntakeRejected, study_uid: str | None) -> dict[str, Any]:
    """Why a study cannot be measured: JSON values only."""
    name = headers.patient(rejection.header)["name"] if rejection.header is not None else None
    return {
        "accepted": False,
        "patient_name": name,
        "study_uid": study_uid,
        "checks": checks_json(rejection.checks),
    }
