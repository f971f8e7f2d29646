# SPDX-License-Identifier: MIT
"""What settings say of the pages: where they are served, and who is believed about whom they serve.

In: values of cloud.toml. Out: the same, checked. Pure. Never: a secret; it stands in a file.
"""

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from cloud_ingest.settings_receivers import safe_url
from shared_schema.settings.kinds import Kind, SecretFile

OF_SOCKET: Final = "unix"
"""A proxy that asks at a socket of the file system."""


def _is_an_address(address: str) -> str:
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError("it wants a host and a port, as in 127.0.0.1:9464")
    return address


def _are_networks(trusted: tuple[str, ...]) -> tuple[str, ...]:
    for each in trusted:
        try:
            if each != OF_SOCKET:
                ip_network(each)
        except ValueError:
            raise ValueError(
                f"{each!r} is no address and no network: say 127.0.0.1, 10.0.0.0/8 or unix"
            ) from None
    return trusted


HostAndPort: TypeAlias = Annotated[str, Kind("host and port"), AfterValidator(_is_an_address)]
Proxies: TypeAlias = Annotated[
    tuple[str, ...],
    Kind("list of addresses, networks, or `unix`"),
    AfterValidator(_are_networks),
]


class OidcSettings(BaseModel):
    """Another service that signs people in, by OpenID Connect."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str
    """Its address as it calls itself: ``https://…``, and plain ``http://`` only to this machine
    itself."""
    client_id: str = Field(min_length=1, max_length=255)
    """What it calls us."""
    client_secret_file: SecretFile
    """The secret by which it knows us."""
    name: str = Field(min_length=1, max_length=40)
    """What people call it: it stands on the button."""
    ca_file: Path | None = None
    """The authority that signed its certificate (PEM). None: the system's."""

    @field_validator("issuer")
    @classmethod
    def _is_safe(cls, issuer: str) -> str:
        return safe_url(issuer, "https://login.example")
