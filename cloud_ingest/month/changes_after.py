# SPDX-License-Identifier: MIT
"""What changed of a month after it was closed: each number that was sent again, and why.

A change has one of these roots: what a person entered of the meter or said of the number; a change
of the list of units; a word on another number that goes with it; the month before, which ends
elsewhere now; a rule of validation, which no longer believes a border; or readings that came late.

In: a society, a month, perhaps a moment. Out: values for a terminal or JSON. Never: a write.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby, pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import Month
from cloud_ingest.month.change_root import ChangeCause, Known, change_cause
from cloud_ingest.month.changed_rules import rules_against
from cloud_ingest.month.closing import key_of
from cloud_ingest.month.explain_parts import border_changes, borders_of
from cloud_ingest.month.explanation import BorderChange
from cloud_ingest.month.heard import bears_on, number_key
from cloud_ingest.month.waiting import Waiting, waiting_numbers
from cloud_ingest.settings_society import RunRules
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.month_changes import (
    FirstClosing,
    SentMessage,
    accepted_at,
    first_closing,
    sent_after,
)
from cloud_ingest.store.months import KeptNumber, KeptWithdrawal, Replaced
from cloud_ingest.store.number_words import NumberKey, acts, number_words
from cloud_ingest.store.registry import find_society
from shared_schema.billing import BILLING_UNITS, MonthlyConsumption
from shared_schema.catalogue import Service
from shared_schema.message import DecimalText
from shared_schema.quality import Quality, Reason

FIRST_TURN = timedelta(hours=1)
"""So long the run may take for what it sends first at `settles_at`: that is not late."""

Kind = Literal["sent_late", "changed", "withdrawn", "sent_again"]


@dataclass(frozen=True, slots=True)
class NumberChange:
    """One message that changed what billing holds of a number."""

    kind: Kind
    version: int
    at: datetime
    """When the month was closed again."""
    before: DecimalText | None
    """None: nothing stood."""
    after: DecimalText | None
    """None: nothing stands."""
    quality_before: Quality | None
    quality: Quality | None
    reasons: tuple[Reason, ...]
    cause: ChangeCause
    borders: tuple[BorderChange, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangedNumber:
    """A number with each of its changes, and what they come to."""

    subject_type: str
    subject: str
    tower: str | None
    service: Service
    unit: str
    before: DecimalText | None
    after: DecimalText | None
    difference: DecimalText
    """What billing holds more than before; negative: less."""
    changes: tuple[NumberChange, ...]


@dataclass(frozen=True, slots=True)
class MonthChanges:
    """What changed of a month after it was closed."""

    society: str
    month: str
    closed_at: datetime | None
    """For the first time, or until it had sent its first numbers by itself; None: it is open."""
    since: datetime | None
    """Only what was sent after it; None: all."""
    numbers: tuple[ChangedNumber, ...]
    sums: Mapping[Service, DecimalText]
    """Of the differences, by service."""
    held: tuple[Waiting, ...]
    """Changes that wait for a person: what was sent stands."""


def settles_at(rules: RunRules, month: Month, zone: ZoneInfo) -> datetime | None:
    """Return until when a month sends its first numbers by itself; None: persons close it."""
    if not rules.is_on:
        return None
    return datetime.combine(month.end.astimezone(zone).date(), rules.provisional_at, zone)


@translating
def month_changes(
    conn: Connection,
    society: str,
    month: Month,
    since: datetime | None = None,
    *,
    settled_at: datetime | None = None,
) -> MonthChanges:
    """Return what changed of a month after it was closed for the first time.

    Args:
        conn: The store.
        society: Its name.
        month: The month.
        since: Leave out what was sent up to then.
        settled_at: Up to when the month sends its first numbers by itself (`settles_at`); None:
            persons close it.

    Raises:
        NotFound: no such society.
    """
    society_id = find_society(conn, society)
    closing = first_closing(conn, society_id, str(month))
    if closing is None:
        return MonthChanges(society, str(month), None, since, (), {}, ())
    on_time = closing.at
    if settled_at is not None:
        closing = replace(closing, at=max(closing.at, settled_at))
        on_time = max(closing.at, settled_at + FIRST_TURN)
    sent = sent_after(conn, society_id, str(month), closing.at)
    numbers = [list(own) for _, own in groupby(sent, key=_key)]
    known = _known(conn, society_id, month, numbers, closing)
    changed = [_changed(own, known, closing, on_time, since) for own in numbers]
    found = [each for each in changed if each is not None]
    sums: dict[Service, Decimal] = {}
    with exactly():
        for each in found:
            sums[each.service] = sums.get(each.service, Decimal(0)) + each.difference
    held = [each for each in waiting_numbers(conn, society, str(month)) if each.state == "held"]
    return MonthChanges(society, str(month), closing.at, since, tuple(found), sums, tuple(held))


def _key(sent: SentMessage) -> NumberKey:
    return number_key(key_of(sent.message))


def _known(
    conn: Connection,
    society_id: int,
    month: Month,
    numbers: Sequence[Sequence[SentMessage]],
    closing: FirstClosing,
) -> Known:
    heard = min([closing.heard, *(each.heard for own in numbers for each in own)])
    entered = acts(conn, society_id, heard) if numbers else []
    times = {each.message.closed_at for own in numbers for each in own}
    return Known(
        month,
        [act for act in entered if bears_on(act, month.start, month.end)],
        number_words(conn, society_id, str(month)),
        {word.recorded_at: word for word in accepted_at(conn, society_id, times)},
        rules_against(conn, society_id, numbers),
    )


def _changed(
    own: Sequence[SentMessage],
    known: Known,
    closing: FirstClosing,
    on_time: datetime,
    since: datetime | None,
) -> ChangedNumber | None:
    """Return a number with its changes; None: it has none after a moment."""
    first, last = own[0].message, own[-1].message
    changes = [_change(former, now, known) for former, now in pairwise(own)]
    if first.closed_at > on_time:
        changes.insert(0, _first_sent(own[0], closing, known))
    changes = [each for each in changes if since is None or each.at > since]
    if not changes:
        return None
    before, after = changes[0].before, changes[-1].after
    tower = next((each.number.tower for each in reversed(own) if each.number), None)
    with exactly():
        difference = (after or Decimal(0)) - (before or Decimal(0))
    return ChangedNumber(
        first.subject.type.value,
        first.subject.id,
        tower,
        last.service,
        BILLING_UNITS[last.service],
        before,
        after,
        difference,
        tuple(changes),
    )


def _first_sent(sent: SentMessage, closing: FirstClosing, known: Known) -> NumberChange:
    """Return why a number was first sent after the month was closed."""
    nothing = Replaced(*_key(sent), version=0, quantity=None, heard=closing.heard, number=None)
    return _told("sent_late", nothing, sent, known, ())


def _change(former: SentMessage, now: SentMessage, known: Known) -> NumberChange:
    number = former.number
    replaced = Replaced(
        *_key(former),
        version=former.message.version,
        quantity=None if number is None else number.quantity,
        heard=former.heard,
        number=number,
    )
    kind: Kind = "sent_again" if number is None else "changed"
    borders = tuple(border_changes(borders_of(former.message), borders_of(now.message)))
    return _told("withdrawn" if now.number is None else kind, replaced, now, known, borders)


def _told(
    kind: Kind,
    former: Replaced,
    now: SentMessage,
    known: Known,
    borders: tuple[BorderChange, ...],
) -> NumberChange:
    message = now.message
    return NumberChange(
        kind=kind,
        version=message.version,
        at=message.closed_at,
        before=former.quantity,
        after=None if now.number is None else now.number.quantity,
        quality_before=None if former.number is None else former.number.quality,
        quality=None if now.number is None else now.number.quality,
        reasons=message.reasons,
        cause=change_cause(_key(now), former, _newest(now), known),
        borders=borders,
    )


def _newest(sent: SentMessage) -> KeptNumber | KeptWithdrawal:
    message = sent.message
    if isinstance(message, MonthlyConsumption):
        return KeptNumber(message, b"", sent.sha256, sent.heard)
    return KeptWithdrawal(message, b"", sent.sha256, sent.heard)
