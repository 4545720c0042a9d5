"""The models of one data folder: those promoted, and which of them is in service.

    <data>/models/registry.json              every change, oldest first; the last one names the
                                             model in service
    <data>/models/<version>-<sha256[:12]>/   a promoted bundle, whole
    <data>/models/lock                       held while something changes

Readers never wait: registry.json is replaced in one step. Without it, or where its last change says
so, the bundle that opacimeter carries is in service.
"""

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp

from opacimeter.assess.bundle import Bundle, default_folder, read_bundle
from opacimeter.assess.history import Change, read_history, write_history
from opacimeter.assess.promotion import judge, next_version
from opacimeter.assess.reference import verified_bundle
from opacimeter.durable import sync
from opacimeter.errors import Conflict, ModelError

__all__ = ["GATE", "Registry"]

GATE = "opacimeter"
"""The gate that models are compared on unless another one is named."""

_ARRIVING = "arriving-"


def _now() -> datetime:
    return datetime.now(UTC)


class Registry:
    """The models of one data folder; nothing is made on disk before the first promotion.

    Attributes:
        override: A bundle's folder that is in service whatever was promoted.
        carried: The bundle in service before the first promotion.
    """

    def __init__(
        self, folder: Path, *, override: Path | None = None, carried: Path | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:  # fmt: skip
        """Wire it.

        Args:
            folder: `models` in the data folder.
            override: See above.
            carried: See above; the bundle in the package if absent.
            clock: Now, UTC.
        """
        self.override, self.carried = override, carried or default_folder()
        self._root, self._clock = folder, clock

    def in_service(self) -> Path:
        """The folder of the bundle that studies are assessed with.

        Raises:
            ModelError: registry.json cannot be read.
        """
        return self.override or self.folder(_latest(self.history()))

    def history(self) -> tuple[Change, ...]:
        """Every change, oldest first.

        Raises:
            ModelError: registry.json cannot be read.
        """
        return read_history(self._root)

    def folder(self, name: str | None) -> Path:
        """Where the bundle of a change lies."""
        return self._root / name if name else self.carried

    def promote(
        self, candidate: Path, *, gate: str = GATE, version: str | None = None, notes: str = ""
    ) -> Change:
        """Copy a bundle into the registry and put it into service.

        Args:
            candidate: The bundle's folder; it stays as it is.
            gate: Name of the gate that both models must have figures on.
            version: Three numbers above every version before; the next minor one if absent.
            notes: For the changelog and the history.

        Raises:
            ModelError: The bundle is unusable.
            ModelRefused: It is worse than the one in service, or cannot be compared with it.
            Conflict: The version is not above all before.
        """
        with self._changing():
            history = self.history()
            bundle = verified_bundle(candidate)
            current = read_bundle(self.folder(_latest(history)))
            judge(bundle, current, gate)
            number = next_version(version, self._versions(current, history))
            change = Change(
                time=self._clock(),
                action="promote",
                folder=f"{number}-{bundle.network.sha256[:12]}",
                version=number,
                sha256=bundle.network.sha256,
                before=_latest(history),
                gate=gate,
                figures=bundle.gates[gate],
                notes=notes,
            )
            self._take_in(candidate, change)
            write_history(self._root, (*history, change))
        return change

    def rollback(self) -> Change:
        """Put the model back into service that the present one took the place of.

        Raises:
            Conflict: The carried model is in service: there is none before it.
            ModelError: The one before is unusable.
        """
        with self._changing():
            history = self.history()
            here = _latest(history)
            if here is None:
                raise Conflict("The carried model is in service; there is none before it.")
            before = next(one.before for one in history if one.folder == here)
            network = read_bundle(self.folder(before)).network
            change = Change(
                time=self._clock(),
                action="rollback",
                folder=before,
                version=network.version,
                sha256=network.sha256,
                before=here,
            )
            write_history(self._root, (*history, change))
        return change

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One at a time; the others wait."""
        # The data folder holds patients' images: whoever makes it keeps it to its owner.
        for folder in (self._root.parent, self._root):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._root / "lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield

    def _versions(self, current: Bundle, history: Sequence[Change]) -> set[str]:
        known = {current.network.version, *(change.version for change in history)}
        # An update of the software may have brought a carried model that is newer than all.
        with suppress(ModelError):
            known.add(read_bundle(self.carried).network.version)
        return known

    def _take_in(self, candidate: Path, change: Change) -> None:
        """Copy a bundle under its new version, all of it or nothing that counts."""
        for left in self._root.glob(f"{_ARRIVING}*"):  # by a promotion that was killed
            shutil.rmtree(left, ignore_errors=True)
        target = self.folder(change.folder)
        if target.exists():  # likewise: no history names it
            shutil.rmtree(target)
        arriving = Path(mkdtemp(prefix=_ARRIVING, dir=self._root))
        try:
            _copy(candidate, arriving)
            _rename(arriving, change)
            if read_bundle(arriving).network.sha256 != change.sha256:
                raise ModelError("The bundle changed while it was copied; promote it again.")
            _sync_all(arriving)
            arriving.rename(target)
            sync(self._root)
        finally:
            shutil.rmtree(arriving, ignore_errors=True)


def _latest(history: Sequence[Change]) -> str | None:
    return history[-1].folder if history else None


def _copy(source: Path, target: Path) -> None:
    """The files without their modes: a read-only bundle is promoted like any other."""
    for path in sorted(source.rglob("*")):
        if path.is_file():
            copied = target / path.relative_to(source)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copied)


def _rename(bundle: Path, change: Change) -> None:
    """Write the new version into the metadata, with a line for its changelog."""
    path = bundle / "configs" / "metadata.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    about, figures = change.notes or "Promoted without notes.", change.figures
    if figures:
        about += (
            f" Gate {change.gate}: lesion Dice {figures.lesion_dice:.3f}, mean error "
            f"{figures.error_points:.2f} points. Weights {change.sha256}."
        )
    content["changelog"] = {**(content.get("changelog") or {}), change.version: about}
    content["version"] = change.version
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _sync_all(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        sync(path)
