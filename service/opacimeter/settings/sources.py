"""Sources: where settings are read from, and which one goes before which."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsError,
    TomlConfigSettingsSource,
)

__all__ = ["UnreadableConfig", "sources"]


class UnreadableConfig(SettingsError):
    """The file that the settings name cannot be read, or is no TOML."""


def sources(
    settings: type[BaseSettings],
    init: PydanticBaseSettingsSource,
    environment: PydanticBaseSettingsSource,
) -> tuple[PydanticBaseSettingsSource, ...]:
    """The environment, then the file that its `config` names; what comes first wins.

    Raises:
        UnreadableConfig: There is no such file, or it is no TOML.
    """
    named: Any = init().get("config") or environment().get("config")
    if not named:
        return init, environment
    try:
        # A file that is absent is no settings to the library: a misspelt name would go unnoticed.
        Path(named).open("rb").close()
        return init, environment, TomlConfigSettingsSource(settings, toml_file=named)
    except OSError as error:
        raise UnreadableConfig(f"the file cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnreadableConfig(f"the file is no TOML: {error}") from error
