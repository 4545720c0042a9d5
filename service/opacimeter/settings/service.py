"""Settings of the service."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from opacimeter.settings.listener import Listener
from opacimeter.settings.pacs import Pacs
from opacimeter.settings.sources import sources
from opacimeter.settings.webhook import Webhook

__all__ = ["Settings"]

GIB = 1 << 30

# Never a wildcard: any page that a browser of the house shows could read patients' data then.
Origin = Annotated[str, Field(pattern=r"^https?://[a-z0-9.:\[\]-]+$")]


class Settings(BaseSettings):
    """What `serve` and `work` need; only the composition roots read it.

    Every field is an environment variable: `data_dir` is OPACIMETER_DATA_DIR, and so on.
    """

    model_config = SettingsConfigDict(env_prefix="OPACIMETER_", extra="forbid", frozen=True)

    config: Path | None = Field(
        default=None,
        description="TOML file with these settings, named as here in lower case and without "
        "OPACIMETER_; what the environment says goes before. A name that is no setting is an "
        "error.",
    )
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
    allowed_origins: tuple[Origin, ...] = Field(
        default=(),
        description="Origins of viewers, as a JSON list, whose pages may read what DICOMweb "
        "gives: scheme, host in lower case, and port where it is not the scheme's own.",
    )
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/]",
        description="Address under which others reach this service; links in webhooks begin with "
        "it, with a slash where absent.",
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
    keep_others_days: float = Field(
        default=7.0,
        gt=0,
        le=3650,
        description="Days after which objects received one by one that belong to no assessment are "
        "removed: other modalities, unwanted images, results that an archive sends back.",
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
    listener: Listener | None = Field(
        default=None,
        description="Whether and how studies are taken in by C-STORE, as a JSON object; not at all "
        "if absent.",
    )
    webhooks: tuple[Webhook, ...] = Field(
        default=(), description="Who is told when an assessment ends, as a JSON list."
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

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """See `sources`."""
        return sources(settings_cls, init_settings, env_settings)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [pacs.name for pacs in self.pacs] + [each.name for each in self.webhooks]
        if len(set(names)) < len(names):
            raise ValueError("each PACS and each webhook needs a name of its own")
        return self

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        """Of two that want one port, the archive's images would never come."""
        taken = self.listener.port if self.listener is not None else None
        for pacs in self.pacs:
            if pacs.kind == "dimse" and (pacs.move or pacs.commit) and pacs.receive_port == taken:
                raise ValueError(
                    f"the listener and receive_port of {pacs.name} are both port {taken}; each "
                    "needs one of its own"
                )
        return self
