# SPDX-License-Identifier: GPL-2.0-only
"""When the gateway says how it is."""

from datetime import UTC, datetime
from uuid import UUID

from edge_agent.publish.status_due import STATUS_CHECK_S, STATUS_EVERY_S, StatusDue
from shared_schema.gateway import BusStatus, PollFailure, Status

STATUS = Status(
    gateway="gw-1", session=UUID(int=1), state="online", at=datetime.now(UTC), meters=2, spooled=0
)


def test_a_status_follows_a_change_or_a_minute() -> None:
    found = STATUS
    due = StatusDue(lambda: found)
    assert due.next(100.0) is STATUS, "the birth"
    assert due.next(100.0 + STATUS_CHECK_S) is None
    found = STATUS.model_copy(update={"spooled": 7})
    assert due.next(101.0 + STATUS_CHECK_S) is None, "looked at a moment ago"
    assert due.next(100.0 + 2 * STATUS_CHECK_S) is found
    found = STATUS.model_copy(update={"spooled": 8})
    assert due.next(100.0 + 3 * STATUS_CHECK_S) is None, "more or fewer is no change"
    assert due.next(100.0 + 2 * STATUS_CHECK_S + STATUS_EVERY_S) is found


def test_a_status_follows_another_cause() -> None:
    def because(why: PollFailure) -> Status:
        bus = BusStatus(name="riser-1", meters=2, failures={why: 1})
        return STATUS.model_copy(update={"buses": (bus,)})

    found = because(PollFailure.NO_ANSWER)
    due = StatusDue(lambda: found)
    due.next(100.0)
    found = because(PollFailure.PASSWORD_REFUSED)
    assert due.next(100.0 + STATUS_CHECK_S) is found
