"""Settings: everything an operator can turn, read from the environment (prefix OPACIMETER_)."""

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["Pacs", "Settings"]

GIB = 1 << 30


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
    aet: str | None = Field(default=None, max_length=16, description="dimse: its AE title.")
    calling: str = Field(
        default="OPACIMETER", max_length=16, description="dimse: AE title of this side."
    )
    move: bool = Field(default=False, description="dimse: fetch by C-MOVE in place of C-GET.")
    commit: bool = Field(default=False, description="dimse: ask for storage commitment.")
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
    priors: bool = Field(
        default=False,
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

    def secret(self, name: Literal["password", "token"]) -> str:
        """The password or token, from its file where one is named; empty where there is none.

        Raises:
            OSError: The file cannot be read.
        """
        file: Path | None = getattr(self, f"{name}_file")
        if file is not None:
            return file.read_text(encoding="utf-8").strip()
        value: SecretStr | None = getattr(self, name)
        return value.get_secret_value() if value is not None else ""


class Settings(BaseSettings):
    """What `serve` and `work` need; only the composition roots read it.

    Every field is an environment variable: `data_dir` is OPACIMETER_DATA_DIR, and so on.
    """

    model_config = SettingsConfigDict(env_prefix="OPACIMETER_", extra="ignore", frozen=True)

    data_dir: Path = Field(
        default=Path("opacimeter-data"),
        description="Folder of the database, the received images, the documents and promoted "
        "models.",
    )
    database_url: str | None = Field(
        default=None,
        description="SQLAlchemy address of the database; SQLite in data_dir where absent.",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port; 0 takes a free one.")
    allowed_hosts: tuple[str, ...] = Field(
        default=("localhost", "127.0.0.1", "[::1]"),
        description='Host names that requests may name, as a JSON list; ["*"] allows all. Guards '
        "a service without log-in against pages that rebind their own name to this address.",
    )
    model: Path | None = Field(
        default=None,
        description="Folder of a model bundle that is used whatever was promoted; if absent, the "
        "promoted one, or the one in the package where none was.",
    )
    threads: int | None = Field(
        default=None, ge=1, description="Threads a worker computes with; all cores if absent."
    )
    workers: int = Field(default=1, ge=0, le=64, description="Worker processes beside the API.")
    attempts: int = Field(
        default=3,
        ge=1,
        le=10,
        description="How often a study is begun again after its worker died, before it fails.",
    )
    study_limit_s: float = Field(
        default=900.0,
        gt=0,
        le=86_400,
        description="Seconds one assessment may take before it is ended as failed.",
    )
    max_upload_bytes: int = Field(default=8 * GIB, ge=1, description="Largest upload.")
    max_upload_files: int = Field(default=5000, ge=1, description="Most files in one upload.")
    max_unpacked_files: int = Field(
        default=50_000, ge=1, description="Most files in one upload after unpacking."
    )
    max_unpacked_bytes: int = Field(
        default=20 * GIB, ge=1, description="Most bytes one upload's archives may unpack to."
    )
    min_free_bytes: int = Field(
        default=2 * GIB, ge=0, description="Free disk space below which nothing is accepted."
    )
    quiet_period_s: float = Field(
        default=30.0,
        ge=0,
        le=86_400,
        description="Seconds without a new image of a study, received object by object, after "
        "which it is assessed.",
    )
    wanted_body_part: re.Pattern[str] | None = Field(
        default=None,
        description="Regular expression that the body part of images received object by object "
        "must have in it, in any case, to be assessed unasked; images that name none pass.",
    )
    wanted_description: re.Pattern[str] | None = Field(
        default=None,
        description="The same for the descriptions of study, series and protocol, of which one "
        "must have it.",
    )
    wanted_callers: tuple[str, ...] = Field(
        default=(),
        description="AE titles, as a JSON list, whose images are assessed unasked; all if empty. "
        "Says nothing of senders over HTTP.",
    )
    max_cache_bytes: int = Field(
        default=8 * GIB,
        ge=0,
        description="Most bytes of unpacked images that are kept to show them fast; what was not "
        "looked at for longest goes first.",
    )
    pacs: tuple[Pacs, ...] = Field(
        default=(),
        description="Archives that results go to and studies are fetched from, as a JSON list.",
    )
    segmentation_labelmap: bool = Field(
        default=False,
        description="Write segmentations as label maps: smaller, but archives and viewers from "
        "before 2024 do not know the class.",
    )
    heartbeat_limit_s: float = Field(
        default=30.0, gt=0, description="Silence after which a worker counts as gone."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least severity that is logged."
    )
    log_format: Literal["json", "text"] = Field(
        default="json", description="One JSON object a line, or text for people."
    )

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [pacs.name for pacs in self.pacs]
        if len(set(names)) < len(names):
            raise ValueError("each PACS needs a name of its own")
        return self
