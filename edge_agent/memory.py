# SPDX-License-Identifier: GPL-2.0-only
"""What polls remember of meters while the agent runs.

In: what a poll found out. Out: the same, to the next poll. Losing it costs line time only.
Never: a stored state; what was read of a meter whose identity is in doubt (`Known.forget`).
"""

from dataclasses import dataclass, field

from edge_agent import decode
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.readings import Column


@dataclass(slots=True)
class Held:
    """How a profile is read, as it was last found out. Times in seconds since 1970."""

    plan: decode.Layout
    digest: str
    """Of the capture objects and the capture period, as the meter sent them."""
    look_at: float
    """When the capture objects are read again."""
    renew_at: float
    """When the scalers are read again."""


@dataclass(slots=True)
class Known:
    """What stays true of one meter between polls."""

    layouts: dict[Obis, Held] = field(default_factory=dict)
    registers: dict[Obis, tuple[float, Column]] = field(default_factory=dict)
    """For each register until when (seconds since 1970) its scaler is taken as known."""
    absent: dict[Obis, float] = field(default_factory=dict)
    """For each object that is not there, until when it is not asked for again."""
    sent: dict[Obis, tuple[int, dict[int, decode.Row]]] = field(default_factory=dict)
    """For each profile the watermark that a poll returned, and its rows of the last hour."""
    skipped: dict[Obis, str] = field(default_factory=dict)
    """For each profile with a row that cannot be read: what was left out last."""

    def forget(self) -> None:
        """Forget all of it: it may be another meter's."""
        for found in (self.layouts, self.registers, self.absent, self.sent, self.skipped):
            found.clear()


@dataclass(slots=True)
class Memory:
    """What polls remember of meters and of their addresses."""

    meters: dict[MeterId, Known] = field(default_factory=dict)
    no_lists: set[str] = field(default_factory=set)
    """Labels of meters that offer to answer lists and do not."""
    no_range_lists: set[str] = field(default_factory=set)
    """Labels of meters that answer lists, but none with a range in it."""
    failed_lists: dict[tuple[str, bool], int] = field(default_factory=dict)
    """For each label, without and with a range: how many lists in a row had no sound answer."""
    alone: dict[str, float] = field(default_factory=dict)
    """For each label from when on (seconds since 1970) one meter alone is taken to answer."""
