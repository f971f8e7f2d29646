# SPDX-License-Identifier: GPL-2.0-only
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.recording.scrub import Scrubber
from shared_schema.catalogue import NAME_PLATE, SERIAL_NUMBER
from shared_schema.obis import Obis

TEXT = bytes.fromhex("0908") + b"LT123456"


def hiding(*serials: bytes, others: tuple[tuple[Obis, bytes], ...] = ()) -> Scrubber:
    found = Scrubber(())
    found.hide_names(serials, others)
    return found


@given(st.binary(min_size=4, max_size=16), st.binary(max_size=20), st.binary(max_size=20))
def test_a_secret_is_starred_out_wherever_it_stands(
    secret: bytes, before: bytes, after: bytes
) -> None:
    scrubber = Scrubber([secret])
    for form in (secret, secret.hex().encode(), secret.hex().upper().encode()):
        found = scrubber.clean(before + form + after)
        assert secret not in found or not secret.strip(b"*")
        assert len(found) == len(before + form + after)


@pytest.mark.parametrize(
    ("value", "replaced"),
    [
        ("0908" + b"LT123456".hex(), "0908" + b"LT102938".hex()),
        ("0a08" + b"12345678".hex(), "0a08" + b"10293847".hex()),
        ("090a" + b"12345678".hex() + "ffff", "090a" + b"10293847".hex() + "ffff"),
        ("0903bc614e", "0903102938"),
        ("090412345678", "090410293847"),
        ("0600bc614e", "0600102938"),
        ("0900", "0900"),
        ("0102", "0102"),
    ],
)
def test_a_serial_number_is_replaced_in_its_own_form(value: str, replaced: str) -> None:
    data = bytes.fromhex(value)
    assert hiding(data).clean(data).hex() == replaced


def test_a_serial_number_is_replaced_in_other_objects() -> None:
    row = bytes.fromhex("010102020a0b") + b"GSELT123456" + bytes.fromhex("0600000001")
    found = hiding(TEXT).clean(row)
    assert b"GSELT102938" in found
    assert len(found) == len(row)


def test_other_numbers_of_a_name_plate_are_replaced() -> None:
    plate = bytes.fromhex("010102020a08") + b"DEV98765" + bytes.fromhex("1207e9")
    found = hiding(others=((NAME_PLATE, plate), (SERIAL_NUMBER, TEXT))).clean(plate)
    assert b"98765" not in found
    assert found[-3:] == plate[-3:]


def test_a_short_serial_number_replaces_no_other_octets() -> None:
    scrubber = hiding(bytes.fromhex("0903bc614e"))
    assert scrubber.clean(bytes.fromhex("06bc614e00")).hex() == "06bc614e00"
