"""Routes: the list of assessments, and the table of their measurements."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from opacimeter.api.problems import Problem, responses
from opacimeter.api.schemas import PREFIX, Assessments, AssessmentView
from opacimeter.api.services import ServicesDep
from opacimeter.report import join_tables
from opacimeter.store import Order, Sort, Status, Wanted

__all__ = ["router"]

router = APIRouter(tags=["assessments"])

_TABLE = "measurements.csv"


def _wanted(
    search: Annotated[
        str | None,
        Query(
            max_length=200,
            description="Words that must all occur in the patient's ID or name, the accession "
            "number, the description or the StudyInstanceUID, in whatever case.",
        ),
    ] = None,
    patient: Annotated[
        str | None, Query(max_length=256, description="PatientID (0010,0020), exactly.")
    ] = None,
    status: Annotated[Status | None, Query(description="State of the newest version.")] = None,
    study_uid: Annotated[
        str | None, Query(max_length=128, description="StudyInstanceUID (0020,000D), exactly.")
    ] = None,
    accession: Annotated[
        str | None, Query(max_length=64, description="AccessionNumber (0008,0050), exactly.")
    ] = None,
) -> Wanted:
    return Wanted(search, patient, status, study_uid, accession)


WantedDep = Annotated[Wanted, Depends(_wanted)]


@router.get(PREFIX, responses=responses(422))
def listed(  # noqa: PLR0913, PLR0917 - one parameter a part of the query
    services: ServicesDep,
    wanted: WantedDep,
    sort: Annotated[
        Sort, Query(description="Those without such a value come last in both orders.")
    ] = Sort.RECEIVED,
    order: Order = Order.DESCENDING,
    cursor: Annotated[
        str | None,
        Query(max_length=1000, description="Of the page before, in the same sort and order."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Assessments:
    """List assessments, newest first unless asked otherwise."""
    try:
        page = services.store.catalogue.page(
            wanted, sort=sort, order=order, cursor=cursor, limit=limit
        )
    except ValueError as error:
        raise Problem(422, str(error)) from error
    views = [AssessmentView.of(entry) for entry in page.entries]
    return Assessments(assessments=views, cursor=page.cursor, total=page.total)


@router.get(
    f"/api/v1/{_TABLE}",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The table.",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        },
        **responses(422),
    },
)
def measurements(
    services: ServicesDep,
    wanted: WantedDep,
    ids: Annotated[
        list[UUID], Query(alias="id", max_length=500, description="Only these assessments.")
    ] = [],  # noqa: B006 - FastAPI copies it
) -> StreamingResponse:
    """Give the measurements of many assessments, one row a study, newest first.

    Each row is that of the version that stands: the newest complete one that no review rejected.
    What has not been measured has no row.
    """
    chosen = replace(wanted, ids=tuple(ids))
    tables = services.store.catalogue.of_each(_TABLE, chosen)
    lines = join_tables(artifact.path for artifact in tables)
    headers = {"Content-Disposition": f'attachment; filename="{_TABLE}"'}
    return StreamingResponse(lines, media_type="text/csv", headers=headers)
