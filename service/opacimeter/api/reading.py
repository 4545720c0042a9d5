"""Reading: an assessment as it is answered, its comparison reckoned anew."""

import json
from collections.abc import Mapping
from typing import Any

from opacimeter.api.schemas import AssessmentView, base_of
from opacimeter.api.services import Services
from opacimeter.errors import NotFound
from opacimeter.report import checks_json, compare, comparison_checks, mismatch_check
from opacimeter.store import Entry, Status

__all__ = ["assessment_view", "kept_result"]

_OF_COMPARISON = {"prior-differs", "patient-mismatch"}


def assessment_view(services: Services, entry: Entry) -> AssessmentView:
    """An assessment with its result.

    Its `prior` and the checks that come of it are those of now: an older study may have arrived
    since, or gone. The documents keep what was known when they were made.
    """
    result = kept_result(services, entry)
    if result is not None and entry.version.status is Status.COMPLETE:
        result = {**result, **_comparison(services, entry, result)}
    return AssessmentView.of(entry, result)


def kept_result(services: Services, entry: Entry) -> dict[str, Any] | None:
    """The content of result.json; None where the version has none.

    Raises:
        NotFound: It was removed meanwhile.
    """
    if "result.json" not in entry.version.documents:
        return None
    number = entry.version.number
    artifact = services.store.catalogue.artifact(entry.id, number, "result.json")
    try:
        result: dict[str, Any] = json.loads(artifact.path.read_bytes())
    except FileNotFoundError as error:
        raise NotFound("the assessment was removed meanwhile") from error
    return result


def _comparison(services: Services, entry: Entry, result: Mapping[str, Any]) -> dict[str, Any]:
    earlier = services.store.patients.earlier(entry.id)
    prior, found = None, mismatch_check(earlier.mismatch)
    if earlier.prior is not None:
        href = f"{base_of(earlier.prior.id)}?version={earlier.prior.version}"
        prior = {**compare(result, earlier.prior), "href": href}
        found = (*comparison_checks(prior), *found)
    checks = [check for check in result["checks"] if check["code"] not in _OF_COMPARISON]
    return {"prior": prior, "checks": checks + checks_json(found)}
