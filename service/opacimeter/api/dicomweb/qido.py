"""QIDO-RS (PS3.18 10.6): finds the objects that were made here, not the images that came in."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from itertools import islice
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from opacimeter.api.dicomweb.address import (
    DICOM_JSON,
    ROOT,
    SeriesUid,
    StudyUid,
    require_accepted,
)
from opacimeter.api.dicomweb.made import INSTANCE, SERIES, STUDY, Header, Made, made_of, text_of
from opacimeter.api.problems import Problem, responses
from opacimeter.api.services import Services, ServicesDep

__all__ = ["router"]

router = APIRouter(prefix=ROOT, tags=["DICOMweb"])

_MODALITIES_IN_STUDY = "00080061"
_TAGS = {**STUDY, **SERIES, **INSTANCE, "ModalitiesInStudy": _MODALITIES_IN_STUDY}
_DATES = {"00080020", "00080021"}
_NAMES = {"00100010", "00080090"}
_UIDS = {"0020000D", "0020000E", "00080018", "00080016"}
_PAGING = {"limit", "offset", "includefield", "fuzzymatching", "accept"}
_MOST = 1000

_ABOUT: dict[str, Any] = {
    "response_class": Response,
    "responses": {
        200: {
            "description": "What was found, in the DICOM JSON model.",
            "content": {DICOM_JSON: {"schema": {"type": "array", "items": {"type": "object"}}}},
        },
        **responses(400, 406, 422),
    },
}


@router.get("/studies", **_ABOUT)
def studies(request: Request, services: ServicesDep) -> Response:
    """Find studies of which objects were made (QIDO-RS)."""
    query = _Query.of(request)
    found = (_study(request, objects) for objects in _objects(services, query))
    return _answer(request, query, found)


@router.get("/series", **_ABOUT)
def series(request: Request, services: ServicesDep) -> Response:
    """Find series of objects that were made (QIDO-RS)."""
    return _series_answer(request, services, _Query.of(request))


@router.get("/studies/{study}/series", **_ABOUT)
def series_of_study(study: StudyUid, request: Request, services: ServicesDep) -> Response:
    """Find the series of one study (QIDO-RS)."""
    return _series_answer(request, services, _Query.of(request, StudyInstanceUID=study))


@router.get("/instances", **_ABOUT)
def instances(request: Request, services: ServicesDep) -> Response:
    """Find objects that were made (QIDO-RS)."""
    return _instances_answer(request, services, _Query.of(request))


@router.get("/studies/{study}/instances", **_ABOUT)
def instances_of_study(study: StudyUid, request: Request, services: ServicesDep) -> Response:
    """Find the objects of one study (QIDO-RS)."""
    return _instances_answer(request, services, _Query.of(request, StudyInstanceUID=study))


@router.get("/studies/{study}/series/{series_uid}/instances", **_ABOUT)
def instances_of_series(
    study: StudyUid, series_uid: SeriesUid, request: Request, services: ServicesDep
) -> Response:
    """Find the objects of one series (QIDO-RS)."""
    query = _Query.of(request, StudyInstanceUID=study, SeriesInstanceUID=series_uid)
    return _instances_answer(request, services, query)


@dataclass(frozen=True, slots=True)
class _Query:
    """What was asked: patterns by tag, and which part of what is found."""

    patterns: Mapping[str, str]
    limit: int
    offset: int
    ignored: tuple[str, ...]

    @classmethod
    def of(cls, request: Request, **named: str) -> "_Query":
        asked = [(key, value) for key, value in request.query_params.items() if key not in _PAGING]
        known = {tag: value for key, value in asked if (tag := _tag(key)) and value}
        known |= {_TAGS[keyword]: value for keyword, value in named.items()}
        ignored = tuple(key for key, _ in asked if not _tag(key))
        return cls(known, _number(request, "limit", _MOST), _number(request, "offset", 0), ignored)

    def exact(self, keyword: str) -> str | None:
        """A value that the database can look for; None where there is none such."""
        value = self.patterns.get(_TAGS[keyword])
        return value if value and not re.search(r"[*?\\,]", value) else None

    def fits(self, header: Header) -> bool:
        """Whether an object's header has all that was asked for."""
        return all(
            _fits(tag, pattern, text_of(header, tag))
            for tag, pattern in self.patterns.items()
            if tag != _MODALITIES_IN_STUDY
        )

    def fits_study(self, objects: Sequence[Made]) -> bool:
        wanted = self.patterns.get(_MODALITIES_IN_STUDY)
        return not wanted or any(
            _fits(_MODALITIES_IN_STUDY, wanted, made.uid("Modality")) for made in objects
        )


