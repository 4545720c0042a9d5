"""Isolation: a call in a process of its own, so that a crash stays there."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

__all__ = ["isolated"]

Result = TypeVar("Result")


def isolated(function: Callable[..., Result], *args: Any) -> Result | None:  # noqa: ANN401
    """What the function returns; None where its process died or it raised.

    The function must be importable; arguments and result are pickled.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_call, args=(theirs, function, args), daemon=True)
    process.start()
    # Held by the child alone, the pipe ends when the child does.
    theirs.close()
    try:
        result: Result | None = ours.recv()
    except EOFError:
        result = None
    finally:
        ours.close()
        process.join()
    return result


def _call(pipe: Connection, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    with pipe:
        pipe.send(function(*args))
