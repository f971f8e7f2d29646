# SPDX-License-Identifier: MIT
"""Invitations of gateways: made by the cloud's key, and looked at again when a request comes back.

No table keeps them. That one enrols a single key follows from the requests that are kept with the
certificates, and from the rule that a gateway has one key at a time.

In: names, the cloud's key, a request. Out: the bytes of an invitation; who was invited.
Never: a gateway enrolled; a secret in an invitation.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cloud_ingest.errors import ConfigurationError, UserError
from cloud_ingest.operate.enrolment import Request
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.gateway_keys import issued_requests
from shared_schema.certificates import PEM
from shared_schema.enrolment import open_request
from shared_schema.errors import ContractError
from shared_schema.invitation import (
    Invitation,
    encoded_key,
    has_ended,
    make_invitation,
    open_invitation,
)
from shared_schema.message import format_utc
from shared_schema.signing import SigningKey, VerifyKey, key_id
from shared_schema.tls import TlsFault, read_certificate

DEFAULT_DAYS: Final = 30
_TLS_PORT: Final = 8883
_BROKER: Final = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?"
)


@dataclass(frozen=True, slots=True)
class Guest:
    """The gateway that is invited."""

    gateway: str
    society: str
    tower: str | None
    broker: str
    """HOST, HOST:PORT or [ADDRESS]:PORT, as the gateway reaches it."""


def invite(guest: Guest, ca_file: Path, key: SigningKey, life: timedelta, now: datetime) -> bytes:
    """Return an invitation.

    Args:
        guest: Who is invited.
        ca_file: The certificate of the authority that signs the broker's.
        key: The cloud's.
        life: How long a request by it is taken.
        now: This moment, aware.

    Raises:
        ConfigurationError: the authority's certificate cannot be read.
        UserError: a name that cannot be one.
    """
    match = _BROKER.fullmatch(guest.broker)
    port = _TLS_PORT if match is None else int(match["port"] or _TLS_PORT)
    if match is None or not 0 < port <= 0xFFFF:
        raise UserError(f"--broker {guest.broker!r}: write host or host:port")
    try:
        authority = read_certificate(ca_file, str(ca_file)).public_bytes(PEM).decode()
        said = Invitation(
            number=secrets.token_hex(32),
            gateway=guest.gateway,
            society=guest.society,
            tower=guest.tower,
            broker_host=match["v6"] or match["host"],
            broker_port=port,
            authority=authority,
            key=encoded_key(key),
            ends_at=(now + life).replace(microsecond=0),
        )
    except TlsFault as fault:
        raise ConfigurationError(f"--ca: {fault}") from None
    except ValueError:
        raise UserError(
            "a gateway's name has 1 to 63 letters, digits, '_', '.' and '-', a society's and a "
            "tower's 1 to 64 characters"
        ) from None
    return make_invitation(said, key)


def invited(
    conn: Connection, request: Request, key: VerifyKey | None, now: datetime, *, renewal: bool
) -> Invitation | None:
    """Return the invitation that a request was made by; None where it was made without.

    Args:
        conn: The store.
        request: What the gateway signed.
        key: The cloud's public key.
        now: This moment, aware.
        renewal: The gateway is enrolled already: the end of its invitation is past caring for.

    Raises:
        ConfigurationError: no key is there to look at the invitation with.
        UserError: it is not ours, for another gateway, over, or enrolled another key.
    """
    asked = request.asked.request
    if asked.invitation is None:
        return None
    if key is None:
        raise ConfigurationError(
            f"{request.path} was made by an invitation: name the cloud's key that signed it "
            "(cloud_key_file of the settings)"
        )
    try:
        found = open_invitation(asked.invitation.encode(), key)
    except ContractError as error:
        raise UserError(
            f"{request.path} was made by an invitation that this cloud did not write: {error}: "
            "ask who gave it to the installer; nothing was enrolled"
        ) from None
    if (found.gateway, found.society) != (asked.gateway, asked.society):
        raise UserError(
            f"{request.path} asks for {asked.gateway} in {asked.society}, but was invited as "
            f"{found.gateway} in {found.society}: make it anew with the right invitation"
        )
    if has_ended(found, now) and not renewal:
        raise UserError(
            f"the invitation of {request.path} ended at {format_utc(found.ends_at)}: write a new "
            "one (cloud-ingest invite)"
        )
    _refuse_used(conn, request, found)
    return found


def _refuse_used(conn: Connection, request: Request, found: Invitation) -> None:
    """Refuse an invitation by which another key was enrolled."""
    own = key_id(request.asked.key)
    for each in issued_requests(conn, found.gateway):
        before = open_request(each.request)
        used, other = before.request.invitation, key_id(before.key)
        if used and other != own and open_invitation(used.encode()).number == found.number:
            raise UserError(
                f"the invitation of {request.path} enrolled another key, {other}: write a new one "
                "for the new machine (cloud-ingest invite)"
            )
