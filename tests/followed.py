"""Patients with more than one study: results whose differences can be worked out by hand."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from opacimeter.record import Prior, assessment_id
from opacimeter.store import Receipt, Store
from tests.fakes import MODEL, incoming, text_document

PATIENT = {"id": "P1", "issuer": "H1", "name": "Doe^Jane", "birth_date": "1970-01-31", "sex": "F"}
SCAN = {"manufacturer": "Maker", "model": "One", "thickness_mm": 1.0, "kernel": "Br40d"}


def a_result(
    date: str | None,
    volume_ml: float,
    lesion_ml: float,
    *,
    interval: tuple[float, float] | None = None,
    **scan: object,
) -> dict[str, Any]:
    """A result of two lungs with so much opacity in them; the left lung is half of both, clear."""
    summary: dict[str, Any] = {"lesion_ml": lesion_ml}
    if interval is not None:
        summary["interval_90_percent"] = list(interval)
    lungs = {
        "volume_ml": volume_ml, "lesion_ml": lesion_ml,
        "lesion_percent": round(100 * lesion_ml / volume_ml, 3), "high_opacity_percent": 0.0,
    }  # fmt: skip
    left = {"volume_ml": volume_ml / 2, "lesion_ml": 0.0, "lesion_percent": 0.0}
    return {
        "study": {"uid": "1.1", "date": date}, "series": {**SCAN, **scan}, "summary": summary,
        "regions": {"lungs": lungs, "left-lung": left}, "checks": [],
    }  # fmt: skip


def a_prior(result: dict[str, Any]) -> Prior:
    """The prior that a result is."""
    return Prior(assessment_id("1.1"), 2, result)


def arrive(
    store: Store, folder: Path, uid: str, *, patient: dict[str, str] | None = None, **study: str
) -> Receipt:
    """A study of Jane Doe arrives; `study` gives its date and time."""
    told = PATIENT if patient is None else patient
    return store.arrivals.receive(replace(incoming(folder / uid, uid), patient=told, study=study))


def measure(store: Store, receipt: Receipt, result: dict[str, Any] | None = None) -> None:
    """A worker measures what arrived: 400 ml of opacity in 4000 ml unless said otherwise."""
    assert receipt.job is not None
    run = store.runs.begin(receipt.job, attempts=3, model=MODEL)
    assert run is not None
    found = result or a_result(None, 4000.0, 400.0)
    table = f"assessment_id,version,lungs_volume_ml\r\n{receipt.id},{receipt.version},4000\r\n"
    documents = (
        text_document("result.json", json.dumps(found), "application/json"),
        text_document("measurements.csv", "\ufeff" + table, "text/csv"),
    )
    lungs = found["regions"]["lungs"]
    run.keep(documents, checks=(), summary={**lungs, **found["summary"]})
