# SPDX-License-Identifier: GPL-2.0-only
"""One attempt at a meter and how it ended: the one ladder of errors of a bus at work.

In: what is to be done at a meter. Out: `Done` with its value, or `Ended` with what it means for
the bus and its meter. Never: a reaction to it, which is the caller's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from edge_agent.errors import (
    BusError,
    BusLost,
    BusTimeout,
    ConfigurationError,
    MeterError,
    PasswordRefused,
    SpoolError,
    SpoolFull,
)
from shared_schema.gateway import PollFailure

T = TypeVar("T")


class End(Enum):
    """How an attempt ended that did not succeed."""

    STOPPED = "stopped"
    """The agent stops and broke it off: this says nothing of the meter."""
    LOST = "lost"
    """The adapter is away: the bus rests, and its meters did nothing wrong."""
    REFUSED = "refused"
    """The meter refused its password or keys: never try the same again on its own."""
    FAILED = "failed"
    """The meter was not read, or what it said cannot be kept now: try again after a rest."""
    MISTAKE = "mistake"
    """This program has a mistake; the log has it already."""


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """The attempt succeeded."""

    value: T


@dataclass(frozen=True, slots=True)
class Ended:
    """The attempt did not succeed."""

    end: End
    reason: str
    why: PollFailure = PollFailure.UNREADABLE
    """What a failed attempt tells of its meter."""


def attempt(
    act: Callable[[], T], *, is_stopping: Callable[[], bool], mistake: Callable[[], None]
) -> Done[T] | Ended:
    """Do something at a meter, whatever the meter, the adapter or a file does.

    Args:
        act: what is to be done.
        is_stopping: whether the agent stops and broke the exchange off.
        mistake: logs the current exception, a mistake in this program.

    Raises:
        SpoolError: the spool fails; that it is full does not end the bus.
    """
    try:
        return Done(act())
    except PasswordRefused as error:
        return Ended(End.REFUSED, str(error), PollFailure.PASSWORD_REFUSED)
    except (BusError, MeterError, ConfigurationError, SpoolFull) as error:
        if is_stopping():
            return Ended(End.STOPPED, str(error))
        if isinstance(error, BusLost):
            return Ended(End.LOST, str(error), PollFailure.ADAPTER_AWAY)
        silent = isinstance(error, BusTimeout)
        why = PollFailure.NO_ANSWER if silent else PollFailure.UNREADABLE
        return Ended(End.FAILED, str(error), why)
    except SpoolError:
        raise
    except Exception as error:
        mistake()
        return Ended(End.MISTAKE, f"{type(error).__name__} in edge-agent")
