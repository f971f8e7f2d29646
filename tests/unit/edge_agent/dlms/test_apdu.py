# SPDX-License-Identifier: GPL-2.0-only
"""APDUs: the examples of the books, and the one error for anything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.dlms import aare, apdu
from edge_agent.errors import AccessDenied, ProtocolViolation
from shared_schema.catalogue import ACTIVE_IMPORT, SERIAL_NUMBER
from shared_schema.obis import Obis

WANTED = [(SERIAL_NUMBER, 1, 2), (ACTIVE_IMPORT, 3, 2)]


def test_blocks() -> None:
    assert apdu.block(bytes.fromhex("C402C1 00 00000001 00 03 010203"), "m") == (
        False,
        1,
        b"\x01\x02\x03",
    )
    assert apdu.block(bytes.fromhex("C402C1 01 00000002 01 03"), "m") == (True, 2, None)
    long = bytes(300)
    assert apdu.block(bytes.fromhex("C402C1 01 00000002 00 82012C") + long, "m")[2] == long
    with pytest.raises(ProtocolViolation):
        apdu.block(bytes.fromhex("C402C1 01 00000002 00 05 0102"), "m")


def test_a_list_with_a_refusal_in_it() -> None:
    serial, energy = apdu.list_items(bytes.fromhex("02 00 0A024531 01 01"), WANTED, "m")
    assert serial == bytes.fromhex("0A024531")
    assert isinstance(energy, AccessDenied)
    assert energy.result == 1
    assert "hardware-fault" in str(energy)


def test_octets_behind_a_value_shift_no_other_one() -> None:
    shifted = "02 00 0A024531 0000 00 0600000032"
    with pytest.raises(ProtocolViolation, match="leaves octets"):
        apdu.list_items(bytes.fromhex(shifted), WANTED, "m")


def test_a_value_of_a_list_has_a_size_that_is_bounded() -> None:
    endless = bytes.fromhex("02 00 09 824000") + bytes(0x4000) + bytes.fromhex("00 0600000032")
    with pytest.raises(ProtocolViolation, match="ends within a value"):
        apdu.list_items(endless, WANTED, "m")


def test_many_rows_at_the_end_of_a_list_are_not_parsed() -> None:
    rows = bytes.fromhex("01 82 FFFF") + bytes(40_000)
    wanted = [(SERIAL_NUMBER, 1, 2), (Obis(1, 0, 99, 1, 0, 255), 7, 2)]
    serial, found = apdu.list_items(bytes.fromhex("02 00 0A024531 00") + rows, wanted, "m")
    assert (serial, found) == (bytes.fromhex("0A024531"), rows)


def test_results_of_changes() -> None:
    assert apdu.write_result(bytes.fromhex("C501C100"), 0xC5, 1, "m") == 0
    assert apdu.write_result(bytes.fromhex("C501C103"), 0xC5, 1, "m") == 3
    assert apdu.write_result(bytes.fromhex("C701C10000"), 0xC7, 1, "m") == 0
    for answer in ("C501C200", "C701C100", "C502C100", "C501C1", ""):
        with pytest.raises(ProtocolViolation):
            apdu.write_result(bytes.fromhex(answer), 0xC5, 1, "m")


@given(st.binary(max_size=60))
def test_any_bytes_are_an_answer_or_violation(data: bytes) -> None:
    heads = (b"", b"\x61", b"\x02\x00", b"\xc4\x02", b"\xc5\x01", b"\xc7\x01")
    for answer in (head + data for head in heads):
        for take in (
            lambda found: aare.association_result(found, "m"),
            lambda found: apdu.block(found, "m"),
            lambda found: apdu.list_items(found, WANTED, "m"),
            lambda found: aare.plain_terms(found, "m"),
            lambda found: apdu.write_result(found, 0xC5, 1, "m"),
            lambda found: apdu.method_result(found, "m"),
        ):
            try:
                take(answer)
            except ProtocolViolation:
                continue


def test_the_meters_proof_is_in_the_method_result() -> None:
    assert apdu.method_result(bytes.fromhex("C701C1000100090161"), "A-1") == (0, b"a")
    assert apdu.method_result(bytes.fromhex("C701C1FA00"), "A-1") == (250, b"")
    assert apdu.method_result(bytes.fromhex("C701C10000"), "A-1") == (0, b"")
    for answer in ("C401C10000", "C701", "C701C1000100090261"):
        with pytest.raises(ProtocolViolation):
            apdu.method_result(bytes.fromhex(answer), "A-1")
