"""Markdown tables: rows in, text out."""

from collections.abc import Iterable, Sequence

from training.evaluation.means import Mean

__all__ = ["figure", "spread", "table"]

NOTHING = "–"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table; none where there are no rows."""
    body = [f"| {' | '.join(row)} |" for row in rows]
    if not body:
        return []
    return [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}", *body, ""]


def figure(value: float | None, digits: int = 2) -> str:
    """A number, or a dash where there is none; never "-0.00"."""
    if value is None:
        return NOTHING
    return f"{round(value, digits) + 0.0:.{digits}f}"


def spread(mean: Mean | None, digits: int = 2) -> str:
    """A mean with its interval."""
    if mean is None:
        return NOTHING
    ends = f"{figure(mean.low, digits)}–{figure(mean.high, digits)}"
    return f"{figure(mean.value, digits)} ({ends})"
