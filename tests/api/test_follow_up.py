"""A patient over time, the comparison, the list's parameters and the table, over HTTP."""

import csv
import json

import pytest

from opacimeter.record import assessment_id
from opacimeter.store.rows import VersionRow
from tests.followed import PATIENT, a_result, arrive, measure

LIST = "/api/v1/assessments"


def at(uid):
    return f"{LIST}/{assessment_id(uid)}"


@pytest.fixture
def visit(store, tmp_path):
    """A study of Jane Doe arrives and is measured: so much opacity in so much lung."""

    def come(uid, date, lesion_ml=400.0, *, patient=None, volume_ml=4000.0, **scan):
        receipt = arrive(store, tmp_path, uid, patient=patient, date=date, accession=f"A{uid}")
        measure(store, receipt, a_result(date, volume_ml, lesion_ml, **scan))
        return receipt

    return come


def test_an_answer_compares_with_the_patients_earlier_study(client, visit):
    visit("1.1", "2026-01-02")
    visit("1.2", "2026-03-05", 200.0, model="Two")
    found = client.get(at("1.2")).json()
    prior = found["prior"]
    assert prior["id"] == str(assessment_id("1.1"))
    assert prior["href"] == f"{at('1.1')}?version=1"
    assert client.get(prior["href"]).json()["prior"] is None
    assert prior["days"] == 62
    assert prior["regions"]["lungs"]["lesion_percent"] == {"before": 10, "now": 5, "change": -5}
    assert [check["code"] for check in found["checks"]] == ["prior-differs"]
    assert found["checks"][0]["severity"] == "warning"


def test_the_comparison_is_reckoned_when_read_and_the_document_stays_as_it_was(
    client, store, visit
):
    visit("1.2", "2026-03-05", 200.0)
    document = client.get(f"{at('1.2')}/artifacts/result.json")
    assert client.get(at("1.2")).json()["prior"] is None
    visit("1.1", "2026-01-02")
    assert client.get(at("1.2")).json()["prior"]["id"] == str(assessment_id("1.1"))
    assert client.get(f"{at('1.2')}/artifacts/result.json").content == document.content
    client.delete(at("1.1"))
    assert client.get(at("1.2")).json()["prior"] is None


def test_a_frozen_warning_gives_way_to_what_holds_now(client, store, visit):
    receipt = visit("1.2", "2026-03-05")
    path = store.files.document(receipt.id, 1, "result.json")
    frozen = json.loads(path.read_text())
    codes = ("thick-slices", "prior-differs", "patient-mismatch")
    frozen["checks"] = [
        {"code": code, "severity": "warning", "message": "", "detail": {}} for code in codes
    ]
    path.write_text(json.dumps(frozen))
    assert [check["code"] for check in client.get(at("1.2")).json()["checks"]] == ["thick-slices"]


def test_two_people_under_one_number_are_warned_of_and_never_compared(client, visit):
    visit("1.1", "2026-01-02", patient={**PATIENT, "birth_date": "1944-04-04"})
    visit("1.2", "2026-03-05")
    found = client.get(at("1.2"))
    (check,) = found.json()["checks"]
    assert (check["code"], found.json()["prior"]) == ("patient-mismatch", None)
    assert "1944" not in found.text


def test_the_follow_up_lists_the_patients_studies_oldest_first(client, store, visit, tmp_path):
    visit("1.3", "2026-03-05", 200.0, interval=(4.0, 7.0))
    visit("1.1", "2026-01-02")
    visit("1.9", "2026-02-01", patient={**PATIENT, "sex": "M"})
    visit("1.8", "2026-02-01", patient={**PATIENT, "id": "P2"})
    arrive(store, tmp_path, "1.2", date="2026-02-02")
    found = client.get(f"{at('1.1')}/follow-up").json()
    uids = [study["study"]["uid"] for study in found["studies"]]
    assert uids == ["1.1", "1.2", "1.3"]
    first, waiting, last = found["studies"]
    assert (first["current"], first["latest"]) == (True, False)
    assert (last["current"], last["latest"]) == (False, True)
    assert (last["lesion_percent"], last["interval_90_percent"]) == (5.0, [4.0, 7.0])
    assert (waiting["status"], waiting["lesion_percent"]) == ("received", None)
    (other,) = found["mismatched"]
    assert (other["study"]["uid"], other["mismatch"]) == ("1.9", ["sex"])
    assert client.get(last["href"]).json()["study"]["date"] == "2026-03-05"


