# SPDX-License-Identifier: GPL-2.0-only
"""What a person says of one gateway before its card is written: answers.toml, or the options.

A class is a table of answers.toml. Each value has the form that the file which it ends in can
hold, so that nothing typed here becomes a key, a command or a line of its own there.

In: the tables of the file. Out: frozen models.
Never: a password in a model; one is read where it is turned into a key.
"""

import base64
import binascii
import hashlib
import ipaddress
import re
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from edge_agent.errors import ConfigurationError, Setup
from edge_agent.secret_files import read_secret
from edge_agent.settings.gateway import known_zone
from shared_schema.message import GatewayName

_HOST: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")
_SSH_KEY: Final = re.compile(
    r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-ssh-ed25519@openssh\.com"
    r"|sk-ecdsa-sha2-nistp256@openssh\.com) ([A-Za-z0-9+/]+={0,2})( [ -~]{1,200})?"
)
_LONGEST_SSID: Final = 32
_KEY_DIGITS: Final = 64
_ROUNDS: Final = 4096
_KEY_BYTES: Final = 32


def _host(text: str) -> str:
    if len(text) > 253 or not (_HOST.fullmatch(text) or _is_address(text)):
        raise ValueError("is no name or address of a host")
    return text


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _interface(text: str) -> str:
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        raise ValueError("is no address with its length, such as 192.168.1.20/24") from None
    if "/" not in text:
        raise ValueError("has no length after it, such as 192.168.1.20/24")
    return text


def _address(text: str) -> str:
    if not _is_address(text):
        raise ValueError("is no address, such as 192.168.1.1")
    return text


def _ssh_key(text: str) -> str:
    line = text.strip()
    match = _SSH_KEY.fullmatch(line)
    kind = b"" if match is None else match[1].encode()
    try:
        blob = b"" if match is None else base64.b64decode(match[2], validate=True)
    except binascii.Error:
        blob = b""
    if not kind or blob[:4] != len(kind).to_bytes(4) or blob[4 : 4 + len(kind)] != kind:
        raise ValueError("is no public key of SSH: one line, such as ssh-ed25519 AAAA… name")
    return line


def _ssid(text: str) -> str:
    if not 1 <= len(text.encode(errors="replace")) <= _LONGEST_SSID or not text.isprintable():
        raise ValueError("is no name of a Wi-Fi: 1 to 32 bytes, without control characters")
    return text


Host = Annotated[str, AfterValidator(_host)]
Address = Annotated[str, AfterValidator(_address)]
SshKey = Annotated[str, AfterValidator(_ssh_key)]


class Table(BaseModel):
    """A table of answers.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Ethernet(Table):
    """``[ethernet]``: a fixed address; without this table the network gives one (DHCP)."""

    address: Annotated[str, AfterValidator(_interface)]
    """With its length: ``192.168.1.20/24``."""
    router: Address
    """The way to the broker and to the time service."""
    dns: tuple[Address, ...] = Field(min_length=1, max_length=4)
    """Who knows names: one to four addresses."""

    @model_validator(mode="after")
    def _one_network(self) -> Self:
        network = ipaddress.ip_interface(self.address).network
        if ipaddress.ip_address(self.router) not in network:
            raise ValueError(f"the router {self.router} is not in the network {network}")
        return self


class Wifi(Table):
    """``[wifi]``: the network that the gateway joins."""

    ssid: Annotated[str, AfterValidator(_ssid)]
    """Its name, as the phone shows it."""
    password_file: Path
    """A file with its password, 8 to 63 characters, mode 0600."""
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    """Whose rules of radio hold: two letters, ``IN``."""
    hidden: bool = False
    """It does not tell its name."""

    def key(self) -> str:
        """Return the network's key in hexadecimal: what WPA makes of name and password.

        Raises:
            ConfigurationError: the file cannot be read, others may read it, or it holds none.
        """
        secret = read_secret(self.password_file, "the Wi-Fi's password").rstrip(b"\r\n")
        if re.fullmatch(rb"[0-9A-Fa-f]{64}", secret):
            return secret.decode().lower()
        if not re.fullmatch(rb"[ -~]{8,63}", secret):
            raise ConfigurationError(
                f"{self.password_file} must hold the Wi-Fi's password, 8 to 63 characters of "
                f"ASCII, or its key, {_KEY_DIGITS} hexadecimal digits",
                of=Setup.SECRET,
            )
        return hashlib.pbkdf2_hmac("sha1", secret, self.ssid.encode(), _ROUNDS, _KEY_BYTES).hex()


class Answers(Table):
    """One gateway: who it is, who may log in, its network, and what it installs."""

    gateway: GatewayName
    """The gateway's name, as it will be enrolled."""
    hostname: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")] = (
        ""
    )
    """What the network calls it; empty makes it of the gateway's name."""
    user: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,30}$")] = "installer"
    """Who logs in by SSH. There is no password."""
    ssh_keys: tuple[SshKey, ...] = Field(min_length=1, max_length=20)
    """Public keys that may log in."""
    time_zone: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$"),
        AfterValidator(known_zone),
    ]
    """Of what a person sees, such as ``Asia/Kolkata``; readings are in UTC."""
    locale: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]{1,12}\.UTF-8$")] = "C.UTF-8"
    """Of messages of the system."""
    ntp: tuple[Host, ...] = Field(default=(), max_length=8)
    """Time services; none takes Debian's own."""
    ethernet: Ethernet | None = None
    wifi: Wifi | None = None
    package: Path
    """The agent's package, ``edge-agent_….deb``."""
    invitation: Path | None = None
    """The file of ``cloud-ingest invite``: the first boot asks to be enrolled by it."""
    root_gib: int = Field(default=8, ge=4, le=64)
    """Room for the system; the rest of the card keeps readings and keys."""
    read_only: bool = True
    """The system is not written in service, so that a cut of the power cannot harm it."""
    updates: bool = True
    """Security updates once a week, in a window with two restarts."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: object) -> object:
        if isinstance(given, dict) and not given.get("hostname") and "gateway" in given:
            made = re.sub(r"[^a-z0-9]+", "-", str(given["gateway"]).lower()).strip("-")
            return {**given, "hostname": made or "gateway"}
        return given

    @model_validator(mode="after")
    def _user_is_a_person(self) -> Self:
        if self.user in _SYSTEM_USERS:
            raise ValueError(f"user = {self.user!r} is a user of the system: take another name")
        return self


_SYSTEM_USERS: Final = frozenset(
    {"root", "edge-agent", "daemon", "bin", "sys", "nobody", "messagebus"}
)
