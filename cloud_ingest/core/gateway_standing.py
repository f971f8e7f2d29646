# SPDX-License-Identifier: MIT
"""How a gateway stands: whether it is heard, and what of its machine needs a person soon.

A gateway whose keys were taken back is neither online nor offline, whatever the broker still holds
of it. Its clock is held against the store's: what it said a moment ago carries its own time.

In: what it said last and when that was heard, the time. Out: its state, and remarks. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from cloud_ingest.core.rules.offline import QUIET_GATEWAY
from shared_schema.gateway import Status
from shared_schema.tls import EXPIRES_SOON

State = Literal["online", "silent", "offline", "never heard", "taken back"]
MB: Final = 1024 * 1024
LITTLE_FREE: Final = 256 * MB
LITTLE_PART: Final = 20
"""Of a disk, 256 MB or a twentieth is little."""
LEAST_FREE: Final = 64 * MB
"""Below that the spool soon takes nothing more."""
CLOCK_OFF: Final = timedelta(minutes=2)
"""A message may be a minute old when it is heard."""
BEGINS: Final = timedelta(minutes=10)
"""So long after its start a machine may wait for its time service."""
WAITS_LONG: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Standing:
    """A gateway as it is known."""

    society_id: int
    society: str
    gateway: str
    tower: str | None
    state: State
    heard_at: datetime | None
    """When it spoke last, by the store's clock."""
    lost_at: datetime | None
    """When its last outage began."""
    certificate_ends_at: datetime | None
    """As it says itself, else as it was issued."""
    clock_offset_s: float | None
    """How far its clock is ahead of the store's; None: it is not online."""
    status: Status | None


def state_of(said: str | None, heard_at: datetime | None, now: datetime) -> State:
    """Return the state of a gateway whose keys sign."""
    if said is None or heard_at is None:
        return "never heard"
    if said == "offline":
        return "offline"
    return "silent" if now - heard_at > QUIET_GATEWAY else "online"


def disk_is_little(status: Status | None) -> bool:
    """Tell whether the disk of the spool needs a person."""
    machine = None if status is None else status.machine
    if machine is None or machine.disk_free_bytes is None:
        return False
    part = (machine.disk_total_bytes or 0) // LITTLE_PART
    return machine.disk_free_bytes < min(LITTLE_FREE, part or LITTLE_FREE)


def disk_is_least(status: Status | None) -> bool:
    """Tell whether the spool soon takes nothing more."""
    machine = None if status is None else status.machine
    free = None if machine is None else machine.disk_free_bytes
    return disk_is_little(status) and free is not None and free < LEAST_FREE


def clock_stops_reading(status: Status | None) -> bool:
    """Tell whether no meter is read because the gateway's clock is not believed."""
    if status is None or status.clock_synchronised is not False:
        return False
    up_s = None if status.machine is None else status.machine.machine_up_s
    return status.clock_jump_s is not None or (up_s is not None and up_s > BEGINS.total_seconds())


def clock_is_off(standing: Standing) -> bool:
    """Tell whether the gateway's clock is far from the store's."""
    offset_s = standing.clock_offset_s
    return offset_s is not None and abs(offset_s) > CLOCK_OFF.total_seconds()


def remarks(standing: Standing, now: datetime) -> Iterator[str]:
    """Say what needs a person, the most urgent first."""
    status, ends_at = standing.status, standing.certificate_ends_at
    if standing.state in {"taken back", "never heard"} or status is None:
        return
    if clock_stops_reading(status):
        yield "its clock is not believed: it reads no meter"
    elif clock_is_off(standing):
        yield "its clock is off"
    if disk_is_little(status):
        yield "its disk is full" if disk_is_least(status) else "its disk is nearly full"
    if ends_at is not None and ends_at - now < EXPIRES_SOON:
        yield "its certificate ended" if ends_at <= now else "its certificate ends soon"
    oldest = status.oldest_waiting_at
    if standing.state == "online" and oldest is not None and now - oldest > WAITS_LONG:
        yield "readings wait"
    silent = (status.meters or 0) - (status.meters_answering or 0)
    if status.meters_answering is not None and silent > 0:
        yield f"{silent} of {status.meters} meters are not read"
