"""Settings: everything an operator can turn, read from the environment (prefix OPACIMETER_)."""

import re
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["Settings"]

GIB = 1 << 30


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
    heartbeat_limit_s: float = Field(
        default=30.0, gt=0, description="Silence after which a worker counts as gone."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least severity that is logged."
    )
    log_format: Literal["json", "text"] = Field(
        default="json", description="One JSON object a line, or text for people."
    )
