# SPDX-License-Identifier: MIT
"""The offline rule: which meters have not been read for too long, and why, as far as it is known.

A meter is overdue when its newest reading, by the meter's own time, is older than a day; one that
is read more seldom than once an hour has a period more. The cause is what stood in the way when
that moment came: its gateway, its bus, or the meter itself. A cause that seems to have changed must
hold for a while before it is believed, so that what comes back one by one does not flap.

In: the newest reading of a meter, what its gateway said last, what was known of it, the time.
Out: whether it is overdue, and by which cause. Pure: the caller brings the clock.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cloud_ingest.core.accept import FUTURE_TOLERANCE
from shared_schema.evidence import FailureCause
from shared_schema.gateway import MOST_FAILING, FailingMeter, PollFailure, Status

SILENCE = timedelta(hours=24)
RARE = timedelta(hours=1)
"""A meter that is read more seldom may be late by its period beyond `SILENCE`."""
QUIET_GATEWAY = timedelta(minutes=15)
"""A gateway says each minute how it is; after so many minutes without a word it is silent."""
SETTLING = timedelta(minutes=30)
"""A gateway that came back has so long to read its meters again."""
HOLDS = timedelta(minutes=15)
"""So long another cause must show before it is believed."""
QUIET_STORE = timedelta(hours=1)
LATECOMERS = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Silence:
    """A meter that has not been read for too long."""

    since: datetime
    """Its newest reading, or the start of its assignment if there was none since."""
    ever_read: bool
    overdue_at: datetime
    """When that became too long."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a meter is not read."""

    why: FailureCause
    gateway: str | None = None
    bus: str | None = None
    shared: bool = False
    """It is of the gateway or its bus, and of all meters behind it."""


@dataclass(frozen=True, slots=True)
class GatewayWord:
    """What is known of a gateway. Times are of the store's clock, but ``status.at``."""

    name: str
    lost_at: datetime
    """When its link was lost last; if it never spoke, when it was enrolled."""
    back_at: datetime | None = None
    """When it came back from that; None: it is away."""
    heard_at: datetime | None = None
    """When it said ``status``."""
    status: Status | None = None


@dataclass(frozen=True, slots=True)
class Outage:
    """A stretch in which a gateway was not heard."""

    since: datetime
    back_at: datetime | None = None
    """None: it is away."""


@dataclass(frozen=True, slots=True)
class Known:
    """The cause of an overdue meter, and another one that has seemed to hold since a time."""

    cause: Cause
    other: Cause | None = None
    other_since: datetime | None = None


def silence(
    *,
    newest: datetime | None,
    assigned_at: datetime,
    now: datetime,
    period: timedelta | None = None,
) -> Silence | None:
    """Return the silence of a meter at ``now``, or None while there is none to tell.

    Args:
        newest: Time of its newest reading, whatever its assignment was then.
        assigned_at: When its present assignment began.
        now: The time, aware.
        period: How often it is read; None: not known.
    """
    ever_read = newest is not None and newest >= assigned_at
    since = max(newest or assigned_at, assigned_at)
    overdue_at = since + SILENCE + (period if period is not None and period > RARE else timedelta())
    return Silence(since, ever_read, overdue_at) if now > overdue_at else None


def judged_from(*, started_at: datetime, newest_of_all: datetime | None) -> datetime:
    """Return from when on silence may be judged after this program has started.

    If nothing at all was heard for an hour, this program, the broker or the network may have been
    away: the gateways get a moment to deliver before their meters are blamed. For a society the
    moment ends early, when all of its gateways have said that nothing waits.
    """
    if newest_of_all is not None and started_at - newest_of_all <= QUIET_STORE:
        return started_at
    return started_at + LATECOMERS


def outage_of(word: GatewayWord, now: datetime) -> Outage | None:
    """Return the outage of a gateway; None where it is there and has settled."""
    if word.back_at is None or word.heard_at is None:
        return Outage(word.lost_at)
    if now - word.heard_at > QUIET_GATEWAY:
        stood = word.heard_at - word.back_at >= SETTLING
        return Outage(word.heard_at if stood else word.lost_at)  # back for a moment: the same one
    return Outage(word.lost_at, word.back_at) if now - word.back_at < SETTLING else None


