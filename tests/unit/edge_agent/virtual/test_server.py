# SPDX-License-Identifier: GPL-2.0-only
"""Associations, access results, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.virtual import axdr
from edge_agent.virtual.cosem import AccessResult
from edge_agent.virtual.server import Server
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    ACTIVE_IMPORT_INTERVAL,
    ASSOCIATION,
    BLOCK_LOAD_PROFILE,
    CLOCK,
    DEVICE_NAME,
    NAME_PLATE,
    SAP_ASSIGNMENT,
    SERIAL_NUMBER,
)
from shared_schema.obis import Obis
from tests.unit.edge_agent.virtual.steady import AARQ, NOW, PUBLIC_AARQ, client_of, steady_meter

_UNKNOWN = Obis.parse("1.0.99.8.0.255")


def test_public_client_sees_what_the_meter_is() -> None:
    client = client_of(steady_meter(), client=16)
    assert client.associate(PUBLIC_AARQ)[:2] == b"\x61\x29"
    assert client.get(8, bytes(CLOCK), 2)[:3] == b"\x00\x09\x0c"
    assert client.get(1, bytes(SERIAL_NUMBER), 2) == b"\x00\x09\x08GE000017"
    assert client.get(1, bytes(DEVICE_NAME), 2) == b"\x00\x09\x0bGENGE000017"
    assert client.get(17, bytes(SAP_ASSIGNMENT), 2)[:3] == b"\x00\x01\x01"
    assert client.get(7, bytes(NAME_PLATE), 2)[:3] == b"\x00\x01\x01"
    assert client.get(3, bytes(ACTIVE_IMPORT), 2) == b"\x01\x0d"
    assert client.get(7, bytes(BLOCK_LOAD_PROFILE), 2) == b"\x01\x0d"
    listed, _ = axdr.decode(client.get(15, bytes(ASSOCIATION), 2), 1)
    assert isinstance(listed.value, tuple)
    public = len(listed.value)
    reader = client_of(steady_meter())
    reader.associate()
    listed, _ = axdr.decode(reader.get(15, bytes(ASSOCIATION), 2), 1)
    assert isinstance(listed.value, tuple)
    assert public < 15 < len(listed.value)


@pytest.mark.parametrize(
    ("client", "aarq", "diagnostic"),
    [
        (32, PUBLIC_AARQ, 14),  # authentication required
        (16, AARQ, 11),  # a mechanism that the public client does not have
        (48, AARQ, 1),  # a client that this meter does not know
        (32, AARQ.replace(b"12345678", b"12345679"), 13),  # authentication failure
        (32, AARQ.replace(b"\x05\x08\x02\x01", b"\x05\x08\x02\x05"), 11),  # GMAC
        (32, AARQ.replace(b"\x05\x08\x01\x01", b"\x05\x08\x01\x03"), 2),  # ciphered context
    ],
)
def test_refused_associations(client: int, aarq: bytes, diagnostic: int) -> None:
    found = client_of(steady_meter(), client=client)
    answer = found.associate(aarq)
    assert b"\xa2\x03\x02\x01\x01" in answer
    assert answer.endswith(b"\xa3\x05\xa1\x03\x02\x01" + bytes((diagnostic,)))
    assert found.request(b"\xc0\x01\xc1\x00\x08\x00\x00\x01\x00\x00\xff\x02\x00") == b"\xd8\x01\x01"


def test_a_refused_association_ends_the_one_before() -> None:
    client = client_of(steady_meter())
    client.associate()
    client.request(AARQ.replace(b"12345678", b"12345679"))
    assert (
        client.request(b"\xc0\x01\xc1\x00\x08\x00\x00\x01\x00\x00\xff\x02\x00") == b"\xd8\x01\x01"
    )


@pytest.mark.parametrize(
    ("initiate", "reason"),
    [
        ("01 00 00 00 05 5F 1F 04 00 00 7E 1F 04 B0", 1),  # version 5
        ("01 00 00 00 06 5F 1F 04 00 00 00 08 04 B0", 2),  # no GET
        ("01 00 00 00 06 5F 1F 04 00 00 7E 1F 00 14", 3),  # APDUs of 20 bytes
    ],
)
def test_refused_initiate(initiate: str, reason: int) -> None:
    client = client_of(steady_meter())
    answer = client.associate(AARQ[:-14] + bytes.fromhex(initiate))
    assert answer.endswith(bytes((0xBE, 6, 4, 4, 0x0E, 1, 6, reason)))


def test_access_results() -> None:
    meter = steady_meter()
    client = client_of(meter)
    client.associate()
    energy = bytes(ACTIVE_IMPORT)
    by_entry = b"\x01\x02" + axdr.structure(
        axdr.double_long_unsigned(1),
        axdr.double_long_unsigned(1),
        axdr.long_unsigned(1),
        axdr.long_unsigned(0),
    )
    assert client.get(3, bytes(_UNKNOWN), 2) == b"\x01\x04"
    # Interval energies are captured columns, not objects.
    assert client.get(3, bytes(ACTIVE_IMPORT_INTERVAL), 2) == b"\x01\x04"
    assert client.get(1, energy, 2) == b"\x01\x09"
    assert client.get(3, energy, 4) == b"\x01\x03"
    assert client.get(3, energy, 0) == b"\x01\x03"
    assert client.get(3, energy, 2, by_entry) == b"\x01\x0d"
    assert client.get(3, energy, 1) == b"\x00\x09\x06" + energy
    meter.faults[ACTIVE_IMPORT] = AccessResult.TEMPORARY_FAILURE
    assert client.get(3, energy, 2) == b"\x01\x02"
    assert client.get(3, energy, 1)[0] == 0
    meter.faults.clear()
    assert client.get(3, energy, 2)[0] == 0


def test_dead_metering() -> None:
    client = client_of(steady_meter(metering_fails_at=NOW))
    client.associate()
    energy = bytes(ACTIVE_IMPORT)
    assert client.get(3, energy, 2) == b"\x01\x01"
    assert client.get(3, energy, 3)[0] == 0
    assert client.get(8, bytes(CLOCK), 2)[0] == 0
    assert client.get(1, bytes(SERIAL_NUMBER), 2)[0] == 0
    assert client.get(7, bytes((1, 0, 94, 91, 0, 255)), 2) == b"\x01\x01"
    assert client.get(7, bytes(BLOCK_LOAD_PROFILE), 2)[0] == 0


def test_get_with_list() -> None:
    client = client_of(steady_meter())
    client.associate()
    energy, unknown = bytes(ACTIVE_IMPORT), bytes(_UNKNOWN)
    asked = b"\x00\x03" + energy + b"\x03\x00" + b"\x00\x03" + unknown + b"\x02\x00"
    answer = client.request(b"\xc0\x03\xc1\x02" + asked)
    assert answer == b"\xc4\x03\xc1\x02\x00\x02\x02\x0f\x00\x16\x1e\x01\x04"
    # A list whose answer is long comes in blocks, its count first.
    asked = (b"\x00\x07" + bytes(BLOCK_LOAD_PROFILE) + b"\x03\x00") * 10
    answer = client.request(b"\xc0\x03\xc1\x0a" + asked)
    assert answer[:4] == b"\xc4\x02\xc1\x00"
    assert answer[12] == 10


def test_blocks_in_disorder() -> None:
    client = client_of(steady_meter())
    client.associate()
    assert client.request(bytes.fromhex("C002C100000001"))[:10].hex() == "c402c1010000000101" + "10"
    get = b"\xc0\x01\xc1\x00\x07" + bytes(BLOCK_LOAD_PROFILE) + b"\x02\x00"
    assert client.request(get)[:8].hex() == "c402c10000000001"
    assert client.request(bytes.fromhex("C002C100000007"))[-2:] == b"\x01\x13"
    assert client.request(bytes.fromhex("C002C100000001"))[-2:] == b"\x01\x10"


def test_nothing_can_be_written_or_done() -> None:
    client = client_of(steady_meter())
    client.associate()
    clock = b"\x00\x08" + bytes(CLOCK)
    assert client.request(b"\xc1\x01\xc1" + clock + b"\x02\x00\x00") == b"\xc5\x01\xc1\x03"
    assert client.request(b"\xc3\x01\xc1" + clock + b"\x01\x00") == b"\xc7\x01\xc1\x03\x00"
    assert client.request(b"\xc1\x04\xc1\x00") == b"\xd8\x02\x02"
    assert client.request(b"\xd9\x00") == b"\xd8\x02\x02"
    assert client.request(b"\x05\x00") == b"\xd8\x02\x02"
    assert client.request(b"\xc0\x01") == b"\xd8\x01\x03"


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from([b"\xc0\x01\xc1", b"\xc0\x03\xc1", b"\x60", AARQ[:40]]).flatmap(
                lambda head: st.binary(max_size=40).map(lambda tail: head + tail)
            ),
            st.just(AARQ),
        ),
        max_size=6,
    )
)
def test_any_apdu_has_an_answer(apdus: list[bytes]) -> None:
    server = Server(steady_meter()._device)
    server.connect(32)
    for apdu in apdus:
        assert server.request(apdu, NOW)
