"""The list sorted, searched and counted."""

from dataclasses import replace

import pytest

from opacimeter.record import assessment_id
from opacimeter.store import Order, Sort, Status, Store, Wanted
from opacimeter.store.listing import queries
from tests.fakes import Clock, complete, incoming
from tests.followed import a_result, arrive, measure
from tests.many import explain, fill, percent_of


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "data", clock=Clock())
    yield opened
    opened.close()


def walked(store, limit=7, **asked):
    """UIDs of all pages, one after another."""
    seen, cursor = [], None
    while True:
        page = store.catalogue.page(cursor=cursor, limit=limit, **asked)
        seen += [entry.study_uid for entry in page.entries]
        cursor = page.cursor
        if cursor is None:
            return seen


def found(store, search):
    return {entry.study_uid for entry in store.catalogue.page(Wanted(search=search)).entries}


def keyed(number):
    """An assessment of `fill` by what it is sorted by; None where it has no such value."""
    date = f"2025-{number % 12 + 1:02d}-{number % 28 + 1:02d}" if number % 4 else None
    return {
        Sort.RECEIVED: number,
        Sort.STUDY_DATE: date,
        Sort.PATIENT: f"name{number % 1000:04d}^given{number % 7}",
        Sort.LESION_PERCENT: percent_of(number),
        Sort.STATUS: "failed" if number % 10 == 0 else "complete",
    }


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("sort", Sort)
def test_each_sort_shows_each_assessment_once_in_its_order_and_the_unknown_last(store, sort, order):
    fill(store, 60)
    descending = order is Order.DESCENDING
    numbers = sorted(range(60), reverse=descending)  # arrived in this order
    known = [number for number in numbers if keyed(number)[sort] is not None]
    known.sort(key=lambda number: keyed(number)[sort], reverse=descending)
    unknown = [number for number in numbers if keyed(number)[sort] is None]
    expected = [f"1.{number}" for number in known + unknown]
    assert walked(store, sort=sort, order=order) == expected


@pytest.mark.parametrize("limit", [1, 15, 45, 46, 60])
def test_a_page_may_end_where_the_known_ones_do(store, limit):
    fill(store, 60)  # of which 15 have no date
    asked = {"sort": Sort.STUDY_DATE, "order": Order.ASCENDING}
    assert len(set(walked(store, limit=limit, **asked))) == 60


def test_every_sort_walks_an_index_in_both_of_its_parts(store):
    fill(store, 100)
    for sort in Sort:
        for order in Order:
            first = store.catalogue.page(sort=sort, order=order, limit=1)
            for cursor in (None, first.cursor):
                for part in queries(Wanted(), sort=sort, order=order, cursor=cursor):
                    plan = explain(store, part.limit(50))
                    assert "ix_assessments_" in plan
                    assert "TEMP B-TREE" not in plan


def test_a_cursor_serves_the_list_that_gave_it_and_no_other(store):
    fill(store, 20)
    cursor = store.catalogue.page(sort=Sort.PATIENT, limit=5).cursor
    for asked in ({}, {"sort": Sort.STATUS}, {"sort": Sort.PATIENT, "order": Order.ASCENDING}):
        with pytest.raises(ValueError, match="cursor"):
            store.catalogue.page(cursor=cursor, **asked)


def test_the_total_counts_what_is_wanted_on_all_pages(store):
    fill(store, 40)
    assert store.catalogue.page(limit=3).total == 40
    failed = store.catalogue.page(Wanted(status=Status.FAILED), limit=1)
    assert (len(failed.entries), failed.total) == (1, 4)  # 0, 10, 20, 30


def test_each_word_of_a_search_must_occur_somewhere_in_whatever_case(store, tmp_path):
    study = {"accession": "ACC-77", "description": "CT Thorax nativ"}
    patient = {"id": "H-0815", "name": "Wang^XiaoDong=王^小东"}
    arriving = incoming(tmp_path / "in", "1.2.840.5")
    store.arrivals.receive(replace(arriving, patient=patient, study=study))
    arrive(store, tmp_path, "1.2.840.6")
    for search in ("xiaodong WANG", "小东", "h-0815", "acc-77 thorax", "840.5", "ｗａｎｇ"):
        assert found(store, search) == {"1.2.840.5"}, search
    assert found(store, "wang jane") == set()
    assert found(store, "1.2.840 ct") == {"1.2.840.5"}
    assert found(store, "  ") == {"1.2.840.5", "1.2.840.6"}


def test_signs_that_a_database_gives_a_meaning_have_none_in_a_search(store, tmp_path):
    arrive(store, tmp_path, "1.2.3", description="50% dose_1")
    assert found(store, "50%") == {"1.2.3"}
    assert found(store, "dose_1") == {"1.2.3"}
    assert found(store, "5%dose") == found(store, "dose.1") == found(store, "do\0x") == set()


def test_a_study_is_found_by_its_uid_and_by_its_accession_number_exactly(store, tmp_path):
    arrive(store, tmp_path, "1.2.3", accession="A1")
    arrive(store, tmp_path, "1.2.33", accession="A12")
    by_uid = store.catalogue.page(Wanted(study_uid="1.2.3"))
    by_accession = store.catalogue.page(Wanted(accession=" A1 "))
    assert [entry.study_uid for entry in by_uid.entries] == ["1.2.3"]
    assert [entry.study_uid for entry in by_accession.entries] == ["1.2.3"]


def test_a_later_delivery_tells_what_was_unknown_and_changes_nothing_known(store, tmp_path):
    arrive(store, tmp_path, "1.2.3", patient={"id": "P1"}, description="CT")
    again = arrive(store, tmp_path, "1.2.3", date="2026-01-02", description="other")
    assert again.job is None
    (entry,) = store.catalogue.page(Wanted(search="doe")).entries
    assert entry.patient["birth_date"] == "1970-01-31"
    assert entry.study == {"date": "2026-01-02", "description": "CT"}
    assert walked(store, sort=Sort.STUDY_DATE) == ["1.2.3"]


def test_the_list_sorts_by_the_percentage_of_the_newest_version(store, tmp_path):
    for uid, lesion_ml in (("1.1", 400.0), ("1.2", 40.0)):
        measure(store, arrive(store, tmp_path, uid), result_with(lesion_ml))
    asked = {"sort": Sort.LESION_PERCENT, "order": Order.DESCENDING}
    assert walked(store, **asked) == ["1.1", "1.2"]
    # Another version of the first one begins: its percentage is not known yet.
    late = store.arrivals.another_series(assessment_id("1.1"), "1.1.9")
    assert walked(store, **asked) == ["1.2", "1.1"]
    measure(store, late, result_with(20.0))
    assert walked(store, **asked) == ["1.2", "1.1"]  # 1 % and 0.5 %


def result_with(lesion_ml):
    return a_result("2026-01-02", 4000.0, lesion_ml)


def test_a_document_of_each_comes_from_the_version_that_stands(store, tmp_path):
    first = arrive(store, tmp_path, "1.1")
    measure(store, first)
    measure(store, store.arrivals.another_series(first.id, "1.1.9"))
    complete(store, arrive(store, tmp_path, "1.2").job)  # has no such document
    arrive(store, tmp_path, "1.3")  # has none at all
    tables = store.catalogue.of_each("measurements.csv")
    assert [table.path.parent.name for table in tables] == ["2"]
    assert store.catalogue.of_each("measurements.csv", Wanted(ids=(assessment_id("1.3"),))) == ()
