"""Settings of one archive."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from opacimeter.settings.secret import secret_of

__all__ = ["AeTitle", "Pacs"]

# The default repertoire without backslash and control characters (PS3.5 6.2, AE).
_AE_TITLE = re.compile(r"[ -\[\]-~]{1,16}")


def _ae_title(text: str) -> str:
    """An AE title without the spaces around it, which mean nothing (PS3.5 6.2)."""
    if not text.strip() or not _AE_TITLE.fullmatch(text):
        raise ValueError(
            "an AE title has 1 to 16 characters of ASCII, no backslash, no control characters, "
            "and not only spaces"
        )
    return text.strip(" ")


AeTitle = Annotated[str, AfterValidator(_ae_title)]


class Pacs(BaseModel):
    """One archive, by DICOMweb or DIMSE."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="What it is called here.")
    kind: Literal["dicomweb", "dimse"] = Field(description="What it speaks.")
    url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="dicomweb: its root, before /studies.",
    )
    user: str | None = Field(default=None, description="dicomweb: user, for basic credentials.")
    password: SecretStr | None = Field(default=None, description="dicomweb: its password.")
    password_file: Path | None = Field(default=None, description="File that holds the password.")
    token: SecretStr | None = Field(default=None, description="dicomweb: bearer token.")
    token_file: Path | None = Field(default=None, description="File that holds the token.")
    host: str | None = Field(default=None, description="dimse: its address.")
    port: int | None = Field(default=None, ge=1, le=65_535, description="dimse: its port.")
    aet: AeTitle | None = Field(default=None, description="dimse: its AE title.")
    calling: AeTitle = Field(default="OPACIMETER", description="dimse: AE title of this side.")
    move: bool = Field(default=False, description="dimse: fetch by C-MOVE in place of C-GET.")
    commit: bool = Field(default=False, description="dimse: ask for storage commitment.")
    verify: bool = Field(
        default=True,
        description="dimse: ask by C-FIND whether it holds what it was sent, where it answers "
        "queries; off for one that hides what it has from this side.",
    )
    commit_wait_s: float = Field(
        default=300.0,
        gt=0,
        le=86_400,
        description="dimse: how long a report of storage commitment is waited for.",
    )
    receive_port: int = Field(
        default=11_112,
        ge=1,
        le=65_535,
        description="dimse: where this side listens while it waits for moved images or reports of "
        "commitment; the archive must know it.",
    )
    receive_host: str = Field(
        default="127.0.0.1",
        description="dimse: address to listen on then; one that the archive reaches.",
    )
    tls: bool = Field(default=False, description="dimse: over TLS.")
    authorities: Path | None = Field(default=None, description="Trusted certificates, PEM.")
    certificate: Path | None = Field(default=None, description="Certificate of this side, PEM.")
    key: Path | None = Field(default=None, description="Its private key, PEM.")
    check_name: bool = Field(default=True, description="Its certificate must name its host.")
    timeout_s: float = Field(default=60.0, gt=0, description="Silence that counts as unreachable.")
    send: tuple[Literal["segmentations", "report", "pictures", "page"], ...] = Field(
        default=("segmentations", "report", "pictures", "page"),
        description="What it gets of each complete result; empty for nothing.",
    )
    send_backfill: bool = Field(
        default=False, description="Whether it gets results of studies fetched for a date range."
    )
    send_rejections: bool = Field(
        default=False,
        description="Whether it gets a page about a study that cannot be measured, and why.",
    )
    priors: bool = Field(
        default=True,
        description="Whether the patient's latest earlier chest CT is fetched from it and "
        "assessed, to compare with.",
    )
    chest: re.Pattern[str] = Field(
        default=re.compile("chest|thora|lung|pulm|胸|肺"),
        description="Regular expression, in any case, that tells a chest CT there by description "
        "or body part; a study that tells neither is taken for one.",
    )

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        wanted = ("url",) if self.kind == "dicomweb" else ("host", "port", "aet")
        missing = [name for name in wanted if getattr(self, name) is None]
        if missing:
            raise ValueError(f"a PACS of kind {self.kind} needs {', '.join(missing)}")
        return self

    @model_validator(mode="after")
    def _secured(self) -> Self:
        """What is named and then not used would leave a line open that is thought to be closed."""
        if self.key is not None and self.certificate is None:
            raise ValueError("a key needs the certificate that it belongs to")
        named = (self.authorities, self.certificate)
        if self.kind == "dimse" and not self.tls and named != (None, None):
            raise ValueError("certificates are named, and tls is off")
        return self

    def secret(self, name: Literal["password", "token"]) -> str:
        """The password or token, from its file where one is named; empty where there is none.

        Raises:
            OSError: The file cannot be read.
            UnicodeDecodeError: It is no text.
        """
        value: SecretStr | None = getattr(self, name)
        file: Path | None = getattr(self, f"{name}_file")
        return secret_of(value, file)
