"""What all commands say and read alike: stderr, exit codes, settings."""

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError
from rich.console import Console

from opacimeter.assess import Registry
from opacimeter.settings import Settings

__all__ = ["FAILED", "REJECTED", "err", "models_of", "settings", "tell"]

REJECTED, FAILED = 3, 4

err = Console(stderr=True)


def tell(words: str, *, style: str | None = None) -> None:
    """A line on stderr as it stands: no markup in it, no line broken."""
    err.print(words, style=style, markup=False, highlight=False, soft_wrap=True)


def settings() -> Settings:
    """The settings of the environment.

    Raises:
        BadParameter: One of them is wrong; its value is not quoted.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = (
            f"OPACIMETER_{'_'.join(str(part) for part in one['loc']).upper()}: {one['msg']}"
            for one in error.errors()
        )
        raise typer.BadParameter("; ".join(wrong)) from None
    except SettingsError as error:
        raise typer.BadParameter("A setting in the environment is not valid JSON.") from error


def models_of(settings: Settings) -> Registry:
    """The models of the data folder."""
    return Registry(settings.data_dir / "models", override=settings.model)
