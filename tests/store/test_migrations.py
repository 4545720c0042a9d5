"""What an older version of the software wrote is there, and found, under a newer one."""

import json
import sqlite3

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from opacimeter.store import Order, Sort, Status, Store, Wanted
from opacimeter.store.database import MIGRATIONS
from tests.fakes import Clock

PATIENT = {"id": "P1", "name": "Wang^XiaoDong=王^小东", "birth_date": "1970-01-31", "sex": "M"}
STUDY = {"date": "2026-01-02", "accession": "A1", "description": "CT Chest"}


def old_store(folder):
    """A database at revision 0001: a complete study, and one of which nothing is known."""
    folder.mkdir()
    engine = create_engine(f"sqlite:///{folder / 'opacimeter.sqlite'}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    with sqlite3.connect(folder / "opacimeter.sqlite") as database:
        for key, patient, study, summary in (
            ("1", PATIENT, STUDY, {"lesion_percent": 7.5}),
            ("2", {}, {}, {}),
        ):
            assessment = f"00000000-0000-0000-0000-00000000000{key}"
            database.execute(
                "INSERT INTO assessments VALUES (?, ?, '2026-01-03 10:00:00', 2, ?, ?, ?, ?)",
                (assessment, f"1.{key}", Status.COMPLETE, patient.get("id"), json.dumps(patient),
                 json.dumps(study)),
            )  # fmt: skip
            for number, percent in ((1, {"lesion_percent": 99.0}), (2, summary)):
                database.execute(
                    "INSERT INTO versions VALUES (?, ?, NULL, '0', '[]', '{}', 'complete', '0', 1,"
                    " 0, NULL, 1.0, '2026-01-03 10:00:00', NULL, NULL, NULL, '[]', ?, '{}')",
                    (assessment, number, json.dumps(percent)),
                )
    database.close()


def test_a_store_of_before_is_sorted_and_searched_like_one_of_now(tmp_path):
    old_store(tmp_path / "data")
    store = Store(tmp_path / "data", clock=Clock())
    try:
        for search in ("xiaodong", "小东 a1", "chest 1.1"):
            (entry,) = store.catalogue.page(Wanted(search=search)).entries
            assert entry.study_uid == "1.1"
        assert store.catalogue.page(Wanted(accession="A1")).total == 1
        for sort in (Sort.LESION_PERCENT, Sort.STUDY_DATE, Sort.PATIENT):
            page = store.catalogue.page(sort=sort, order=Order.ASCENDING)
            assert [one.study_uid for one in page.entries] == ["1.1", "1.2"]
    finally:
        store.close()


def test_a_version_of_before_is_nobodys_correction_and_not_reviewed(tmp_path):
    old_store(tmp_path / "data")
    store = Store(tmp_path / "data", clock=Clock())
    try:
        (entry, _) = store.catalogue.page(sort=Sort.STUDY_DATE).entries
        version = entry.version
        assert (version.correction, version.review, version.reviews) == (None, None, [])
        with store._db.read() as session:
            row = session.connection().exec_driver_sql(
                "SELECT birth_date, sex, issuer, lesion_percent FROM assessments ORDER BY id"
            )
            assert row.all() == [("1970-01-31", "M", None, 7.5), (None, None, None, None)]
    finally:
        store.close()


def test_a_store_can_be_taken_back_to_the_tables_of_before(tmp_path):
    store = Store(tmp_path / "data", clock=Clock())
    with store._db._writer.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
        columns = {row[1] for row in connection.exec_driver_sql("PRAGMA table_info(assessments)")}
    store.close()
    assert "sought" not in columns
