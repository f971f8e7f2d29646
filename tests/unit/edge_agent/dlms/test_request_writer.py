# SPDX-License-Identifier: GPL-2.0-only
"""The requests of a session: the library says nothing, whatever the terms are."""

import pytest
from pydantic import SecretStr

from edge_agent.dlms import aare
from edge_agent.dlms.peer import Peer
from edge_agent.dlms.request_writer import RequestWriter
from edge_agent.errors import ProtocolViolation
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
    with pytest.raises(ProtocolViolation, match="AARE: "):
        RequestWriter(PEER).take_terms(b"\x08\x00")