def seen_cause(
    quiet: Silence,
    word: GatewayWord | None,
    entry: FailingMeter | None,
    *,
    clock_off: bool,
    now: datetime,
) -> Cause | None:
    """Return the cause that shows now; None: what shows says nothing of this meter.

    Args:
        quiet: The meter's silence.
        word: What is known of its gateway; None: nobody knows which one it is.
        entry: What that gateway says of the meter; None: nothing.
        clock_off: Its gateway noted that the meter's clock is far off, and not yet its end.
        now: The time.
    """
    if word is None:
        return Cause(FailureCause.METER_SILENT)
    outage = outage_of(word, now)
    if outage is not None:
        before = quiet.overdue_at < outage.since  # overdue already: that has a cause of its own
        return None if before else Cause(FailureCause.GATEWAY_SILENT, word.name, shared=True)
    if word.status is None or word.heard_at is None:
        return Cause(FailureCause.METER_SILENT, word.name)
    if word.status.clock_synchronised is False or (
        abs(word.status.at - word.heard_at) > FUTURE_TOLERANCE
    ):
        return Cause(FailureCause.CLOCK, word.name, shared=True)
    if entry is not None:
        return _of_entry(entry, word.status, word.name)
    return _without_entry(word.status, word.name, clock_off=clock_off)


def next_known(
    known: Known | None, seen: Cause | None, standing: Collection[Cause], now: datetime
) -> Known:
    """Return what is known of an overdue meter's cause after a look.

    Args:
        known: What was known; None: it has just become overdue.
        seen: The cause that shows now.
        standing: The shared causes of the other overdue meters.
        now: The time.
    """
    if known is None:
        first = seen or Cause(FailureCause.METER_SILENT)
        group = _group_of(first, standing)
        return Known(first) if group is None else Known(group, first, now)
    if seen is None or seen == known.cause:
        return Known(known.cause)
    if seen.shared and not known.cause.shared and seen not in standing:
        # It has a trouble of its own, which the new one of all others only hides.
        return Known(known.cause)
    if known.other != seen or known.other_since is None:
        return replace(known, other=seen, other_since=now)
    return Known(seen) if now - known.other_since >= HOLDS else known


def _without_entry(status: Status, gateway: str, *, clock_off: bool) -> Cause:
    """Return the cause of a meter of which its gateway says nothing."""
    if status.buses is None:  # a gateway of an earlier version
        dead = status.meters_answering == 0 and (status.meters or 0) > 1
        why = FailureCause.BUS_DEAD if dead else FailureCause.METER_SILENT
        return Cause(why, gateway, shared=dead)
    if len(status.failing) == MOST_FAILING:
        return Cause(FailureCause.METER_SILENT, gateway)
    return Cause(FailureCause.CLOCK if clock_off else FailureCause.NOT_STORED, gateway)


def _of_entry(entry: FailingMeter, status: Status, gateway: str) -> Cause:
    buses = status.buses or ()
    if any(bus.name == entry.bus and bus.is_dead for bus in buses):
        return Cause(FailureCause.BUS_DEAD, gateway, entry.bus, shared=True)
    return Cause(_OF_POLL[entry.why], gateway, entry.bus)


def _group_of(first: Cause, standing: Collection[Cause]) -> Cause | None:
    """Return the shared cause that still stands for what a meter's cause is behind."""
    if first.shared or first.gateway is None:
        return None
    return next(
        (
            each
            for each in standing
            if each.gateway == first.gateway and each.bus in (None, first.bus)
        ),
        None,
    )


_OF_POLL: Mapping[PollFailure, FailureCause] = {
    PollFailure.NO_ANSWER: FailureCause.METER_SILENT,
    PollFailure.PASSWORD_REFUSED: FailureCause.PASSWORD_REFUSED,
    PollFailure.ADAPTER_AWAY: FailureCause.BUS_DEAD,
    PollFailure.UNREADABLE: FailureCause.UNREADABLE,
}
