"""The list, its filters and pages; the schema under it."""

import time

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from opacimeter.store import Order, Sort, Status, Store, Wanted
from opacimeter.store.listing import queries
from opacimeter.store.rows import Base
from tests.fakes import Clock, complete, incoming
from tests.many import explain, fill


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "data", clock=Clock())
    yield opened
    opened.close()


def test_pages_show_each_assessment_once_newest_first(store):
    fill(store, 25)
    seen, cursor = [], None
    while True:
        page = store.catalogue.page(cursor=cursor, limit=10)
        seen += [entry.study_uid for entry in page.entries]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == [f"1.{number}" for number in reversed(range(25))]


def test_a_page_that_ends_with_the_list_promises_no_other(store):
    fill(store, 10)
    assert store.catalogue.page(limit=10).cursor is None


def test_what_arrives_between_two_pages_shifts_nothing(store, tmp_path):
    fill(store, 20)
    first = store.catalogue.page(limit=10)
    store.arrivals.receive(incoming(tmp_path / "new", "9.9"))
    second = store.catalogue.page(limit=10, cursor=first.cursor)
    assert second.entries[0].study_uid == "1.9"


def test_the_filters_hold_alone_and_together(store):
    fill(store, 2000)
    # Numbers 10 and 1010 are P10, and both end in 0: failed.
    mine = store.catalogue.page(Wanted(patient="P10"))
    assert [entry.study_uid for entry in mine.entries] == ["1.1010", "1.10"]
    assert store.catalogue.page(Wanted(patient="P10", status=Status.COMPLETE)).entries == ()
    failed = store.catalogue.page(Wanted(status=Status.FAILED), limit=200)
    assert len(failed.entries) == 200  # of 2000 / 10


def test_a_cursor_of_somebody_elses_is_refused(store):
    for cursor in ("nonsense", "bm9uc2Vuc2U=", "ü", ""):
        with pytest.raises(ValueError, match="cursor"):
            store.catalogue.page(cursor=cursor)


def test_ten_thousand_assessments_do_not_slow_the_list(store):
    fill(store)
    cursor = store.catalogue.page(limit=1).cursor
    asked = (Wanted(), Wanted(patient="P7"), Wanted(status=Status.FAILED))
    for wanted, after in [*((one, None) for one in asked), (Wanted(), cursor)]:
        began = time.perf_counter()
        store.catalogue.page(wanted, cursor=after, limit=50)
        assert time.perf_counter() - began < 0.25  # some 5 ms here; a scan that sorts takes longer


def test_every_filter_of_the_list_walks_an_index_in_its_order(store):
    fill(store, 100)
    cursor = store.catalogue.page(limit=1).cursor
    for patient in (None, "P7"):
        for status in (None, Status.FAILED):
            for after in (None, cursor):
                wanted = Wanted(patient=patient, status=status)
                newest = {"sort": Sort.RECEIVED, "order": Order.DESCENDING}
                (query,) = queries(wanted, **newest, cursor=after)
                plan = explain(store, query.limit(50))
                assert "ix_assessments_" in plan
                assert "TEMP B-TREE" not in plan  # that would be a sort of all that match


def test_the_migrations_make_the_tables_that_the_rows_describe(store):
    with store._db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_a_store_opened_again_has_what_it_had(tmp_path):
    first = Store(tmp_path / "data", clock=Clock())
    receipt = first.arrivals.receive(incoming(tmp_path / "in"))
    first.close()
    second = Store(tmp_path / "data", clock=Clock())
    assert second.catalogue.get(receipt.id).study_uid == "1.2.3"
    second.close()


def test_the_database_is_in_write_ahead_mode_and_minds_its_foreign_keys(store):
    with store._db.read() as session:
        assert session.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert session.execute(text("PRAGMA foreign_keys")).scalar() == 1


def test_removal_takes_rows_and_files(store, tmp_path):
    receipt = store.arrivals.receive(incoming(tmp_path / "in"))
    complete(store, receipt.job)
    store.files.cache(receipt.id, 1).joinpath("slice").write_text("x")
    store.catalogue.remove(receipt.id)
    with store._db.read() as session:
        counts = {table: session.execute(text(f"SELECT count(*) FROM {table}")).scalar()
                  for table in Base.metadata.tables}  # fmt: skip
    assert {table for table, count in counts.items() if count} == {"removed"}
    assert not any(store.files.root.rglob(f"*{receipt.id}*"))


def test_counts_are_by_the_newest_version(store, tmp_path):
    receipt = store.arrivals.receive(incoming(tmp_path / "in"))
    complete(store, receipt.job)
    store.arrivals.receive(incoming(tmp_path / "late", images={"1.5": b"late"}))
    counts = store.catalogue.counts()
    assert (counts[Status.COMPLETE], counts[Status.RECEIVED]) == (0, 1)


def test_a_worker_that_falls_silent_is_no_longer_recent(store):
    store.heartbeats.beat("w-0", model={"sha256": "a"})
    assert [worker.name for worker in store.heartbeats.recent(5)] == ["w-0"]
    # The clock moves a second each time it is read: six readings later the limit of 5 s is over.
    for _ in range(6):
        store.heartbeats.recent(5)
    assert store.heartbeats.recent(5) == ()
    assert store.heartbeats.model() == {"sha256": "a"}
