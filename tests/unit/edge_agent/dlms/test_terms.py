# SPDX-License-Identifier: GPL-2.0-only
"""The terms of a session, from bytes: what is unknown is skipped, what ends it is said."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.dlms.terms import LONGEST_APDU, Terms, initiate_terms, longest_information
from edge_agent.errors import AgentError, AssociationRefused, Breach, ProtocolViolation

RESPONSE = "0800065F1F0400{conformance}{size}0007"
OFFERED = "00501F"


def response(size: str = "0400", conformance: str = OFFERED) -> bytes:
    return bytes.fromhex(RESPONSE.format(conformance=conformance, size=size))


@pytest.mark.parametrize(
    ("information", "size"),
    [
        ("", 128),
        ("818012050180060180070400000001080400000001", 128),
        ("8180140502040006020400070400000001080400000001", 1024),
        ("8180170502040006020400070400000001080400000001090101", 1024),  # nobody knows 09
        ("81801B0502040006020400 4B03010203 070400000001080400000001", 1024),
        ("8180 0A 05 00 06 00 0704 00000001", 128),  # parameters without a value
        ("8180 06 06 03 000400 0501", 1024),  # three bytes, and one that is cut off
        ("8180 FF 0601 40", 64),  # the group says too much
        ("8180 02 06 02 0400", 128),  # the group ends within the parameter
        ("81 F0 02 FFFF 80 03 060140", 64),  # another group before that of the link
        ("81 80 03 060140 FF 02 0601", 64),  # user data behind it
        ("82 80 03 060140", 128),  # another format
        ("81", 128),
        ("8180", 128),
        ("818003060100", 128),  # no frame is so short
    ],
)
def test_the_longest_information_of_ua(information: str, size: int) -> None:
    assert longest_information(bytes.fromhex(information)) == size


@given(st.binary(max_size=40))
def test_any_ua_gives_a_size(information: bytes) -> None:
    assert longest_information(information) >= 8


@pytest.mark.parametrize(
    ("initiate", "terms"),
    [
        (response(), Terms(0x00501F, 1024)),
        (response("0000"), Terms(0x00501F, LONGEST_APDU)),
        (response("0020"), Terms(0x00501F, 32)),
        (response(conformance="000000"), Terms(0, 1024)),
        (bytes.fromhex("080105065F1F040000501F04000007"), Terms(0x00501F, 1024)),
        (bytes.fromhex("0800065F040000501F04000007"), Terms(0x00501F, 1024)),
        (bytes.fromhex("0800065F1F040000501F0400"), Terms(0x00501F, 1024)),
        (response() + b"\x01\x02", Terms(0x00501F, 1024)),
    ],
)
def test_terms_that_can_be_kept(initiate: bytes, terms: Terms) -> None:
    assert initiate_terms(initiate, "A-1") == terms


@pytest.mark.parametrize(
    ("initiate", "said"),
    [
        (response("0001"), "APDUs of 1 bytes"),
        (b"", "nothing"),
        (response()[:-5], "cut off"),
        (bytes.fromhex("0800055F1F040000501F04000007"), "version"),
        (response()[:-2] + b"\xfa\x00", "short names"),
        (response()[:-2] + b"\x12\x34", "another application"),
        (bytes.fromhex("C401C100"), "no initiate response"),
    ],
)
def test_terms_that_end_the_association(initiate: bytes, said: str) -> None:
    with pytest.raises(ProtocolViolation, match=said) as caught:
        initiate_terms(initiate, "A-1")
    assert caught.value.of is Breach.TERMS
    assert str(caught.value).startswith("A-1: ")


def test_a_service_error_is_named() -> None:
    with pytest.raises(AssociationRefused, match="pdu-size-too-short"):
        initiate_terms(bytes.fromhex("0E010603"), "A-1")


@given(st.binary(max_size=30))
def test_any_terms_are_read_or_the_one_error(tail: bytes) -> None:
    with contextlib.suppress(AgentError):
        initiate_terms(b"\x08" + tail, "A-1")
