"""What a list of studies has come to so far: documents in a folder, rows in a table."""

import json
from pathlib import Path

from opacimeter.errors import IntakeRejected
from opacimeter.record import assessment_id
from opacimeter.report import read_table, table_row, write_table
from opacimeter.results import Result

__all__ = ["Ledger"]


class Ledger:
    """What stands already in the folder and the table, and what is added to them.

    Args:
        out: Folder of documents, one inside a study.
        table: CSV file.
        sha256: Of the weights; what other weights made does not count.
        series: SeriesInstanceUID asked for; another series' result does not count.

    Raises:
        Conflict: The table is not one of ours.
    """

    def __init__(
        self, out: Path | None, table: Path | None, sha256: str, series: str | None
    ) -> None:
        self._out, self._table, self._sha256, self._series = out, table, sha256, series
        self._rows = read_table(table) if table and table.exists() else []

    def has(self, study_uid: str) -> bool:
        """Is the study in every place that was asked for?"""
        places = []
        if self._table:
            rows = (row for row in self._rows if row["study_uid"] == study_uid)
            places.append(any(self._same(row["model_sha256"], row["series_uid"]) for row in rows))
        if self._out:
            places.append(self._kept(self._out / str(assessment_id(study_uid))))
        return bool(places) and all(places)

    def _same(self, sha256: str, series_uid: str) -> bool:
        return sha256 == self._sha256 and self._series in (None, series_uid)

    def _kept(self, folder: Path) -> bool:
        """Is there a whole result? A rejected study is tried again, its files may be mended."""
        try:
            result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return False
        if result["status"] != "complete":
            return False
        return self._same(result["model"]["sha256"], result["series"]["uid"])

    def enter(self, result: Result) -> None:
        """Write the documents, the result last since it marks the study as done, and the row."""
        if self._out:
            folder = self._out / str(result.record.id)
            folder.mkdir(parents=True, exist_ok=True)
            documents = sorted(result.documents(), key=lambda one: one.name == "result.json")
            for document in documents:
                document.write(folder / document.name)
        if self._table:
            uid = result.record.study_uid
            self._rows = [row for row in self._rows if row["study_uid"] != uid]
            if not isinstance(result.outcome, IntakeRejected):
                self._rows.append(table_row(result.outcome, result.record))
            write_table(self._table, self._rows)
