# SPDX-License-Identifier: MIT
"""What listeners are told of a flag, and when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from cloud_ingest.core.flag import (
    LEAST_BETWEEN,
    SAME_WITHIN,
    Finding,
    Flag,
    Mute,
    acknowledged,
    cleared,
    found_again,
    is_same,
    meter_label,
    raised,
    speak,
)
from shared_schema.catalogue import Service
from shared_schema.events import EventKind, Severity, Subject, SubjectType, Unit
from shared_schema.evidence import LeakEvidence

NOW = datetime(2026, 11, 20, 12, 7, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def a_leak(litres: str = "100", **changes: object) -> Finding:
    finding = Finding(
        kind=EventKind.LEAK,
        society_id=1,
        society="S",
        severity=Severity.WATCH,
        subject=Subject(type=SubjectType.UNIT, id="A-1"),
        unit=Unit(type=SubjectType.UNIT, id="A-1", tower="A"),
        service=Service.WATER,
        since=NOW - DAY,
        message="Water has not stopped.",
        evidence=LeakEvidence(manufacturer="M", serial="1", litres_so_far=Decimal(litres)),
    )
    return replace(finding, **changes)  # type: ignore[arg-type]


def a_mute(until: datetime) -> Mute:
    subject = Subject(type=SubjectType.UNIT, id="A-1")
    return Mute(EventKind.LEAK, subject, until, "Asha", "the tank is filled", NOW)


@pytest.fixture
def told() -> Flag:
    return speak(raised(a_leak(), UUID(int=1), NOW), NOW).flag


def test_a_new_flag_is_told_at_once() -> None:
    spoken = speak(raised(a_leak(), UUID(int=1), NOW), NOW)
    assert spoken.message is not None
    assert (spoken.message.state, spoken.message.version) == ("open", 1)
    assert spoken.flag.told == spoken.message
    assert speak(spoken.flag, NOW + DAY).message is None


@pytest.mark.parametrize(
    ("finding", "after", "why"),
    [
        (a_leak(severity=Severity.ALARM), 0 * MINUTE, "it is an alarm now"),
        (a_leak(since=NOW - DAY - HOUR), LEAST_BETWEEN, "it began earlier than was known"),
        (a_leak("200"), LEAST_BETWEEN, "it has doubled"),
        (a_leak(unit=None), LEAST_BETWEEN, "its unit is named in another way"),
        (a_leak("199"), DAY, "a day has passed"),
        (a_leak(since=NOW - DAY - 59 * MINUTE), DAY, "a day has passed"),
    ],
)
def test_what_is_new_waits_for_its_time(
    told: Flag, finding: Finding, after: timedelta, why: str
) -> None:
    flag = found_again(told, finding)
    if after:
        waits = speak(flag, NOW + after - MINUTE)
        assert (waits.message, waits.flag.tell_at) == (None, NOW + after)
    spoken = speak(flag, NOW + after)
    assert spoken.message is not None
    assert (spoken.message.version, spoken.why, spoken.flag.tell_at) == (2, why, None)


def test_a_flag_that_flickers_is_told_twice_at_most(told: Flag) -> None:
    flag, messages = told, 0
    for minute in range(int(LEAST_BETWEEN / MINUTE)):
        severity = Severity.ALARM if minute % 2 else Severity.WATCH
        spoken = speak(found_again(flag, a_leak(severity=severity)), NOW + minute * MINUTE)
        flag, messages = spoken.flag, messages + (spoken.message is not None)
    assert messages == 1


def test_the_same_within_three_days_is_the_same_flag(told: Flag) -> None:
    over = speak(cleared(told, "it ran dry", NOW + HOUR), NOW + HOUR)
    assert over.message is not None
    assert (over.message.ended, over.message.message) == (
        "over",
        "Over: it ran dry. Water has not stopped.",
    )
    ended = NOW + HOUR
    assert is_same(over.flag, ended + SAME_WITHIN)
    assert not is_same(over.flag, ended + SAME_WITHIN + MINUTE)
    again = found_again(acknowledged(over.flag, "Asha", NOW), a_leak())
    message = speak(again, ended + DAY).message
    assert message is not None
    assert (message.id, message.raised_at, message.raises) == (told.event.id, NOW, 2)
    assert (message.cleared_at, message.ended, message.acknowledged) == (None, None, None)
    assert message.version == 3


def test_a_mute_is_told_as_an_end_and_undone(told: Flag) -> None:
    muted = replace(told, mute=a_mute(NOW + DAY))
    spoken = speak(muted, NOW + MINUTE)
    assert spoken.message is not None
    assert (spoken.message.state, spoken.message.ended) == ("cleared", "muted")
    assert spoken.message.muted_until == spoken.flag.tell_at == NOW + DAY
    assert "Muted by Asha: the tank is filled." in spoken.message.message
    assert spoken.flag.event.state == "open"
    assert speak(spoken.flag, NOW + HOUR).message is None
    after = speak(spoken.flag, NOW + DAY)
    assert after.message is not None
    assert (after.message.state, after.message.version) == ("open", 3)
    assert after.flag.tell_at is None


def test_what_ends_while_muted_is_never_told() -> None:
    flag = replace(raised(a_leak(), UUID(int=1), NOW), mute=a_mute(NOW + DAY))
    quiet = speak(flag, NOW)
    assert (quiet.message, quiet.flag.tell_at) == (None, NOW + DAY)
    over = speak(cleared(quiet.flag, "it ran dry", NOW + HOUR), NOW + HOUR)
    assert (over.message, over.flag.tell_at, over.flag.told) == (None, None, None)


def test_an_acknowledgement_is_told_at_once(told: Flag) -> None:
    message = speak(acknowledged(told, "Asha", NOW), NOW).message
    assert message is not None
    assert message.acknowledged is not None
    assert message.acknowledged.by == "Asha"


def test_a_message_fits_the_contract(told: Flag) -> None:
    long = found_again(told, a_leak(message="x" * 900))
    assert len(long.event.message) == 400
    assert len(cleared(long, "y" * 300, NOW).event.message) == 400


def test_a_long_name_of_a_meter_is_its_serial() -> None:
    assert meter_label("Kamstrup", "12345678") == "Kamstrup 12345678"
    assert meter_label("K" * 60, "12345678") == "12345678"
