# SPDX-License-Identifier: GPL-2.0-only
"""Findings: each kind has its sentence, and a refusal keeps its result."""

import pytest

from edge_agent.errors import AccessDenied, BusTimeout
from edge_agent.poll.finding import Finding, FindingKind, Value, finding, of_error, words
from shared_schema.catalogue import ACTIVE_IMPORT, BLOCK_LOAD_PROFILE
from shared_schema.message import MeterId

METER = MeterId(manufacturer="ACME", serial="E1")
LOAD = str(BLOCK_LOAD_PROFILE)
VALUES: dict[str, Value] = {
    "found": METER,
    "known": MeterId(manufacturer="ACME", serial="E2"),
    "error": "A-1 does not answer",
    "obis": ACTIVE_IMPORT,
    "profile": BLOCK_LOAD_PROFILE,
    "offset_s": 900,
    "most_s": 300,
    "sign": 0,
    "zone": "UTC+02:00",
    "by_s": 7200,
    "names": "1.0.9.8.0.255",
    "first": 100,
    "last": 999,
    "count": 3,
    "unit": "V",
    "period_s": 15,
    "came": "0d a1",
    "means": "cable cut",
    "bit": 5,
    "at": "2026-03-10 12:00",
}
SENTENCES = {
    FindingKind.ANOTHER_METER: f"A-1: {METER} answers where {VALUES['known']} was",
    FindingKind.REGISTERS_UNCONFIRMED: (
        "A-1: registers are not kept, whose they are was not confirmed: A-1 does not answer"
    ),
    FindingKind.REGISTERS_UNSTAMPED: (
        "A-1: registers are not kept: the gateway has no time to stamp them"
    ),
    FindingKind.CLOCKS_DISAGREE: (
        "A-1: registers are not kept: its clock and the gateway's disagree, and no time service "
        "vouches for the gateway's, or it jumped since they agreed"
    ),
    FindingKind.REGISTERS_LATE: (
        "A-1: registers are not kept: they came more than 300 s after they were asked for, and "
        "nobody knows of when they are"
    ),
    FindingKind.REGISTERS_EARLIER: (
        "A-1: registers are not kept: its clock was set back, and has not reached the time of the "
        "last ones"
    ),
    FindingKind.DENIED: "A-1 does not answer",
    FindingKind.UNREADABLE: f"A-1: {ACTIVE_IMPORT}: A-1 does not answer",
    FindingKind.NO_VALUE: f"A-1: {ACTIVE_IMPORT} is there and holds no value (null)",
    FindingKind.NOTHING_BILLED: (
        "no register that is billed was read: the meter gives no 1.0.9.8.0.255"
    ),
    FindingKind.NO_SCALER: f"A-1: {ACTIVE_IMPORT} has no scaler",
    FindingKind.COLUMN_WITHOUT_SCALER: (
        f"A-1: {ACTIVE_IMPORT} has no scaler: it is left out of {LOAD}"
    ),
    FindingKind.CLOCK_SHOWS_NO_TIME: "A-1: its clock shows no valid time: 0d a1",
    FindingKind.CLOCK_UNREADABLE: "A-1: its clock cannot be read: A-1 does not answer",
    FindingKind.CLOCK_OFF: (
        "A-1: its clock is 900 s off, more than 300 s: set it: profiles are not read"
    ),
    FindingKind.CLOCK_IN_OTHER_ZONE: (
        "A-1: its clock is 900 s off by the zone that is set, and right as local time of "
        "UTC+02:00: profiles are not read"
    ),
    FindingKind.WRONG_DEVIATION_SIGN: (
        "A-1: its clock is 900 s off, because the wrong deviation_sign is set, 0 fits: "
        "profiles are not read"
    ),
    FindingKind.NEWEST_ROW_IS_OLD: (
        "A-1: it shows no clock and its newest row is not of just now: no row is kept; "
        "see whether its deviation_sign is right"
    ),
    FindingKind.ROWS_NOT_BY_CLOCK: (
        f"A-1: {LOAD}: its newest row is stamped 7200 s from now while the clock is right: rows "
        "and clock write the time in two ways, and no row is kept"
    ),
    FindingKind.ROWS_IN_OTHER_ZONE: f"A-1: {ACTIVE_IMPORT}: {VALUES['error']}",
    FindingKind.CAPTURES_CHANGED: (
        f"A-1: {LOAD} captures other objects, or in another period, than before"
    ),
    FindingKind.COLUMNS_GAINED: (
        f"A-1: {LOAD} has 1.0.9.8.0.255 as well now: it is read from its beginning"
    ),
    FindingKind.READ_BEYOND_CLOCKS: (
        f"A-1: clock event: {LOAD} was read 7200 s beyond the clocks: its watermark goes back"
    ),
    FindingKind.ROW_NOT_OF_NOW: f"A-1: {LOAD}: its row is not of now and is left out",
    FindingKind.ROWS_UNREADABLE: (
        f"A-1: {LOAD}: what it has from 100 to 999 cannot be read and is left out: "
        "A-1 does not answer"
    ),
    FindingKind.ROWS_IN_DOUBT: (
        f"A-1: clock event: 3 rows of {LOAD} from 100 on are left out: its clock passed their "
        "time while it was wrong"
    ),
    FindingKind.ROWS_WITHOUT_TIME: f"A-1: {LOAD}: 3 rows from 100 on have no time",
    FindingKind.ROWS_MISFIT: f"A-1: {LOAD}: 3 rows from 100 on do not fit",
    FindingKind.ROWS_WITHOUT_CODE: f"A-1: {LOAD}: 3 rows from 100 on have no event code",
    FindingKind.OBJECT_REFUSED: f"A-1: {ACTIVE_IMPORT} is left out: {VALUES['error']}",
    FindingKind.REGISTER_OF_FLOATS: f"A-1: {ACTIVE_IMPORT} is left out: {VALUES['error']}",
    FindingKind.TOO_LONG: f"A-1: {ACTIVE_IMPORT}: {VALUES['error']}",
    FindingKind.ROWS_TIME_TAKEN: (
        f"A-1: {LOAD}: 3 rows from 100 on have no time of their own, and the capture period gives "
        "them that of another row, or one not asked for: they are left out"
    ),
    FindingKind.ROWS_CONTRADICT: (
        f"A-1: {LOAD}: 3 times from 100 on have several rows that differ: all are kept, and the "
        "cloud judges them"
    ),
    FindingKind.VALUES_REFUSED: (
        f"A-1: {LOAD}: 3 values from 100 on are no whole numbers and are left out; the first: 0d a1"
    ),
    FindingKind.FLOATS_BILLED: (
        f"A-1: {LOAD}: 3 values from 100 on are floats where whole numbers are billed, and are "
        "left out; the first: 0d a1"
    ),
    FindingKind.PERIOD_IMPOSSIBLE: (
        f"A-1: {LOAD} says that it captures every 15 s, which cannot be: rows without a time of "
        "their own are left out"
    ),
    FindingKind.NO_UNIT: f"{ACTIVE_IMPORT} says no unit: it counts pulses",
    FindingKind.NOT_A_DIAL: f"{ACTIVE_IMPORT} is 0d a1, which no dial shows",
    FindingKind.UNIT_NOT_BILLED: f"{ACTIVE_IMPORT} is in V and not billed in it",
    FindingKind.STATUS_BIT_SET: "cable cut: bit 5 of its status is set at 2026-03-10 12:00",
}


def of_kind(kind: FindingKind) -> Finding:
    return finding(kind, "A-1", **VALUES)


@pytest.mark.parametrize("kind", FindingKind)
def test_each_kind_has_its_sentence(kind: FindingKind) -> None:
    assert words(of_kind(kind)) == SENTENCES[kind]


def test_a_refusal_keeps_its_result() -> None:
    found = of_error(FindingKind.DENIED, "A-1", AccessDenied("no", result=13))
    assert (found.result, str(found)) == (13, "no")
    assert of_error(FindingKind.UNREADABLE, "A-1", BusTimeout("x")).result is None


def test_a_meter_that_lacks_an_object_is_no_trouble() -> None:
    absent = [finding(FindingKind.DENIED, result=each).is_absence for each in (3, 4, 9, 11, 13)]
    assert absent == [False, True, False, True, False]
