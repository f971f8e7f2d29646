# SPDX-License-Identifier: GPL-2.0-only
"""One window of a back-fill that the cloud asked for: rows read again, no watermark moved.

A back-fill uses marks of its own, so that what the schedule has still to read is not touched. The
store knows the rows that it has already.

In: the job, a way to open a session, the spool. Out: rows in the spool, and a `WindowFilled`.
Never: the end of a job, or an error caught: the worker does both.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from edge_agent.commands.desk import Job, WindowFilled
from edge_agent.errors import WrongIdentity
from edge_agent.poll.memory import Memory
from edge_agent.poll.poll import PollResult, poll
from edge_agent.poll.sessions import SessionFactory
from edge_agent.spool.spool import Spool

Keep = Callable[[PollResult], None]


def read_window(
    job: Job,
    sessions: SessionFactory,
    spool: Spool,
    now: float,
    keep: Keep,
    *,
    zone: ZoneInfo | None = None,
) -> WindowFilled:
    """Read the next window of each profile of the job's meter.

    Args:
        job: a back-fill whose meter is known.
        sessions: opens a session with a meter.
        spool: which profiles the meter has, and what they capture.
        now: seconds since 1970.
        keep: spools what was read.
        zone: the society's.

    Raises:
        BusError, MeterError: the meter cannot be read.
        WrongIdentity: another meter answers there now, or none was ever known there.
        SpoolFull: it cannot be kept.
    """
    window = job.command.arguments
    identity = job.identity
    if identity is None or window.since is None or window.until is None:
        raise WrongIdentity(f"{job.meter.label} was never read: its history is read at first sight")
    marks = job.marks or dict.fromkeys(spool.watermarks(identity), int(window.since.timestamp()))
    result = poll(
        sessions,
        job.meter,
        lambda _meter: marks,
        datetime.fromtimestamp(now, UTC),
        captures_of=spool.captures,
        memory=Memory(),  # what was sent before is wanted again
        known=identity,
        windows=1,
        registers=False,
        zone=zone,
    )
    if result.meter != identity:
        raise WrongIdentity(f"{result.meter} answers where {identity} was")
    keep(result)
    reached = {profile: result.watermarks.get(profile, mark) for profile, mark in marks.items()}
    end = min(window.until.timestamp(), now)
    # A profile that is read more rarely does not move: it has nothing more.
    moved = [mark for profile, mark in reached.items() if mark != marks[profile]]
    return WindowFilled(
        rows=sum(len(block.rows) for block in result.rows),
        marks=reached,
        findings=result.findings,
        unread=frozenset(each for each in result.unread if reached.get(each, 0) < end),
        is_last=result.caught_up or not moved or min(moved) >= end,
    )
