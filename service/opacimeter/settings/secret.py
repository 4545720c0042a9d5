"""Secrets: in the settings themselves, or in a file that they name."""

from pathlib import Path

from pydantic import SecretStr

__all__ = ["secret_of"]


def secret_of(value: SecretStr | None, file: Path | None) -> str:
    """A secret, from its file where one is named; empty where there is none.

    Raises:
        OSError: The file cannot be read.
        UnicodeDecodeError: It is no text.
    """
    if file is not None:
        return file.read_text(encoding="utf-8").strip()
    return value.get_secret_value() if value is not None else ""
