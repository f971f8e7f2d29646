# SPDX-License-Identifier: GPL-2.0-only
"""The habits of a virtual meter, from bytes."""

from datetime import UTC
from typing import Any

import pytest
from pydantic import ValidationError

from edge_agent.virtual.acse import Diagnostic, association_response
from edge_agent.virtual.clock import Deviation, Dial
from edge_agent.virtual.cosem import Attribute
from edge_agent.virtual.estate import EstateError, parse_estate
from edge_agent.virtual.habits import Habits, SerialForm, serial_octets
from edge_agent.virtual.odd_values import as_sent, rows_as_sent
from tests.unit.edge_agent.virtual.steady import IST, NOW

_STAMP = "090C07EA030A020C072B00FEB600"
_ROWS = bytes.fromhex(
    f"0102 0203 {_STAMP} 0600000032 120900 0203 {_STAMP} 0600000032 12002A".replace(" ", "")
)


def habits(**chosen: Any) -> Habits:
    return Habits.model_validate(chosen)


def test_a_value_as_before_is_null() -> None:
    sent = rows_as_sent(habits(null_rows=True), _ROWS)
    row = bytes.fromhex(f"0203{_STAMP}0600000032120900")
    assert sent == b"\x01\x02" + row + bytes.fromhex("02030000 12002A")


def test_small_numbers_are_bcd() -> None:
    sent = rows_as_sent(habits(bcd=True), _ROWS)
    assert sent.endswith(bytes.fromhex("0D50 0D42"))
    assert bytes.fromhex("0D50 120900") in sent


def test_a_compact_array_has_its_types_once() -> None:
    sent = rows_as_sent(habits(compact_rows=True), _ROWS)
    row = bytes.fromhex(_STAMP)[1:] + bytes.fromhex("00000032")
    contents = row + bytes.fromhex("0900") + row + bytes.fromhex("002A")
    assert sent == bytes.fromhex("13 02 03 09 06 12") + bytes((len(contents),)) + contents


def test_a_short_array_says_one_row_more() -> None:
    assert rows_as_sent(habits(short_rows=True), _ROWS) == b"\x01\x03" + _ROWS[2:]


def test_no_habit_changes_nothing() -> None:
    assert rows_as_sent(habits(), _ROWS) is _ROWS


@pytest.mark.parametrize(
    ("chosen", "class_id", "attribute", "sent"),
    [
        ({"floats": "float32"}, 3, 2, "1742480000"),
        ({"floats": "float64"}, 3, 2, "184049000000000000"),
        ({"trailing": True}, 8, 2, "0600000032 0000"),
        ({"short_buffer": True}, 7, 7, "0600000064"),
    ],
)
def test_a_value_is_written_oddly(
    chosen: dict[str, Any], class_id: int, attribute: int, sent: str
) -> None:
    asked = Attribute(class_id, bytes(6), attribute, None)
    assert as_sent(habits(**chosen), asked, bytes.fromhex("0600000032")) == bytes.fromhex(sent)


@pytest.mark.parametrize(
    ("form", "octets"),
    [
        ("text", "3132333435"),
        ("octets", "3039"),
        ("bcd", "012345"),
        ("ff_padded", "3132333435" + "FF" * 11),
        ("space_padded", "3132333435" + "20" * 11),
    ],
)
def test_a_serial_number_is_written_in_its_form(form: str, octets: str) -> None:
    assert serial_octets(SerialForm(form), "12345") == bytes.fromhex(octets)


@pytest.mark.parametrize(
    ("deviation", "octets"), [("zero", "0000"), ("ffff", "FFFF"), ("unspecified", "8000")]
)
def test_local_time_has_no_true_deviation(deviation: str, octets: str) -> None:
    dial = Dial(IST, Deviation(deviation))
    sent = dial.octets(NOW)
    assert sent[9:11] == bytes.fromhex(octets)
    assert sent[:9] == Dial(IST).octets(NOW)[:9]
    assert dial.seconds(sent, upper=False) == int(NOW.timestamp())


def test_utc_is_written_as_utc() -> None:
    dial = Dial(IST, Deviation.UTC)
    assert dial.octets(NOW)[5] == NOW.astimezone(UTC).hour
    assert dial.seconds(dial.octets(NOW), upper=False) == int(NOW.timestamp())


def test_an_answer_has_more_fields() -> None:
    plain = association_response(Diagnostic.NULL, b"\x08")
    more = association_response(Diagnostic.NULL, b"\x08", more=True)
    assert more[2:] == plain[2:-5] + b"\x9d\x04v1.0" + plain[-5:]


def test_a_device_name_has_no_form() -> None:
    with pytest.raises(ValidationError, match="a logical device name is text"):
        habits(serial_place="0.0.42.0.0.255", serial_form="bcd")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"habits": {"serial_form": "bcd"}}, "digits alone"),
        ({"habits": {"kilo": True}, "model": "water", "load": {"kind": "water"}}, "kilo"),
        ({"habits": {"lisst": "granted"}}, "lisst"),
    ],
)
def test_a_mistake_in_the_habits_is_named(changes: dict[str, Any], said: str) -> None:
    meter = {"label": "A", "address": 17, "model": "single_phase", "manufacturer": "GSE"}
    meter |= {"serial": "E1", "load": {"kind": "flat"}, **changes}
    with pytest.raises(EstateError, match=said):
        parse_estate({"bus": [{"name": "a", "link": "a", "meter": [meter]}]})
