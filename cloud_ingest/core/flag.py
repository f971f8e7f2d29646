# SPDX-License-Identifier: MIT
"""The life of a flag, as values: what it is now, what listeners were told, what they are told next.

A flag is open as long as its rule finds the thing. Listeners are told of it when it opens, when it
ends, and in between only what is new: it is severe now, it began earlier, it doubled, a person saw
it, a day has passed. Apart from a rise of its severity and a person's word, that is at most one
message in `LEAST_BETWEEN`. While a mute lasts listeners are told that the flag ended, muted; what
is still there at the end of the mute is told again.

In: a flag, what is found, the time. Out: the flag afterwards, and the message. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from shared_schema.events import (
    Acknowledgement,
    Event,
    EventKind,
    EventService,
    HandOver,
    Severity,
    Subject,
    SubjectType,
    Unit,
)
from shared_schema.evidence import EVIDENCE, Evidence
from shared_schema.text import LONGEST_LABEL

SAME_WITHIN: Final = timedelta(hours=72)
"""The same thing again so soon after its end is the same flag."""
EARLIER_BY: Final = timedelta(hours=1)
"""So much earlier must it have begun than was told."""
LEAST_BETWEEN: Final = timedelta(minutes=15)
DAILY: Final = timedelta(days=1)
AT_ONCE: Final = timedelta()
MAX_MESSAGE: Final = 400
"""Characters that the contract allows."""

Slot = tuple[int, EventKind, SubjectType, str]
"""Society, kind, subject: what a person mutes."""
Key = tuple[int, SubjectType, str, EventService]
"""Society, subject, service: one flag of a kind is open for each at most."""


class Change(StrEnum):
    """What happened to a flag."""

    RAISED = "raised"
    UPDATED = "updated"
    ACKNOWLEDGED = "acknowledged"
    HANDED = "handed"
    """A person hands it to the helpdesk."""
    MUTED = "muted"
    UNMUTED = "unmuted"
    CLEARED = "cleared"
    RAISED_AGAIN = "raised_again"
    RECLASSIFIED = "reclassified"
    """What is over turned out otherwise: readings came late."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says of one subject now."""

    kind: EventKind
    society_id: int
    society: str
    severity: Severity
    subject: Subject
    unit: Unit | None
    """The unit that it is about, whatever its subject is; None where there is none."""
    service: EventService
    since: datetime
    message: str
    evidence: Evidence
    """Of the model that `shared_schema.evidence` has for the kind."""

    @property
    def key(self) -> Key:
        """What makes two findings of a kind the same thing."""
        return (self.society_id, self.subject.type, self.subject.id, self.service)

    @property
    def slot(self) -> Slot:
        """What a mute of its flag names."""
        return (self.society_id, self.kind, self.subject.type, self.subject.id)

    def says(self) -> dict[str, Any]:
        """Return the fields of an event that a rule decides."""
        return {
            "severity": self.severity,
            "unit": self.unit,
            "since": self.since,
            "message": self.message[:MAX_MESSAGE],
            "evidence_schema": self.evidence.SCHEMA,
            "evidence": self.evidence.document(),
        }


@dataclass(frozen=True, slots=True)
class Mute:
    """Nobody is to be told of a kind of flag of a subject, until a time."""

    kind: EventKind
    subject: Subject
    until: datetime
    by: str
    reason: str
    created_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None
    """None: its date came."""
    ended_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag as it is stored."""

    society_id: int
    event: Event
    """As it is now; a mute changes nothing of it."""
    told: Event | None = None
    """The last message of it, as it was sent."""
    told_at: datetime | None = None
    tell_at: datetime | None = None
    """When it is told again at the latest; None: nothing waits."""
    mute: Mute | None = None

    @property
    def key(self) -> Key:
        """What makes it and a finding of its kind the same thing."""
        event = self.event
        return (self.society_id, event.subject.type, event.subject.id, event.service)

    @property
    def slot(self) -> Slot:
        """What a mute of it names."""
        event = self.event
        return (self.society_id, event.kind, event.subject.type, event.subject.id)

    def is_muted(self, now: datetime) -> bool:
        """Say whether a person muted it."""
        return self.mute is not None and now < self.mute.until

    def would_change(self, finding: Finding) -> bool:
        """Say whether a rule says something else now than it said before."""
        return any(getattr(self.event, name) != value for name, value in finding.says().items())


def served_unit(subject_type: str, subject: str, tower: str | None) -> Unit:
    """Return the unit of an assignment; a bulk meter's is the tower that it measures."""
    if subject_type == "bulk":
        return Unit(type=SubjectType.TOWER, id=tower or subject, tower=tower or None)
    return Unit(type=SubjectType(subject_type), id=subject, tower=tower or None)


def meter_label(manufacturer: str, serial: str) -> str:
    """Return what the flags of a meter call it."""
    label = f"{manufacturer} {serial}"
    return label if len(label) <= LONGEST_LABEL else serial


def raised(finding: Finding, event_id: UUID, now: datetime) -> Flag:
    """Return the flag of what was not there before."""
    event = Event(
        id=event_id,
        society=finding.society,
        kind=finding.kind,
        subject=finding.subject,
        service=finding.service,
        state="open",
        raised_at=now,
        **finding.says(),
    )
    return Flag(finding.society_id, event)


