"""Taking in: the store, and how studies are found and judged before they enter it."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from opacimeter import jobs
from opacimeter.app.archives import following
from opacimeter.intake import Limits, Rules, find
from opacimeter.pipeline import same_images
from opacimeter.reception import incoming, look_at
from opacimeter.settings import Settings
from opacimeter.store import Arriving, Incoming, Store

__all__ = ["finder", "limits", "looker", "open_store", "rules"]


def open_store(settings: Settings) -> Store:
    """Rows and files of the data folder."""
    return Store(
        settings.data_dir,
        url=settings.database_url,
        same_images=_same_images_elsewhere,
        following=following(settings),
    )


def _same_images_elsewhere(pairs: Sequence[tuple[Path, Path]]) -> Sequence[bool]:
    """Comparing decodes, and a decoder may crash: never in the API's process."""
    return jobs.isolated(same_images, pairs) or [False] * len(pairs)


def finder(settings: Settings) -> Callable[[Path, Path], tuple[Incoming, ...]]:
    """Finds the studies in the files of a folder; the second folder is for unpacking."""
    bounds = limits(settings)

    def find_studies(folder: Path, workspace: Path) -> tuple[Incoming, ...]:
        studies = find([folder], workspace=workspace, limits=bounds)
        return tuple(incoming(study) for study in studies)

    return find_studies


def rules(settings: Settings) -> Rules:
    """Which images received object by object are assessed unasked."""
    body_part, description = settings.wanted_body_part, settings.wanted_description
    return Rules(
        body_part.pattern if body_part else None,
        description.pattern if description else None,
        settings.wanted_callers,
    )


def looker(settings: Settings) -> Callable[..., Arriving | None]:
    """Looks at one object that arrived: takes its file and, where there is one, its `caller`."""
    return partial(look_at, limits=limits(settings), rules=rules(settings))


def limits(settings: Settings) -> Limits:
    """Bounds of the intake."""
    return Limits(files=settings.max_unpacked_files, unpacked_bytes=settings.max_unpacked_bytes)
