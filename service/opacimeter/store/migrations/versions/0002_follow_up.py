"""What the list sorts and searches by, whose study it is, corrections and reviews."""

import unicodedata
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_COLUMNS = {
    "issuer": sa.String(length=256),
    "patient_name": sa.String(length=256),
    "birth_date": sa.String(length=10),
    "sex": sa.String(length=16),
    "study_date": sa.String(length=10),
    "accession": sa.String(length=64),
    "lesion_percent": sa.Double(),
}
_SORTS = ("patient_name", "study_date", "lesion_percent", "accession")

_ASSESSMENTS = sa.table(
    "assessments",
    sa.column("id", sa.String),
    sa.column("study_uid", sa.String),
    sa.column("version", sa.Integer),
    sa.column("patient", sa.JSON),
    sa.column("study", sa.JSON),
    *(sa.column(name, kind) for name, kind in _COLUMNS.items()),
    sa.column("sought", sa.Text),
)
_VERSIONS = sa.table(
    "versions",
    sa.column("assessment_id", sa.String),
    sa.column("number", sa.Integer),
    sa.column("summary", sa.JSON),
)


def upgrade() -> None:
    """Add the columns, fill them from the JSON that is there, and index them."""
    for name, kind in _COLUMNS.items():
        op.add_column("assessments", sa.Column(name, kind, nullable=True))
    op.add_column("assessments", sa.Column("sought", sa.Text(), nullable=False, server_default=""))
    for name in ("correction", "review"):
        op.add_column("versions", sa.Column(name, sa.JSON(none_as_null=True), nullable=True))
    op.add_column("versions", sa.Column("reviews", sa.JSON(), nullable=False, server_default="[]"))
    _fill(op.get_bind())
    for name in _SORTS:
        op.create_index(f"ix_assessments_{name}", "assessments", [name, "received", "id"])


def downgrade() -> None:
    """Take them away."""
    for name in _SORTS:
        op.drop_index(f"ix_assessments_{name}", "assessments")
    for name in ("correction", "review", "reviews"):
        op.drop_column("versions", name)
    for name in (*_COLUMNS, "sought"):
        op.drop_column("assessments", name)


def _fill(connection: sa.Connection) -> None:
    table, newest = _ASSESSMENTS.c, _VERSIONS.c
    query = sa.select(
        table.id, table.study_uid, table.patient, table.study, newest.summary
    ).outerjoin(
        _VERSIONS, (newest.assessment_id == table.id) & (newest.number == table.version)
    )  # fmt: skip
    filled = [
        {"key": row.id, **_columns(row.study_uid, row.patient, row.study, row.summary or {})}
        for row in connection.execute(query)
    ]
    if filled:
        names = (*_COLUMNS, "sought")
        update = sa.update(_ASSESSMENTS).where(table.id == sa.bindparam("key"))
        connection.execute(update.values({name: sa.bindparam(name) for name in names}), filled)


# As `store.identity` had it on the day of this migration, which must not change with it.
def _columns(
    study_uid: str, patient: Mapping[str, Any], study: Mapping[str, Any], summary: Mapping[str, Any]
) -> dict[str, Any]:
    texts = (patient.get("id"), patient.get("name"), study.get("accession"),
             study.get("description"), study_uid)  # fmt: skip
    name = patient.get("name")
    return {
        "issuer": _short(patient.get("issuer"), 256),
        "patient_name": _short(_folded(name), 256) if name else None,
        "birth_date": _short(patient.get("birth_date"), 10),
        "sex": _short(patient.get("sex"), 16),
        "study_date": _short(study.get("date"), 10),
        "accession": _short(study.get("accession"), 64),
        "lesion_percent": summary.get("lesion_percent"),
        "sought": "\n".join(_folded(text) for text in texts if text),
    }


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _short(text: str | None, length: int) -> str | None:
    return (text or "").strip()[:length] or None
