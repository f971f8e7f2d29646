# SPDX-License-Identifier: GPL-2.0-only
"""The requests of a session: the library says nothing, whatever the terms are."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from edge_agent.dlms import aare
from edge_agent.dlms.peer import Peer
from edge_agent.dlms.request_writer import SET, RequestWriter, writing
from edge_agent.errors import AgentError, Breach, ProtocolViolation
from shared_schema.catalogue import CLOCK
from tests.vectors import hdlc_cosem as vectors

PEER = Peer("A-1", 17, client=32, password=SecretStr("12345678"))
ACCEPTED = vectors.AARE_ACCEPTED[12:-3]


def test_a_tag_that_nobody_knows_is_skipped(capsys: pytest.CaptureFixture[str]) -> None:
    strange = bytes((0x61, len(ACCEPTED))) + ACCEPTED[2:] + b"\xbf\x00"
    initiate = aare.plain_terms(strange, "A-1")
    assert initiate is not None
    writer = RequestWriter(PEER)
    writer.take_terms(initiate)
    assert writer.takes_lists
    assert capsys.readouterr().out == ""


def test_an_aare_may_name_no_terms() -> None:
    assert aare.plain_terms(bytes.fromhex("6105 A203020100".replace(" ", "")), "A-1") is None
    assert not RequestWriter(PEER).takes_lists


def test_terms_that_cannot_be_read_are_a_violation() -> None:
    with pytest.raises(ProtocolViolation, match="A-1: the terms of the association are cut off"):
        RequestWriter(PEER).take_terms(b"\x08\x00\x06")


def test_no_limit_of_an_apdu_is_the_largest() -> None:
    writer = RequestWriter(PEER)
    writer.take_terms(bytes.fromhex("0800065F1F040000501F00000007"))
    assert len(writer.change(SET, bytes(11), bytes(600))) == 1


def test_a_change_that_the_meter_cannot_take_is_not_sent() -> None:
    writer = RequestWriter(PEER)
    writer.take_terms(bytes.fromhex("0800065F1F040000501F00200007"))
    with pytest.raises(ProtocolViolation, match="takes APDUs of 32 bytes") as caught:
        writer.change(SET, bytes(11), bytes(20))
    assert caught.value.of is Breach.TERMS


@given(st.binary(max_size=24), st.binary(max_size=24))
def test_whatever_the_terms_requests_are_written_or_refused(ua: bytes, terms: bytes) -> None:
    writer = RequestWriter(PEER)
    writer.connect()
    writer.take_limits(ua)
    with contextlib.suppress(AgentError):
        writer.take_terms(b"\x08\x00\x06\x5f\x1f\x04\x00" + terms)
    assert writer.get(CLOCK, 8, 2, b"")
    with contextlib.suppress(AgentError):
        writer.change(SET, bytes(11), bytes(14))


def test_no_word_of_the_library_is_said() -> None:
    with pytest.raises(ProtocolViolation) as caught, writing("GET", "A-1"):
        raise ValueError("GXDLMS")
    assert str(caught.value) == "A-1: no GET can be written at the terms that the meter states"
