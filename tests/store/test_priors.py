"""Which earlier assessment of the patient a study is compared with."""

import json

import pytest

from opacimeter.errors import NotFound
from opacimeter.record import assessment_id
from opacimeter.store import Store
from opacimeter.store.rows import VersionRow
from tests.fakes import MODEL, Clock
from tests.followed import PATIENT, a_result, arrive, measure


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "data", clock=Clock())
    yield opened
    opened.close()


@pytest.fixture
def visit(store, tmp_path):
    """A study of a patient arrives and is measured."""

    def come(uid, date=None, *, patient=None, **study):
        told = study if date is None else {"date": date, **study}
        receipt = arrive(store, tmp_path, uid, patient=patient, **told)
        measure(store, receipt, a_result(date, 4000.0, 400.0))
        return receipt

    return come


def prior_of(store, uid):
    """The prior's UID by its id; None where there is none."""
    prior = store.patients.earlier(assessment_id(uid)).prior
    known = {assessment_id(f"1.{number}"): f"1.{number}" for number in range(20)}
    return None if prior is None else known[prior.id]


def test_the_prior_is_the_latest_study_made_before(store, visit):
    visit("1.1", "2026-01-01")
    visit("1.2", "2026-03-01")
    visit("1.3", "2026-02-01")
    assert prior_of(store, "1.2") == "1.3"
    assert prior_of(store, "1.3") == "1.1"
    assert prior_of(store, "1.1") is None


def test_an_older_study_that_arrives_later_is_the_prior_and_has_only_older_ones(store, visit):
    visit("1.3", "2026-03-01")
    assert prior_of(store, "1.3") is None
    visit("1.2", "2026-02-01")
    assert prior_of(store, "1.3") == "1.2"
    assert prior_of(store, "1.2") is None
    followed = store.patients.follow_up(assessment_id("1.2")).studies
    assert [one.entry.study_uid for one in followed] == ["1.2", "1.3"]


def test_two_studies_of_one_day_are_told_apart_by_their_times_alone(store, visit):
    visit("1.1", "2026-01-01", time="08:00:00")
    visit("1.2", "2026-01-01", time="09:30:00")
    visit("1.3", "2026-01-01")
    assert prior_of(store, "1.2") == "1.1"
    assert prior_of(store, "1.1") is None
    assert prior_of(store, "1.3") is None


def test_a_study_without_a_date_is_before_and_after_nothing(store, visit):
    visit("1.1")
    visit("1.2", "2026-01-01")
    visit("1.3")
    assert prior_of(store, "1.2") is prior_of(store, "1.3") is None


def test_a_patient_without_an_id_matches_nobody(store, visit):
    nameless = {"name": "Doe^Jane", "birth_date": "1970-01-31"}
    blank = {**nameless, "id": "  "}
    visit("1.1", "2026-01-01", patient=nameless)
    visit("1.2", "2026-02-01", patient=nameless)
    visit("1.3", "2026-02-01", patient=blank)
    assert prior_of(store, "1.2") is prior_of(store, "1.3") is None
    assert len(store.patients.follow_up(assessment_id("1.2")).studies) == 1


def test_the_same_id_of_another_issuer_is_another_patient(store, visit):
    visit("1.1", "2026-01-01", patient={**PATIENT, "issuer": "H2"})
    visit("1.2", "2026-01-01", patient={"id": "P1"})
    visit("1.3", "2026-02-01")
    earlier = store.patients.earlier(assessment_id("1.3"))
    assert (earlier.prior, earlier.mismatch) == (None, ())


@pytest.mark.parametrize(
    ("change", "mismatch"),
    [
        ({"birth_date": "1971-01-31"}, ("birth_date",)),
        ({"sex": "M"}, ("sex",)),
        ({"birth_date": "1971-01-31", "sex": "O"}, ("birth_date", "sex")),
        ({"sex": "U"}, ()),  # no value of DICOM's: unknown
        ({"sex": "f"}, ()),
        ({"birth_date": "", "sex": ""}, ()),
        ({"name": "Doe-Smith^Jane"}, ()),
    ],
)
def test_birth_date_and_sex_must_not_disagree(store, visit, change, mismatch):
    visit("1.1", "2026-01-01", patient={**PATIENT, **change})
    visit("1.2", "2026-02-01")
    earlier = store.patients.earlier(assessment_id("1.2"))
    assert earlier.mismatch == mismatch
    assert (earlier.prior is None) == bool(mismatch)
    found = store.patients.follow_up(assessment_id("1.2"))
    assert [one.mismatch for one in found.mismatched] == ([mismatch] if mismatch else [])


def test_another_persons_study_does_not_hide_the_patients_own(store, visit):
    visit("1.1", "2026-01-01")
    visit("1.2", "2026-02-01", patient={**PATIENT, "sex": "M"})
    visit("1.3", "2026-03-01")
    assert prior_of(store, "1.3") == "1.1"
    assert store.patients.earlier(assessment_id("1.3")).mismatch == ("sex",)


def test_what_is_not_complete_is_no_prior(store, visit, tmp_path):
    visit("1.1", "2026-01-01")
    arrive(store, tmp_path, "1.2", date="2026-02-01")
    visit("1.3", "2026-03-01")
    assert prior_of(store, "1.3") == "1.1"


def test_a_study_whose_newest_version_is_under_way_is_there_with_its_last_complete_one(
    store, visit
):
    receipt = visit("1.1", "2026-01-01")
    visit("1.2", "2026-02-01")
    assert store.arrivals.another_series(receipt.id, "1.1.9").version == 2
    prior = store.patients.earlier(assessment_id("1.2")).prior
    assert (prior.id, prior.version) == (receipt.id, 1)


def test_a_version_that_a_review_rejected_does_not_stand(store, visit):
    receipt = visit("1.1", "2026-01-01")
    measure(store, store.arrivals.another_series(receipt.id, "1.1.9"))
    visit("1.2", "2026-02-01")
    for number, version in ((2, 1), (1, None)):
        with store._db.write() as session:
            row = session.get_one(VersionRow, (str(receipt.id), number))
            row.review = {"state": "rejected", "author": "A", "reason": "B", "time": "C"}
        prior = store.patients.earlier(assessment_id("1.2")).prior
        assert (prior and prior.version) == version


def test_a_prior_whose_result_is_gone_is_none(store, visit):
    receipt = visit("1.1", "2026-01-01")
    visit("1.2", "2026-02-01")
    store.files.document(receipt.id, 1, "result.json").unlink()
    assert prior_of(store, "1.2") is None


def test_a_run_begins_with_its_prior_and_with_what_disagrees(store, visit, tmp_path):
    visit("1.1", "2026-01-01")
    visit("1.2", "2026-01-02", patient={**PATIENT, "sex": "M"})
    late = arrive(store, tmp_path, "1.3", date="2026-02-01")
    record = store.runs.begin(late.job, attempts=3, model=MODEL).record
    assert record.prior.id == assessment_id("1.1")
    assert record.prior.result == json.loads(json.dumps(a_result("2026-01-01", 4000.0, 400.0)))
    assert record.mismatch == ("sex",)


def test_there_is_no_follow_up_of_an_unknown_assessment(store):
    for ask in (store.patients.earlier, store.patients.follow_up):
        with pytest.raises(NotFound):
            ask(assessment_id("9.9"))
