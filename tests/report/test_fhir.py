"""fhir.json: resources that hold together, and the numbers of result.json."""

import json
from dataclasses import replace

import pytest

from opacimeter.record import Correction
from opacimeter.report import codes, result
from opacimeter.report.fhir import fhir_bundle, write_fhir
from tests.report.chests import SCANS, STUDY, record_of, scanned

REQUIRED = {  # hl7.org/fhir/R4: elements of cardinality 1.., and what we promise beyond
    "DiagnosticReport": {"status", "code", "subject", "result", "imagingStudy"},
    "Observation": {"status", "code", "subject", "component", "device", "derivedFrom"},
    "ImagingStudy": {"status", "subject", "identifier", "series"},
    "Device": {"deviceName", "version"},
}
UCUM = "http://unitsofmeasure.org"


@pytest.fixture(scope="module")
def supine(tmp_path_factory):
    return scanned(tmp_path_factory.mktemp("supine"), SCANS["supine"])


@pytest.fixture(scope="module")
def bundle(supine):
    return fhir_bundle(supine, record_of())


def resources(bundle, kind):
    return [
        entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind
    ]


def references(value):
    """Every literal reference within."""
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        value = list(value.values())
    for each in value if isinstance(value, list) else ():
        yield from references(each)


def test_every_resource_has_what_r4_requires(bundle):
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "collection")
    for entry in bundle["entry"]:
        kind = entry["resource"]["resourceType"]
        assert REQUIRED[kind] <= set(entry["resource"])
    assert [len(resources(bundle, kind)) for kind in REQUIRED] == [1, 27, 1, 1]


def test_every_reference_leads_into_the_bundle(bundle):
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(set(urls)) == len(urls)
    found = set(references(bundle))
    assert found
    assert found <= set(urls)


def test_a_result_nobody_has_read_is_preliminary(bundle):
    (report,) = resources(bundle, "DiagnosticReport")
    assert report["status"] == "preliminary"
    assert report["conclusion"] == "Research use only. Not a medical device."
    assert {each["status"] for each in resources(bundle, "Observation")} == {"preliminary"}
    assert report["code"]["coding"][0]["system"] == "http://loinc.org"


def test_the_numbers_are_those_of_the_json(supine, bundle):
    found = {}
    for observation in resources(bundle, "Observation"):
        (site,) = observation["bodySite"]["coding"]  # SNOMED CT: place:laterality=side
        sites = tuple(site["code"].split(":272741003="))
        (region,) = (
            region
            for region, site in codes.SITES.items()
            if sites == (site.location.value, site.laterality.value)
        )
        finding = observation["code"]["coding"][0]["code"]
        for component in observation["component"]:
            names = tuple(each["code"] for each in component["code"]["coding"])
            for quantity, measured in codes.MEASURED.items():
                derivation = [measured.derivation.value] if measured.derivation else []
                wanted = (measured.name.value, *derivation)
                if finding == measured.finding.value and names == wanted:
                    value = component["valueQuantity"]
                    assert (value["system"], value["code"]) == (UCUM, measured.unit.value)
                    found.setdefault(region.value, {})[quantity.value] = value["value"]
    assert found == result(supine, record_of())["regions"]


def test_the_interval_is_a_component_and_never_a_reference_range(bundle):
    (overall,) = (each for each in resources(bundle, "Observation") if each["id"] == "lungs-lesion")
    values = {
        component["code"]["coding"][0]["code"]: component for component in overall["component"]
    }
    assert values["interval-90-low"]["valueQuantity"]["value"] == 1.25
    assert values["interval-90-high"]["valueQuantity"]["value"] == 4.5
    assert values["ct-ss"]["valueInteger"] == 1
    assert values["below-limit"]["valueBoolean"] is False
    assert "referenceRange" not in json.dumps(overall)


def test_study_patient_and_weights_are_named(bundle):
    (study,) = resources(bundle, "ImagingStudy")
    assert study["identifier"][0]["value"] == f"urn:oid:{STUDY}"
    assert study["subject"]["identifier"]["value"] == "P-17"
    (device,) = resources(bundle, "Device")
    assert {each["type"]["text"]: each["value"] for each in device["version"]}["sha256"] == (
        "ab" * 32
    )
    assert "Test" not in json.dumps(bundle)  # the patient's name


def test_a_correction_is_told(supine):
    record = replace(record_of(2), correction=Correction(1, "Chen", "Effusion"))
    (device,) = resources(fhir_bundle(supine, record), "Device")
    assert device["note"] == [{"text": "Version 1 corrected by Chen: Effusion"}]


def test_the_file_is_the_bundle(supine, bundle, tmp_path):
    write_fhir(tmp_path / "fhir.json", supine, record_of())
    assert json.loads((tmp_path / "fhir.json").read_text(encoding="utf-8")) == bundle


def test_a_parser_of_r4_takes_it(bundle):
    parser = pytest.importorskip("fhir.resources.R4B.bundle", reason="needs fhir.resources")
    assert len(parser.Bundle.model_validate(bundle).entry) == len(bundle["entry"])
