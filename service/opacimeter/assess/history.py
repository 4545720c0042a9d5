"""The history of the models in service: one small file, replaced whole or not at all."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from opacimeter.assess.bundle import Gate
from opacimeter.durable import sync
from opacimeter.errors import ModelError

__all__ = ["Change", "read_history", "write_history"]

FILE = "registry.json"
SCHEMA = "opacimeter-models-1"


@dataclass(frozen=True, slots=True)
class Change:
    """A model came into service.

    Attributes:
        time: When, UTC.
        action: promote or rollback.
        folder: Its folder's name in the registry; None is the bundle that opacimeter carries.
        version: Its version.
        sha256: Of its weights.
        before: Folder of the model it took the place of; a rollback of a promotion goes there.
        gate: Name of the gate that let it through; None for a rollback.
        figures: Its figures on that gate.
        notes: What whoever promoted it had to say.
    """

    time: datetime
    action: Literal["promote", "rollback"]
    folder: str | None
    version: str
    sha256: str
    before: str | None
    gate: str | None = None
    figures: Gate | None = None
    notes: str = ""

    def plain(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self) | {"time": self.time.isoformat(timespec="seconds")}


def read_history(folder: Path) -> tuple[Change, ...]:
    """Every change in a registry's folder, oldest first; none where there is no registry yet.

    Raises:
        ModelError: The file cannot be read.
    """
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        # Keyed by its schema: what a later version wrote is not half understood.
        return tuple(_change(told) for told in content[SCHEMA])
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"The list of promoted models, models/{FILE} in the data folder, cannot be read. "
            "Restore it from a backup; without that file the carried model is in service."
        ) from error


def write_history(folder: Path, history: Sequence[Change]) -> None:
    """Put a history in the place of the one before, durably."""
    content = {SCHEMA: [change.plain() for change in history]}
    partial = folder / f"{FILE}.partial"
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    partial.write_text(text + "\n", encoding="utf-8")
    sync(partial)
    partial.replace(folder / FILE)
    sync(folder)


def _change(told: Mapping[str, Any]) -> Change:
    figures = told["figures"]
    return Change(
        **dict(told)
        | {
            "time": datetime.fromisoformat(told["time"]),
            "figures": Gate(**figures) if figures else None,
        }
    )
