# SPDX-License-Identifier: MIT
"""Everything that is kept of one person, as values.

Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from cloud_ingest.core.role import Role
from shared_schema.export import MonthExport


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """A person's account."""

    account_id: int
    login: str
    name: str
    language: str | None
    has_password: bool
    created_at: datetime
    ended_at: datetime | None
    erased_at: datetime | None


@dataclass(frozen=True, slots=True)
class OwnRole:
    """What a person is or was to a society."""

    society: str
    role: Role
    unit: str | None
    since: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class OwnSession:
    """When a person was signed in."""

    society: str
    role: Role
    created_at: datetime
    seen_at: datetime
    ends_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class OwnIdentity:
    """Who a person is or was to another service that signs people in."""

    issuer: str
    subject: str
    linked_at: datetime
    ended_at: datetime | None


class Act(NamedTuple):
    """One thing that a person said or did."""

    society: str
    table: str
    said_by: str
    """The column that has the name."""
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OwnAccess:
    """What was done about a person's access, as the audit log has it."""

    society: str
    at: datetime
    what: str
    by_oneself: bool
    detail: str


@dataclass(frozen=True, slots=True)
class OwnReading:
    """What a person sent of a dial, and what became of it."""

    submission_id: int
    receipt: UUID
    society: str
    subject: str
    service: str
    source: str
    shown: str
    read_at: datetime
    received_at: datetime
    decision: str | None
    decided_because: str | None
    decided_at: datetime | None
    photo_sha256: str | None
    """Of the bytes that came; None: no photo came."""
    jpeg: bytes | None = field(repr=False)
    """None: there is none, or it is no longer kept."""


@dataclass(frozen=True, slots=True)
class OwnLink:
    """A personal link of the unit where a person lives."""

    society: str
    unit: str
    service: str | None
    created_at: datetime
    ends_at: datetime
    revoked_at: datetime | None


class UnitMonth(NamedTuple):
    """A closed month of the unit where a person lives."""

    unit: str
    month: MonthExport
    days: Mapping[tuple[str, str], Mapping[date, Decimal]]
    """By maker and serial number of a meter: what it counted."""


@dataclass(frozen=True, slots=True)
class Person:
    """What is kept of a person."""

    made_at: datetime
    account: OwnAccount
    roles: Sequence[OwnRole]
    sessions: Sequence[OwnSession]
    identities: Sequence[OwnIdentity]
    access: Sequence[OwnAccess]
    acts: Sequence[Act]
    readings: Sequence[OwnReading]
    links: Sequence[OwnLink]
    not_told: Sequence[str]
    """Societies in which somebody else has the same name: whose acts are whose, nobody can tell."""
    months: Sequence[UnitMonth]
