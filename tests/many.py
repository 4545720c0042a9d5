"""A store of many assessments, as a year or two of a hospital fills it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Select, insert, text

from opacimeter.record import assessment_id
from opacimeter.store import Incoming, Status, Store
from opacimeter.store.identity import told
from opacimeter.store.rows import AssessmentRow, VersionRow

START = datetime(2026, 1, 1, tzinfo=UTC)
CHECK = {
    "code": "thick-slices",
    "severity": "warning",
    "message": "The slices are 5.0 mm thick; above 3 mm volumes are rough.",
    "detail": {"thickness_mm": 5.0},
}


def fill(store: Store, count: int = 10_000) -> None:
    """Assessments a second apart; patient P<n mod 1000>, every tenth failed and without numbers.

    Every fourth study has no date; the others were made on days of 2025 that repeat.
    """
    heads, versions = [], []
    for number in range(count):
        head, version = _assessment(number)
        heads.append(head)
        versions.append(version)
    with store._db.write() as session:
        session.execute(insert(AssessmentRow), heads)
        session.execute(insert(VersionRow), versions)


def explain(store: Store, query: Select[Any, Any]) -> str:
    """How the database means to answer a query."""
    compiled = query.compile(store._db.engine, compile_kwargs={"literal_binds": True})
    with store._db.read() as session:
        return str(session.execute(text(f"EXPLAIN QUERY PLAN {compiled}")).all())


def percent_of(number: int) -> float | None:
    """lesion_percent of an assessment of `fill`: 0.00 … 99.99 in an order of its own."""
    return None if number % 10 == 0 else (number * 7919 % 10_000) / 100


def _assessment(number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    uid, at, percent = f"1.{number}", START + timedelta(seconds=number), percent_of(number)
    state = Status.FAILED if percent is None else Status.COMPLETE
    patient = {"id": f"P{number % 1000}", "name": f"Name{number % 1000:04d}^Given{number % 7}"}
    study = {"description": "CT chest", "accession": f"A{number}"}
    if number % 4:
        study["date"] = f"2025-{number % 12 + 1:02d}-{number % 28 + 1:02d}"
    row = AssessmentRow(study_uid=uid, patient={}, study={})
    told(row, Incoming(uid, (), patient=patient, study=study))
    columns = {name: value for name, value in vars(row).items() if name != "_sa_instance_state"}
    key, summary = str(assessment_id(uid)), {}
    if percent is not None:
        summary = {"volume_ml": 4000.0, "lesion_ml": 40 * percent, "lesion_percent": percent}
    head = {**columns, "id": key, "received": at, "version": 1, "status": state}
    return head | {"lesion_percent": percent}, {
        "assessment_id": key, "number": 1, "instances_hash": "0", "problems": [], "model": {},
        "status": state, "token": "0", "attempts": 1, "cancelling": False, "fraction": 1.0,
        "created": at, "checks": [CHECK], "summary": summary, "seconds": {},
    }  # fmt: skip
