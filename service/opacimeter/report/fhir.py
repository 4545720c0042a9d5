"""fhir.json: the result as a FHIR R4 bundle, for systems that read no DICOM (hl7.org/fhir/R4).

A collection of a DiagnosticReport, an Observation for each region and finding, the ImagingStudy
they rest on and the Device that made them. The patient is named by the identifier alone: who it is
the receiving system knows. Loops over the rows that result.json is made of, with their rounding.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from uuid import uuid5

from pydicom.sr.coding import Code

from opacimeter.findings import Assessment, Measurement, Region
from opacimeter.record import Record
from opacimeter.report import codes
from opacimeter.report import header as headers
from opacimeter.report.dicom_object import Kind, derived_uid
from opacimeter.report.result import NOTICE, list_summary, rounded
from opacimeter.version import __version__

__all__ = ["fhir_bundle", "write_fhir"]

_SYSTEMS: Final = {
    "SCT": "http://snomed.info/sct",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "UCUM": "http://unitsofmeasure.org",
    "LN": "http://loinc.org",
    codes.PRIVATE_SCHEME: f"urn:oid:{codes.PRIVATE_SCHEME_UID}",
}
_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
_LATERALITY: Final = "272741003"
"""SNOMED CT: the attribute by which an expression names a side (compositional grammar 2.4)."""
_SECTION: Final = "http://terminology.hl7.org/CodeSystem/v2-0074"
_FINDINGS: Final = (codes.LUNG, codes.LESION, codes.HIGH_OPACITY)

Resource = dict[str, Any]


def write_fhir(path: Path, assessment: Assessment, record: Record) -> None:
    """Write the bundle as UTF-8."""
    text = json.dumps(fhir_bundle(assessment, record), ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def fhir_bundle(assessment: Assessment, record: Record) -> Resource:
    """The bundle, JSON values only."""
    observations = list(_observations(assessment, record))
    study, device = _study(assessment, record), _device(assessment, record)
    report = _report(assessment, record, observations)
    return {
        "resourceType": "Bundle",
        "id": f"{record.id}-{record.version}",
        "type": "collection",
        "timestamp": record.created.isoformat(timespec="seconds"),
        "entry": [
            {"fullUrl": _url(record, each["id"]), "resource": each}
            for each in (report, *observations, study, device)
        ],
    }


def _report(assessment: Assessment, record: Record, observations: list[Resource]) -> Resource:
    return {
        "resourceType": "DiagnosticReport",
        "id": "report",
        "identifier": [
            {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{record.id}"},
        ],
        # Nobody has read it: a research result is never final.
        "status": "preliminary",
        "category": [{"coding": [{"system": _SECTION, "code": "CT", "display": "CAT Scan"}]}],
        "code": _concept(codes.CHEST_CT),
        "subject": _subject(assessment),
        "effectiveDateTime": _when(assessment, record),
        "issued": record.created.isoformat(timespec="seconds"),
        "performer": [_reference(record, "device")],
        "result": [_reference(record, each["id"]) for each in observations],
        "imagingStudy": [_reference(record, "study")],
        "conclusion": NOTICE,
    }


def _observations(assessment: Assessment, record: Record) -> Iterator[Resource]:
    for region in Region:
        for finding in _FINDINGS:
            rows = [
                row
                for row in assessment.measurements
                if row.region is region and codes.MEASURED[row.quantity].finding == finding
            ]
            if rows:
                yield _observation(assessment, record, finding, rows)


def _observation(
    assessment: Assessment, record: Record, finding: Code, rows: list[Measurement]
) -> Resource:
    region = rows[0].region
    components = [_component(row) for row in rows]
    if region is Region.LUNGS and finding == codes.LESION:
        components += _scores(assessment)
    name = finding.meaning.lower().replace(" ", "-")
    return {
        "resourceType": "Observation",
        "id": f"{region}-{name}",
        "status": "preliminary",
        "category": [{"coding": [{"system": _CATEGORY, "code": "imaging", "display": "Imaging"}]}],
        "code": _concept(finding),
        "subject": _subject(assessment),
        "effectiveDateTime": _when(assessment, record),
        "issued": record.created.isoformat(timespec="seconds"),
        "bodySite": _site(region),
        "device": _reference(record, "device"),
        "derivedFrom": [_reference(record, "study")],
        "component": components,
    }


def _component(row: Measurement) -> Resource:
    measured = codes.MEASURED[row.quantity]
    coding = [_coding(measured.name)]
    text = measured.name.meaning
    if measured.derivation is not None:
        coding.append(_coding(measured.derivation))
        text = f"{text}, {measured.derivation.meaning}"
    return {"code": {"coding": coding, "text": text}, **_quantity(rounded(row), measured.unit)}


def _scores(assessment: Assessment) -> list[Resource]:
    """What the result's summary says beyond its rows."""
    summary = list_summary(assessment)
    low, high = summary.get("interval_90_percent", (None, None))
    grade = summary.get("ct_ss", {})
    numbers = (
        (codes.INTERVAL_LOW, low, codes.PERCENT),
        (codes.INTERVAL_HIGH, high, codes.PERCENT),
        (codes.DETECTION_LIMIT, summary.get("detection_limit_percent"), codes.PERCENT),
    )
    whole = (
        (codes.CT_SS, "valueInteger", grade.get("grade")),
        (codes.ZONE_SCORE, "valueInteger", summary.get("zone_score", {}).get("value")),
        (codes.BELOW_LIMIT, "valueBoolean", summary.get("below_detection_limit")),
        (codes.NEAR_BOUNDARY, "valueBoolean", grade.get("near_boundary")),
    )
    return [
        {"code": _concept(name), **_quantity(value, unit)}
        for name, value, unit in numbers
        if value is not None
    ] + [{"code": _concept(name), kind: value} for name, kind, value in whole if value is not None]


