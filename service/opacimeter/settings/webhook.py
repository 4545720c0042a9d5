"""Settings of one receiver of webhooks."""

from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from opacimeter.settings.secret import secret_of

__all__ = ["SECRET_LENGTH", "Webhook"]

SECRET_LENGTH: Final = 16
"""Fewest characters of a secret that signs."""


class Webhook(BaseModel):
    """Who is told when an assessment ends."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="What it is called here.")
    url: str = Field(pattern=r"^https?://[^/]", description="Where the events are posted.")
    secret: SecretStr | None = Field(
        default=None, min_length=SECRET_LENGTH, description="Signs them; at least 16 characters."
    )
    secret_file: Path | None = Field(default=None, description="File that holds the secret.")
    events: tuple[Literal["complete", "rejected", "failed"], ...] = Field(
        default=("complete", "rejected", "failed"), min_length=1, description="What it is told of."
    )
    send_backfill: bool = Field(
        default=False, description="Whether it is told of studies fetched for a date range."
    )
    authorities: Path | None = Field(default=None, description="Trusted certificates, PEM.")
    timeout_s: float = Field(default=10.0, gt=0, description="Silence that counts as no answer.")

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if self.secret is None and self.secret_file is None:
            raise ValueError("a webhook needs a secret or a secret_file")
        return self

    def signing_secret(self) -> str:
        """The secret; raises as `secret_of`."""
        return secret_of(self.secret, self.secret_file)
