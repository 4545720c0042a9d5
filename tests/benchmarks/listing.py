"""How fast the list answers when a hospital has used it for a year or two."""

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fastapi.testclient import TestClient

from opacimeter.api import Bounds, Services, build
from opacimeter.store import Order, Sort, Store
from tests.fakes import FakeQueue, FakeSlices, fake_find
from tests.many import fill

COUNT = 10_000
REPEATS = 20
LIST = "/api/v1/assessments"


@dataclass(frozen=True, slots=True)
class Answer:
    """How long one question took, from request to the last byte of JSON, within the process.

    Attributes:
        question: What was asked.
        p50_ms: Median of the time on the wall.
        max_ms: The longest.
        cpu_ms: Mean of the processor's time, asking included: what a busy machine cannot blur.
    """

    question: str
    p50_ms: float
    max_ms: float
    cpu_ms: float


def measure_list() -> list[Answer]:
    """Ask a service that holds `COUNT` assessments, each question `REPEATS` times."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "data")
        fill(store, COUNT)
        services = Services(
            store, FakeQueue().submit, fake_find, FakeSlices, Bounds(free_bytes=0), "0"
        )
        with TestClient(build(services)) as client:
            answers = [
                _answer(question, partial(_ask, client, asked))
                for question, asked in _questions(client)
            ]
        store.close()
    return answers


def list_table(answers: list[Answer]) -> str:
    """The answers as Markdown."""
    lines = [
        f"List at {COUNT} assessments, pages of 50, {REPEATS} times each (aim: below 100 ms)",
        "",
        "| question | p50 ms | max ms | CPU ms |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| {one.question} | {one.p50_ms:.1f} | {one.max_ms:.1f} | {one.cpu_ms:.1f} |"
        for one in answers
    ]
    return "\n".join(lines)


def _questions(client: TestClient) -> list[tuple[str, dict[str, str]]]:
    sorts = [
        (f"sorted by {sort}, {order}", {"sort": sort.value, "order": order.value})
        for sort in Sort
        for order in Order
    ]
    return [
        ("first page", {}),
        ("page 100", {"cursor": _cursor_of_page(client, 100)}),
        ("search, one word that many have", {"search": "given3"}),
        ("search, two words that few have", {"search": "name0042 a1042"}),
        ("search, nothing found", {"search": "nobody"}),
        ("one patient", {"patient": "P7"}),
        ("failed ones", {"status": "failed"}),
        ("one accession number", {"accession": "A77"}),
        *sorts,
        ("search within a sort", {"search": "ct given3", "sort": "lesion_percent"}),
    ]


def _cursor_of_page(client: TestClient, page: int) -> str:
    cursor: dict[str, str] = {}
    for _ in range(page - 1):
        cursor = {"cursor": _ask(client, cursor)["cursor"]}
    return cursor["cursor"]


def _ask(client: TestClient, asked: dict[str, str]) -> dict[str, str]:
    answer: dict[str, str] = client.get(LIST, params=asked).raise_for_status().json()
    return answer


def _answer(question: str, ask: Callable[[], object]) -> Answer:
    took_ms, cpu_began = [], time.process_time()
    for _ in range(REPEATS):
        began = time.perf_counter()
        ask()
        took_ms.append(1000 * (time.perf_counter() - began))
    cpu_ms = 1000 * (time.process_time() - cpu_began) / REPEATS
    return Answer(question, statistics.median(took_ms), max(took_ms), cpu_ms)


if __name__ == "__main__":
    print(list_table(measure_list()))  # noqa: T201
