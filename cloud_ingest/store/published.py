# SPDX-License-Identifier: MIT
"""A closed month as it stands: the numbers that its manifest names, of all subjects or of one.

The manifest of a large society is long, so that its entries are not read as values: a number
stands if the manifest has its hash.

In: a society, a month, perhaps a subject. Out: what was published and not taken back, what is
withheld, withdrawn or held, and the channels of the meters. Never: a write, a decision.
"""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.manifests import manifest_line
from cloud_ingest.store.rows import all_rows
from shared_schema.billing import (
    Approval,
    Held,
    ManifestEntry,
    MonthlyConsumption,
    Unassigned,
    Withheld,
)
from shared_schema.events import Subject
from shared_schema.message import Part, UtcDatetime

_PROVISIONAL = b'"status":"provisional"'
_HASHES = re.compile(rb'"sha256":"([0-9a-f]{64})"')


@dataclass(frozen=True, slots=True)
class PublishedMonth:
    """A closed month, or what it says of one subject."""

    closed_at: datetime
    numbers: tuple[MonthlyConsumption, ...]
    withheld: tuple[Withheld, ...]
    withdrawn: tuple[ManifestEntry, ...]
    held: tuple[Held, ...]
    unassigned: tuple[Unassigned, ...] = ()
    """What meters counted and nobody is charged for."""
    approved: Approval | None = None
    """None: nobody approved it, or it was opened again."""


@dataclass(frozen=True, slots=True)
class PublishedStates:
    """How many numbers of a closed month stand, and which do not."""

    closed_at: datetime
    published: int
    withheld: tuple[Withheld, ...]
    withdrawn: tuple[ManifestEntry, ...]
    held: tuple[Held, ...]
    provisional: int = 0
    """How many of the published ones are."""
    approved: Approval | None = None


@dataclass(frozen=True, slots=True)
class MeterChannel:
    """A channel of a meter, with its unit and scaler."""

    manufacturer: str
    serial: str
    channel_id: int
    obis: str
    unit: int
    scaler: int


@dataclass(frozen=True, slots=True)
class Balanced:
    """What may be in the balance of a tower."""

    tower: str
    units: Collection[str]
    """Labels of units that hang there by now, beside those of which a number says so."""

    @property
    def said(self) -> bytes:
        """How a number names the tower."""
        return b'"tower":' + json.dumps(self.tower, ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class _KeptLine:
    message: bytes
    sha256: str


class _Rest(Part):
    """A manifest without its entries."""

    withheld: tuple[Withheld, ...]
    withdrawn: tuple[ManifestEntry, ...] = ()
    held: tuple[Held, ...] = ()
    unassigned: tuple[Unassigned, ...] = ()
    approved: Approval | None = None
    closed_at: UtcDatetime


@translating
def published_states(conn: Connection, society_id: int, month: str) -> PublishedStates | None:
    """Return how many numbers of a closed month stand, and which do not; None: it is open."""
    line = manifest_line(conn, society_id, month)
    if line is None:
        return None
    rest = _rest(line)
    named = len(_HASHES.findall(line)) - len(rest.withdrawn)
    provisional = line.partition(b'"withheld":')[0].count(_PROVISIONAL)
    told = (rest.withheld, rest.withdrawn, rest.held)
    return PublishedStates(rest.closed_at, named, *told, provisional, rest.approved)


def _rest(manifest: bytes) -> _Rest:
    """Return a manifest without its entries, which come before: a label has no bare quote in it."""
    _, withheld, rest = manifest.partition(b'"withheld":')
    return _Rest.from_line(b"{" + withheld + rest)


@translating
def published_month(
    conn: Connection,
    society_id: int,
    month: str,
    *,
    subject_type: SubjectKind | None = None,
    subject: str | None = None,
    balanced: Balanced | None = None,
) -> PublishedMonth | None:
    """Return a closed month, or what it says of some; None: it is open.

    Args:
        conn: A connection.
        society_id: Whose.
        month: Its name.
        subject_type: Of one kind; None: of all.
        subject: Of one subject; None: of all.
        balanced: The numbers that may be in the balance of one tower alone; None: all.
    """
    line = manifest_line(conn, society_id, month)
    if line is None:
        return None
    rest = _rest(line)

    def is_asked(found: Subject) -> bool:
        return subject is None or (found.type.value, found.id) == (subject_type, subject)

    kept = all_rows(
        conn,
        _KeptLine,
        """
        SELECT DISTINCT ON (subject_type, subject, service) message, sha256 FROM month_number
        WHERE society_id = %(society_id)s AND month = %(month)s
          AND (%(subject)s::text IS NULL
               OR subject = %(subject)s AND subject_type = %(subject_type)s)
          AND (%(tower)s::bytea IS NULL OR subject_type <> 'unit'
               OR subject = ANY(%(labels)s) OR position(%(tower)s IN message) > 0)
        ORDER BY subject_type, subject, service, version DESC
        """,
        {
            "society_id": society_id,
            "month": month,
            "subject": subject,
            "subject_type": subject_type,
            "tower": None if balanced is None else balanced.said,
            "labels": [] if balanced is None else list(balanced.units),
        },
        prepare=False,
    )
    hashes = line if subject is not None else frozenset(_HASHES.findall(line))
    return PublishedMonth(
        closed_at=rest.closed_at,
        numbers=tuple(
            MonthlyConsumption.from_line(each.message)
            for each in kept
            if each.sha256.encode() in hashes
        ),
        withheld=tuple(each for each in rest.withheld if is_asked(each.subject)),
        withdrawn=tuple(each for each in rest.withdrawn if is_asked(each.subject)),
        held=tuple(each for each in rest.held if is_asked(each.subject)),
        unassigned=rest.unassigned if subject is None else (),
        approved=rest.approved,
    )


@translating
def channels_of(
    conn: Connection, society_id: int, meters: Collection[tuple[str, str]], codes: Collection[str]
) -> list[MeterChannel]:
    """Return the channels of meters, by manufacturer and serial number, that hold codes."""
    return all_rows(
        conn,
        MeterChannel,
        """
        SELECT m.manufacturer, m.serial, c.channel_id, c.obis, c.unit, c.scaler
        FROM unnest(%(manufacturers)s::text[], %(serials)s::text[]) AS own (manufacturer, serial)
        JOIN meter AS m USING (manufacturer, serial)
        JOIN channel AS c USING (meter_id)
        WHERE m.society_id = %(society_id)s AND c.obis = ANY(%(codes)s::text[])
        ORDER BY c.channel_id
        """,
        {
            "society_id": society_id,
            "manufacturers": [manufacturer for manufacturer, _ in meters],
            "serials": [serial for _, serial in meters],
            "codes": sorted(codes),
        },
    )