def _study(assessment: Assessment, record: Record) -> Resource:
    series = assessment.volume.series
    of_reports = derived_uid(record, Kind.SR, "series")
    return {
        "resourceType": "ImagingStudy",
        "id": "study",
        "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{record.study_uid}"}],
        "status": "available",
        "subject": _subject(assessment),
        "series": [
            {"uid": series.uid, "modality": _coding(codes.COMPUTED_TOMOGRAPHY)},
            {"uid": of_reports, "modality": {"system": _SYSTEMS["DCM"], "code": "SR"}},
        ],
    }


def _device(assessment: Assessment, record: Record) -> Resource:
    network = assessment.segmentation.network
    versions = [("software", __version__), ("model", network.version), ("sha256", network.sha256)]
    device: Resource = {
        "resourceType": "Device",
        "id": "device",
        "manufacturer": "opacimeter",
        "deviceName": [{"name": f"opacimeter, {network.name}", "type": "model-name"}],
        "version": [{"type": {"text": name}, "value": value} for name, value in versions],
    }
    if record.correction is not None:
        text = f"Version {record.correction.of} corrected by {record.correction.author}"
        device["note"] = [{"text": f"{text}: {record.correction.reason}"}]
    return device


def _subject(assessment: Assessment) -> Resource:
    header = assessment.volume.series.header
    identifier = {"value": headers.patient(header)["id"]} if headers.patient(header)["id"] else {}
    issuer = headers.text(header, "IssuerOfPatientID")
    if identifier and issuer:
        identifier["assigner"] = {"display": issuer}
    return {"type": "Patient", "identifier": identifier} if identifier else {"display": "unknown"}


def _when(assessment: Assessment, record: Record) -> str:
    """The study's date; the assessment's where the study tells none."""
    study = headers.study(assessment.volume.series.header, record.study_uid)
    return str(study["date"] or record.created.date().isoformat())


def _site(region: Region) -> Resource:
    """Place and side in one expression: two codings would be two names of one thing."""
    site = codes.SITES[region]
    expression = f"{site.location.value}:{_LATERALITY}={site.laterality.value}"
    coding = {"system": _SYSTEMS[site.location.scheme_designator], "code": expression}
    return {"coding": [coding], "text": f"{site.location.meaning}, {site.laterality.meaning}"}


def _concept(code: Code) -> Resource:
    return {"coding": [_coding(code)], "text": code.meaning}


def _coding(code: Code) -> Resource:
    system = _SYSTEMS[code.scheme_designator]
    return {"system": system, "code": code.value, "display": code.meaning}


def _quantity(value: float, unit: Code) -> Resource:
    quantity = {"value": value, "unit": unit.meaning, "system": _SYSTEMS["UCUM"]}
    return {"valueQuantity": {**quantity, "code": unit.value}}


def _url(record: Record, name: str) -> str:
    """An absolute name of a resource that lives in this bundle alone."""
    return f"urn:uuid:{uuid5(record.id, f'{record.version}/fhir/{name}')}"


def _reference(record: Record, name: str) -> Resource:
    return {"reference": _url(record, name)}
