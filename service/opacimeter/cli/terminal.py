"""What all commands say and read alike: stderr, exit codes, settings."""

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError
from rich.console import Console

from opacimeter.assess import Registry
from opacimeter.settings import Settings, UnreadableConfig

__all__ = ["FAILED", "REJECTED", "WRONG_USE", "err", "models_of", "settings", "tell"]

WRONG_USE, REJECTED, FAILED = 2, 3, 4

err = Console(stderr=True)


def tell(words: str, *, style: str | None = None) -> None:
    """A line on stderr as it stands: no markup in it, no line broken."""
    err.print(words, style=style, markup=False, highlight=False, soft_wrap=True)


def settings() -> Settings:
    """The settings of the environment and of the file that it names.

    Raises:
        BadParameter: One of them is wrong; its value is not quoted.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise typer.BadParameter("; ".join(map(_wrong, error.errors()))) from None
    except UnreadableConfig as error:
        raise typer.BadParameter(f"OPACIMETER_CONFIG: {error}.") from error
    except SettingsError as error:
        raise typer.BadParameter("A setting in the environment is not valid JSON.") from error


def _wrong(one: ErrorDetails) -> str:
    """Which setting is wrong, and why; of a setting within another the place in it."""
    first, *rest = [str(part) for part in one["loc"]] or [""]
    place = ".".join([f"OPACIMETER_{first.upper()}", *rest]) if first else "The settings"
    if one["type"] == "extra_forbidden":
        return f"{'.'.join([first, *rest])}: there is no such setting"
    return f"{place}: {one['msg'].removeprefix('Value error, ')}"


def models_of(settings: Settings) -> Registry:
    """The models of the data folder."""
    return Registry(settings.data_dir / "models", override=settings.model)
