# SPDX-License-Identifier: GPL-2.0-only
"""One window of a back-fill that the cloud asked for: read it again, move no watermark.

In: the job, a way to open a session, the spool. Out: rows in the spool, and how far the job is.
It uses marks of its own, so that what the schedule has still to read is not touched; the store
knows the rows that it has. Never: a job's end, an error caught: the worker does both.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from edge_agent.commands.desk import Job
from edge_agent.errors import WrongIdentity
from edge_agent.poll.memory import Memory
from edge_agent.poll.poll import PollResult, poll
from edge_agent.poll.sessions import SessionFactory
from edge_agent.spool.spool import Spool

Keep = Callable[[PollResult], None]


def read_window(job: Job, sessions: SessionFactory, spool: Spool, now: float, keep: Keep) -> bool:
    """Read the next window of each profile of the job's meter; return whether it was the last.

    Args:
        job: a back-fill whose meter is known.
        sessions: opens a session with a meter.
        spool: which profiles the meter has, and what they capture.
        now: seconds since 1970.
        keep: spools what was read.

    Raises:
        BusError, MeterError: the meter cannot be read.
        WrongIdentity: another meter answers there now, or none was ever known there.
        SpoolFull: it cannot be kept.
    """
    window = job.command.arguments
    identity = job.identity
    if identity is None or window.since is None or window.until is None:
        raise WrongIdentity(f"{job.meter.label} was never read: its history is read at first sight")
    if not job.marks:
        job.marks = dict.fromkeys(spool.watermarks(identity), int(window.since.timestamp()))
    before = dict(job.marks)
    result = poll(
        sessions,
        job.meter,
        lambda _meter: job.marks,
        datetime.fromtimestamp(now, UTC),
        captures_of=spool.captures,
        memory=Memory(),  # what was sent before is wanted again
        known=identity,
        windows=1,
        registers=False,
    )
    if result.meter != identity:
        raise WrongIdentity(f"{result.meter} answers where {identity} was")
    keep(result)
    job.rows += sum(len(block.rows) for block in result.rows)
    job.findings += [each for each in result.findings if each not in job.findings]
    job.marks |= {profile: result.watermarks.get(profile, mark) for profile, mark in before.items()}
    end = min(window.until.timestamp(), now)
    job.unread = frozenset(each for each in result.unread if job.marks.get(each, 0) < end)
    # A profile that is read more rarely does not move: it has nothing more.
    moved = [mark for profile, mark in job.marks.items() if mark != before[profile]]
    return result.caught_up or not moved or min(moved) >= end
