# SPDX-License-Identifier: MIT
"""What a gateway's status tells of meters that are not read."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

import pytest

from shared_schema.gateway import BusStatus, Machine, PollFailure, Status
from shared_schema.message import Part

AWAY, SILENT = PollFailure.ADAPTER_AWAY, PollFailure.NO_ANSWER
REFUSED, UNREADABLE = PollFailure.PASSWORD_REFUSED, PollFailure.UNREADABLE


@pytest.mark.parametrize(
    ("meters", "failures", "is_dead"),
    [
        (3, {}, False),
        (3, {SILENT: 2}, False),
        (3, {SILENT: 3}, True),
        (3, {AWAY: 3}, True),
        (1, {AWAY: 1}, True),
        (1, {SILENT: 1}, False),
        (3, {SILENT: 2, REFUSED: 1}, True),
        (3, {REFUSED: 3}, False),
        (3, {SILENT: 2, UNREADABLE: 1}, False),
        (0, {}, False),
    ],
)
def test_a_bus_is_dead_where_nobody_answers(
    meters: int, failures: Mapping[PollFailure, int], is_dead: bool
) -> None:
    bus = BusStatus(name="riser-1", meters=meters, failures=dict(failures))
    assert bus.is_dead is is_dead


def test_a_status_of_an_earlier_gateway_is_understood() -> None:
    line = (
        b'{"schema":"metering.status/1","gateway":"gw-a","state":"online",'
        b'"session":"00000000-0000-0000-0000-000000000007","at":"2026-11-24T00:15:07Z","meters":2}'
    )
    status = Status.from_line(line)
    assert (status.buses, status.failing, status.poll_period_s) == (None, (), None)
    assert (status.machine, status.oldest_waiting_at, status.spool_bytes) == (None, None, None)


def test_an_earlier_cloud_understands_a_status_of_today() -> None:
    class Earlier(Part):
        """What a cloud knew before gateways told of their machine."""

        gateway: str
        spooled: int | None

    status = Status(
        gateway="gw-a",
        session=UUID(int=7),
        state="online",
        at=datetime(2026, 11, 24, tzinfo=UTC),
        spooled=3,
        clock_jump_s=-7.5,
        machine=Machine(disk_free_bytes=1),
    )
    assert Earlier.from_line(status.to_line()) == Earlier(gateway="gw-a", spooled=3)