def _tag(key: str) -> str | None:
    tag = _TAGS.get(key, key.upper())
    return tag if tag in _TAGS.values() else None


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    if text and not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Problem(400, f"{name} must be a whole number")
    return int(text) if text else default


def _fits(tag: str, pattern: str, text: str) -> bool:
    """Whether a value matches, by the rules of PS3.4 C.2.2.2."""
    if tag in _UIDS:
        return text in re.split(r"[\\,]", pattern)
    if tag in _DATES and "-" in pattern:
        first, _, last = pattern.partition("-")
        return bool(text) and first <= text and (not last or text <= last)
    flags = re.IGNORECASE if tag in _NAMES else 0
    wanted = re.compile(translate(pattern.replace("[", "[[]")), flags)
    return any(wanted.fullmatch(each) for each in _writings(tag, text))


def _writings(tag: str, text: str) -> list[str]:
    return [text, *text.split("=")] if tag in _NAMES else [text]


def _objects(services: Services, query: _Query) -> Iterator[Sequence[Made]]:
    """The objects that fit, by study."""
    uids = query.patterns.get(STUDY["StudyInstanceUID"])
    found = services.store.objects.studies(
        study_uids=re.split(r"[\\,]", uids) if uids else (),
        patient_id=query.exact("PatientID"),
        accession=query.exact("AccessionNumber"),
    )
    for objects in made_of(services, found):
        fitting = [made for made in objects if query.fits(made.header)]
        if fitting and query.fits_study(objects):
            yield fitting


def _series_answer(request: Request, services: Services, query: _Query) -> Response:
    found = (
        _series(request, ones)
        for objects in _objects(services, query)
        for ones in _by_series(objects).values()
    )
    return _answer(request, query, found)


def _instances_answer(request: Request, services: Services, query: _Query) -> Response:
    found = (_instance(request, made) for objects in _objects(services, query) for made in objects)
    return _answer(request, query, found)


def _answer(request: Request, query: _Query, found: Iterator[dict[str, Any]]) -> Response:
    require_accepted(request)
    limit = min(query.limit, _MOST)
    told = list(islice(found, query.offset, query.offset + limit))
    headers = {}
    if query.ignored:
        headers["Warning"] = f'299 {ROOT} "attributes that are not matched were passed over"'
    return JSONResponse(told, headers=headers, media_type=DICOM_JSON)


def _by_series(objects: Sequence[Made]) -> dict[str, list[Made]]:
    series: dict[str, list[Made]] = defaultdict(list)
    for made in objects:
        series[made.uid("SeriesInstanceUID")].append(made)
    return series


def _study(request: Request, objects: Sequence[Made]) -> dict[str, Any]:
    modalities = sorted({made.uid("Modality") for made in objects})
    return {
        **_level(objects[0], STUDY),
        _MODALITIES_IN_STUDY: {"vr": "CS", "Value": modalities},
        "00080056": {"vr": "CS", "Value": ["ONLINE"]},
        "00201206": {"vr": "IS", "Value": [len(_by_series(objects))]},
        "00201208": {"vr": "IS", "Value": [len(objects)]},
        "00081190": _url(request, objects[0], "StudyInstanceUID"),
    }


def _series(request: Request, objects: Sequence[Made]) -> dict[str, Any]:
    return {
        **_level(objects[0], STUDY | SERIES),
        "00201209": {"vr": "IS", "Value": [len(objects)]},
        "00081190": _url(request, objects[0], "StudyInstanceUID", "SeriesInstanceUID"),
    }


def _instance(request: Request, made: Made) -> dict[str, Any]:
    names = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    return {
        **_level(made, STUDY | SERIES | INSTANCE),
        "00080056": {"vr": "CS", "Value": ["ONLINE"]},
        "00081190": _url(request, made, *names),
    }


def _level(made: Made, tags: Mapping[str, str]) -> dict[str, Any]:
    return {tag: made.header[tag] for tag in sorted(tags.values()) if tag in made.header}


def _url(request: Request, made: Made, *names: str) -> dict[str, Any]:
    rooms = {"StudyInstanceUID": "studies", "SeriesInstanceUID": "series"}
    parts = [f"{rooms.get(name, 'instances')}/{made.uid(name)}" for name in names]
    base = str(request.base_url).rstrip("/")
    return {"vr": "UR", "Value": ["/".join([f"{base}{ROOT}", *parts])]}
