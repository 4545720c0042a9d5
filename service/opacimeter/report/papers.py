"""Documents for people: the page in each language, and both ways into an archive."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from opacimeter.document import Document
from opacimeter.findings import Assessment
from opacimeter.language import LANGUAGES
from opacimeter.record import Record
from opacimeter.report.dicom_object import write_object
from opacimeter.report.encapsulated_pdf import encapsulated_pdf
from opacimeter.report.page import Shown, page_pdf, page_pictures
from opacimeter.report.pictures import Pictures
from opacimeter.report.secondary_capture import secondary_capture

__all__ = ["ARCHIVED", "Papers"]

ARCHIVED = "en"
"""The language of what goes into the archive: its other texts are English too."""


class Papers:
    """What people read of one assessment; slices and pages are made once, when first needed."""

    def __init__(self, assessment: Assessment, record: Record, content: Mapping[str, Any]) -> None:
        """Nothing is drawn yet.

        Args:
            assessment: What was measured.
            record: What it is filed under.
            content: Its result document: the numbers on paper are those of the JSON.
        """
        self._volume, self._record, self._content = assessment.volume, record, content
        self._pictures = Pictures(assessment)
        self._pages: dict[str, bytes] = {}
        self._lock = Lock()

    def documents(self) -> tuple[Document, ...]:
        """One PDF a language, the secondary capture, and the PDF as a DICOM object."""
        return (
            *(self._page_document(language) for language in LANGUAGES),
            Document("pictures.dcm", "application/dicom", self._write_pictures),
            Document("report.dcm", "application/dicom", self._write_report),
        )

    def _page_document(self, language: str) -> Document:
        return Document(
            f"report.{language}.pdf",
            "application/pdf",
            lambda path: _write(path, self._page(language)),
        )

    def _page(self, language: str) -> bytes:
        with self._lock:
            if language not in self._pages:
                self._pages[language] = page_pdf(self._content, self._shown, language)
            return self._pages[language]

    @cached_property
    def _shown(self) -> tuple[Shown, ...]:
        return page_pictures(self._pictures, len(self._volume.hu))

    def _write_pictures(self, path: Path) -> None:
        made = secondary_capture(self._volume, self._record, self._content, self._pictures)
        write_object(path, made)

    def _write_report(self, path: Path) -> None:
        write_object(path, encapsulated_pdf(self._volume, self._record, self._page(ARCHIVED)))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
