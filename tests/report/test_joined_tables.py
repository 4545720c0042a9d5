"""Tables of many studies as one."""

import csv

from opacimeter.report import join_tables, table_row, write_table


def joined(*paths):
    text = "".join(join_tables(paths))
    assert text.startswith("\ufeff")
    return list(csv.DictReader(text[1:].splitlines()))


def test_one_header_and_a_row_a_study(assessment, record, tmp_path):
    row = table_row(assessment, record)
    for name in ("a", "b"):
        write_table(tmp_path / name, [{**row, "patient_id": name}])
    found = joined(tmp_path / "a", tmp_path / "b")
    assert [one["patient_id"] for one in found] == ["a", "b"]
    assert found[0] == {**row, "patient_id": "a"}


def test_a_table_of_another_version_of_the_software_is_read_by_its_own_header(tmp_path):
    (tmp_path / "old").write_text("lungs_volume_ml,retired\r\n4000,7\r\n", encoding="utf-8-sig")
    (found,) = joined(tmp_path / "old")
    assert found["lungs_volume_ml"] == "4000"
    assert found["ct_ss"] == ""
    assert "retired" not in found


def test_a_table_that_was_removed_meanwhile_is_passed_over(tmp_path):
    assert joined(tmp_path / "gone") == []
