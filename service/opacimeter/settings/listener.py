"""Settings of the listener that takes objects by C-STORE."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from opacimeter.settings.pacs import AeTitle

__all__ = ["Listener", "Sender"]

Network = IPv4Network | IPv6Network


class Sender(BaseModel):
    """One who may open associations."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    aet: AeTitle = Field(description="Its AE title.")
    addresses: Annotated[tuple[Network, ...], Field(min_length=1)] = Field(
        description="IP addresses or networks that it calls from."
    )
    report_host: str | None = Field(
        default=None,
        description="Where it takes reports of storage commitment; on the association by which it "
        "asked where absent.",
    )
    report_port: int | None = Field(default=None, ge=1, le=65_535, description="The port there.")

    @model_validator(mode="after")
    def _reported(self) -> Self:
        if (self.report_host is None) != (self.report_port is None):
            raise ValueError("report_host and report_port go together")
        return self


class Listener(BaseModel):
    """The C-STORE SCP."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    aet: AeTitle = Field(default="OPACIMETER", description="AE title of this side.")
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=11_112, ge=0, le=65_535, description="Port; 0 takes a free one.")
    senders: Annotated[tuple[Sender, ...], Field(min_length=1)] = Field(
        description="Those who may send; all others are rejected."
    )
    authorities: Path | None = Field(
        default=None,
        description="Certificates in PEM, of which a sender's must be signed by one.",
    )
    certificate: Path | None = Field(
        default=None, description="Certificate of this side, PEM; the line is plain without."
    )
    key: Path | None = Field(default=None, description="Its private key, PEM.")
    max_associations: int = Field(default=10, ge=1, le=100, description="Most at the same time.")
    timeout_s: float = Field(
        default=60.0, gt=0, description="Silence after which an association is ended."
    )

    @model_validator(mode="after")
    def _secured(self) -> Self:
        """What is named and then not used would leave a line open that is thought to be closed."""
        if self.certificate is None and (self.key, self.authorities) != (None, None):
            raise ValueError("a key or authorities need a certificate of this side")
        return self
