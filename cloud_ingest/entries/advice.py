# SPDX-License-Identifier: MIT
"""The command that puts right what another one refuses, as it is typed.

In: a meter, a moment, a value. Out: a line for a person. Never: a decision. Pure.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from cloud_ingest.core.register import Epoch, Epochs
from cloud_ingest.store.assignments import Assignment

BESIDE: Final = timedelta(days=1)
"""So near another entry may be meant."""


def local_text(at: datetime, zone: ZoneInfo) -> str:
    """Return a time as ``--at`` takes it: with seconds only where it has some."""
    here = at.astimezone(zone)
    return f"{here:%Y-%m-%d %H:%M:%S}" if here.second else f"{here:%Y-%m-%d %H:%M}"


def enter_command(served: Assignment, at: datetime, value: Decimal, zone: ZoneInfo) -> str:
    """Return the command with which a person says what a register showed at a moment."""
    kind = "" if served.subject_type == "unit" else f" --subject-type {served.subject_type}"
    return (
        f"cloud-ingest reading enter '{served.subject}' --service {served.service.value}"
        f"{kind} --source {served.source} --at '{local_text(at, zone)}' --value {value:f}"
    )


def epoch_beside(epochs: Epochs, starts_at: datetime) -> datetime | None:
    """Return the time of another epoch that may be meant: within a day; None: there is none."""
    near: Iterable[Epoch] = (
        each
        for own in epochs.values()
        for each in own
        if each.starts_at != starts_at and abs(each.starts_at - starts_at) <= BESIDE
    )
    return min(
        (each.starts_at for each in near), key=lambda at: (abs(at - starts_at), at), default=None
    )