def found_again(flag: Flag, finding: Finding) -> Flag:
    """Return a flag with what its rule says of it now; it is open again if it had ended."""
    if flag.event.state == "open":
        return _with(flag, **finding.says())
    again: dict[str, Any] = {
        "state": "open",
        "cleared_at": None,
        "ended": None,
        "acknowledged": None,
        "handed": None,
        "raises": flag.event.raises + 1,
    }
    return _with(flag, **again, **finding.says())


def is_same(flag: Flag, now: datetime) -> bool:
    """Say whether what is found now is this flag: it is open, or ended a short while ago."""
    ended = flag.event.cleared_at
    return ended is None or now - ended <= SAME_WITHIN


def cleared(flag: Flag, why: str, now: datetime) -> Flag:
    """Return a flag that is over."""
    message = f"Over: {why}. {flag.event.message}"[:MAX_MESSAGE]
    return _with(flag, state="cleared", cleared_at=now, ended="over", message=message)


def acknowledged(flag: Flag, by: str, now: datetime) -> Flag:
    """Return a flag that a person has seen."""
    return _with(flag, acknowledged=Acknowledgement(by=by, at=now))


def handed(flag: Flag, by: str, reason: str, now: datetime) -> Flag:
    """Return a flag that a person hands to the helpdesk."""
    return _with(flag, handed=HandOver(by=by, at=now, reason=reason))


def _with(flag: Flag, **changes: object) -> Flag:
    return replace(flag, event=flag.event.model_copy(update=changes))


@dataclass(frozen=True, slots=True)
class Spoken:
    """A flag, what listeners are told of it now, and why."""

    flag: Flag
    message: Event | None = None
    why: str = ""


def speak(flag: Flag, now: datetime) -> Spoken:
    """Say what listeners are told of a flag now, and when they are told again at the latest."""
    is_open = flag.event.state == "open" and not flag.is_muted(now)
    was_open = flag.told is not None and flag.told.state == "open"
    if not is_open and not was_open:
        waits = flag.mute.until if flag.mute and flag.event.state == "open" else None
        return Spoken(replace(flag, tell_at=waits))
    if not is_open:
        return _told(flag, _last_word(flag, now), "it ended", now)
    if flag.told is None or flag.told_at is None or not was_open:
        return _told(flag, flag.event, "it is there", now)
    new = news(flag.event, flag.told)
    if new is None:
        return Spoken(replace(flag, tell_at=None))
    after, why = new
    if now < flag.told_at + after:
        return Spoken(replace(flag, tell_at=flag.told_at + after))
    return _told(flag, flag.event, why, now)


def _told(flag: Flag, message: Event, why: str, now: datetime) -> Spoken:
    version = 1 if flag.told is None else flag.told.version + 1
    message = message.model_copy(update={"version": version})
    event = flag.event.model_copy(update={"version": version})
    waits = flag.mute.until if flag.mute and message.ended == "muted" else None
    done = replace(flag, event=event, told=message, told_at=now, tell_at=waits)
    return Spoken(done, message, why)


def _last_word(flag: Flag, now: datetime) -> Event:
    if flag.event.state == "cleared" or flag.mute is None:
        return flag.event
    words = f"Muted by {flag.mute.by}: {flag.mute.reason}. {flag.event.message}"
    muted = {
        "state": "cleared",
        "cleared_at": now,
        "ended": "muted",
        "muted_until": flag.mute.until,
        "message": words[:MAX_MESSAGE],
    }
    return flag.event.model_copy(update=muted)


def news(event: Event, told: Event) -> tuple[timedelta, str] | None:
    """Say what is new of an open flag, and how long after its last message it may be told."""
    if event.acknowledged != told.acknowledged:
        return AT_ONCE, "a person has seen it"
    if event.handed != told.handed:
        return AT_ONCE, "a person hands it to the helpdesk"
    if event.severity is Severity.ALARM and told.severity is Severity.WATCH:
        return AT_ONCE, "it is an alarm now"
    model = EVIDENCE[event.kind]
    differs: Sequence[tuple[bool, timedelta, str]] = (
        (event.severity != told.severity, LEAST_BETWEEN, "it is less severe now"),
        (told.since - event.since >= EARLIER_BY, LEAST_BETWEEN, "it began earlier than was known"),
        (_has_doubled(event, told), LEAST_BETWEEN, "it has doubled"),
        (event.unit != told.unit, LEAST_BETWEEN, "its unit is named in another way"),
        *(
            (event.evidence.get(name) != told.evidence.get(name), LEAST_BETWEEN, f"new {name}")
            for name in model.NEWS
        ),
        (_sentence(event) != _sentence(told), DAILY, "a day has passed"),
    )
    return next(((after, why) for is_new, after, why in differs if is_new), None)


def _sentence(event: Event) -> tuple[object, ...]:
    return (event.since, event.message, event.evidence)


def _has_doubled(event: Event, told: Event) -> bool:
    now, before = _amount(event), _amount(told)
    return now is not None and before is not None and now >= 2 * before > 0


def _amount(event: Event) -> Decimal | None:
    name = EVIDENCE[event.kind].AMOUNT
    found = None if name is None else event.evidence.get(name)
    try:
        return None if found is None else Decimal(str(found))
    except InvalidOperation:
        return None
