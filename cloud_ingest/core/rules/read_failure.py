# SPDX-License-Identifier: MIT
"""The read-failure rule: a meter that should speak has been silent for more than a day.

A resident reads a meter without a data port; such a meter is never silent. A back-fill needs no
grace: a gateway sends what is new first, so a meter that speaks has a recent reading.

In: when a meter was last heard, since when it has served its subject, and the time. Out: the
silence, or None. Pure: the caller brings the clock.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

SILENCE = timedelta(hours=24)
QUIET_STORE = timedelta(hours=1)
SETTLING = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Silence:
    """A meter that has not been read for too long."""

    since: datetime
    """Its newest reading, or the start of its assignment if there was none since."""
    ever_read: bool


def silence(
    *, newest: datetime | None, assigned_at: datetime, legacy: bool, now: datetime
) -> Silence | None:
    """Return the silence of a meter at ``now``, or None while there is none to tell.

    Args:
        newest: Time of its newest reading, whatever its assignment was then.
        assigned_at: When its present assignment began.
        legacy: It has no data port.
        now: The time, aware.
    """
    if legacy:
        return None
    heard = newest is not None and newest >= assigned_at
    since = newest if heard and newest is not None else assigned_at
    return Silence(since, heard) if now - since > SILENCE else None


def judged_from(*, started_at: datetime, newest_of_all: datetime | None) -> datetime:
    """Return from when on silence may be judged after this program has started.

    If nothing at all was heard for an hour, this program, the broker or the network may have been
    away: the gateways get a moment to deliver before their meters are blamed. For a society the
    moment ends early, when all of its gateways have said that nothing waits.
    """
    if newest_of_all is not None and started_at - newest_of_all <= QUIET_STORE:
        return started_at
    return started_at + SETTLING