def test_an_older_study_that_arrives_later_is_never_the_latest(client, visit):
    visit("1.2", "2026-03-05")
    visit("1.1", "2026-01-02")
    found = client.get(f"{at('1.1')}/follow-up").json()["studies"]
    assert [study["latest"] for study in found] == [False, True]
    assert client.get(at("1.1")).json()["prior"] is None


def test_there_is_no_follow_up_of_an_unknown_assessment(client):
    assert client.get(f"{at('9.9')}/follow-up").status_code == 404


def test_the_list_answers_search_sort_and_total(client, visit):
    visit("1.1", "2026-01-02", 400.0)
    visit("1.2", "2026-03-05", 800.0)
    visit("1.3", "2026-02-01", 200.0, patient={**PATIENT, "id": "P2", "name": "Roe^Rita"})

    def asked(**parameters):
        page = client.get(LIST, params=parameters).json()
        return [one["study"]["uid"] for one in page["assessments"]], page["total"]

    assert asked(sort="lesion_percent", order="asc") == (["1.3", "1.1", "1.2"], 3)
    assert asked(sort="study_date") == (["1.2", "1.3", "1.1"], 3)
    assert asked(search="DOE jane", sort="received", order="asc") == (["1.1", "1.2"], 2)
    assert asked(search="doe", limit=1) == (["1.2"], 2)
    assert asked(study_uid="1.1") == (["1.1"], 1)
    assert asked(accession="A1.2") == (["1.2"], 1)
    assert asked(accession="A1") == ([], 0)


def test_the_next_page_is_asked_for_in_the_same_order(client, visit):
    for number, lesion_ml in ((1, 400.0), (2, 800.0), (3, 200.0)):
        visit(f"1.{number}", "2026-01-02", lesion_ml)
    first = client.get(LIST, params={"sort": "lesion_percent", "limit": 2}).json()
    again = {"sort": "lesion_percent", "limit": 2, "cursor": first["cursor"]}
    assert [one["study"]["uid"] for one in first["assessments"]] == ["1.2", "1.1"]
    assert client.get(LIST, params=again).json()["assessments"][0]["study"]["uid"] == "1.3"
    other = client.get(LIST, params={"sort": "patient", "cursor": first["cursor"]})
    assert other.status_code == 422
    assert "cursor" in other.json()["detail"]


@pytest.mark.parametrize("wrong", [{"sort": "name"}, {"order": "up"}, {"limit": 0}])
def test_an_order_that_there_is_not_is_refused(client, wrong):
    assert client.get(LIST, params=wrong).status_code == 422


def test_the_list_shows_the_latest_review_and_whose_correction_it_is(client, store, visit):
    receipt = visit("1.1", "2026-01-02")
    review = {"state": "accepted", "author": "Dr. Doe", "reason": "", "time": "2026-01-03"}
    with store._db.write() as session:
        row = session.get_one(VersionRow, (str(receipt.id), 1))
        row.review = review
        row.correction = {"of": 1, "author": "Dr. Roe", "reason": "motion", "sha256": "ab"}
    (listed,) = client.get(LIST).json()["assessments"]
    for found in (listed, client.get(at("1.1")).json()):
        assert found["review"] == review
        assert found["correction"] == {"of": 1, "author": "Dr. Roe", "reason": "motion"}
    assert listed["summary"]["volume_ml"] == 4000.0


def table(client, **parameters):
    answer = client.get("/api/v1/measurements.csv", params=parameters)
    assert answer.headers["content-type"].startswith("text/csv")
    assert 'filename="measurements.csv"' in answer.headers["content-disposition"]
    return list(csv.DictReader(answer.content.decode("utf-8-sig").splitlines()))


def test_the_table_has_a_row_for_each_measured_study_asked_for(client, store, visit, tmp_path):
    first, second = visit("1.1", "2026-01-02"), visit("1.2", "2026-03-05")
    arrive(store, tmp_path, "1.3", date="2026-02-02")
    assert [row["assessment_id"] for row in table(client)] == [str(second.id), str(first.id)]
    (row,) = table(client, id=[str(first.id), str(assessment_id("1.3"))])
    assert (row["assessment_id"], row["lungs_volume_ml"]) == (str(first.id), "4000")
    assert [one["assessment_id"] for one in table(client, accession="A1.2")] == [str(second.id)]
    assert table(client, search="nobody") == []


def test_a_table_of_what_is_no_id_is_refused(client):
    answer = client.get("/api/v1/measurements.csv", params={"id": "1.1"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
