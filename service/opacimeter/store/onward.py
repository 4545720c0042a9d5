"""Onward: what follows from the end of a version, handed to those parts that end one."""

from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session

from opacimeter.store.rows import VersionRow

__all__ = ["Onward", "nothing"]

Onward = Callable[[Session, VersionRow, Sequence[str]], None]
"""Called in the transaction that ends a version, or in which somebody wants one that had ended
unasked, with the names of its documents: makes the rows of what follows."""


def nothing(session: Session, version: VersionRow, names: Sequence[str]) -> None:
    """Nothing follows."""
    del session, version, names
