# SPDX-License-Identifier: MIT
"""What the stand-ins keep: billing of numbers, the helpdesk of flags."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from deploy.demo.consumers import Inbox
from shared_schema.billing import (
    BoundaryReading,
    MeterMonth,
    MonthlyConsumption,
    MonthlyWithdrawal,
)
from shared_schema.catalogue import BILLED_REGISTER, Service
from shared_schema.events import Event, EventKind, Subject, SubjectType
from shared_schema.message import MeterId
from shared_schema.quality import Origin, Quality

AT = datetime(2026, 8, 1, tzinfo=UTC)
FLAT = Subject(type=SubjectType.UNIT, id="A-1204")
KEY = ("A-1204", "electricity")


def number(version: int) -> bytes:
    end = BoundaryReading(at=AT, register_value=Decimal(1), origin=Origin.METER)
    return MonthlyConsumption(
        society="Lake View",
        month="2026-07",
        subject=FLAT,
        service=Service.ELECTRICITY,
        version=version,
        quantity=Decimal(version),
        unit="kWh",
        quality=Quality.VALIDATED,
        parts=(
            MeterMonth(
                meter=MeterId(manufacturer="LNT", serial="1"),
                source="grid",
                obis=BILLED_REGISTER[Service.ELECTRICITY],
                opening=end,
                closing=end,
                quantity=Decimal(version),
            ),
        ),
        closed_at=AT,
    ).to_line()


def withdrawal(version: int) -> bytes:
    return MonthlyWithdrawal(
        society="Lake View",
        month="2026-07",
        subject=FLAT,
        service=Service.ELECTRICITY,
        version=version,
        closed_at=AT,
    ).to_line()


@pytest.mark.parametrize(
    ("lines", "stands"),
    [
        ([number(1)], 1),
        ([number(1), withdrawal(2)], None),
        ([number(1), withdrawal(2), number(3)], 3),
        ([withdrawal(2), number(1)], None),  # sent again, and late
        ([number(3), withdrawal(2)], 3),
    ],
)
def test_billing_keeps_the_highest_version(lines: list[bytes], stands: int | None) -> None:
    inbox = Inbox()
    for line in lines:
        inbox.take(line)
    found = inbox.numbers.get(KEY)
    assert (None if found is None else found.version) == stands
    assert (KEY in inbox.withdrawn) is (stands is None)


def test_each_message_is_acknowledged_by_its_own_version() -> None:
    inbox = Inbox()
    assert [inbox.take(line).version for line in (number(1), withdrawal(2), number(1))] == [1, 2, 1]


def flag(*, is_open: bool) -> Event:
    return Event(
        id=UUID(int=1),
        society="Lake View",
        kind=EventKind.BURST,
        subject=FLAT,
        service=Service.WATER,
        state="open" if is_open else "cleared",
        since=AT,
        raised_at=AT,
        cleared_at=None if is_open else AT,
        message="Water runs.",
    )


def test_a_cleared_flag_stands_no_more() -> None:
    inbox = Inbox()
    inbox.note(flag(is_open=True))
    assert set(inbox.events) == {("burst", "A-1204", "water")}
    inbox.note(flag(is_open=False))
    assert inbox.events == {}
