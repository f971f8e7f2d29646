# SPDX-License-Identifier: GPL-2.0-only
"""Answers to an association request: the books' AARE, refusals, and changed bytes."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.dlms.aare import Verdict, acceptance, association_result, plain_terms, refusal
from edge_agent.errors import (
    CounterRefused,
    PasswordRefused,
    ProtocolViolation,
    Unexplained,
)
from tests.vectors import hdlc_cosem
from tests.vectors import security as vectors

TITLE = vectors.METER_TITLE


def test_the_acceptance_of_the_books() -> None:
    found = acceptance(vectors.GMAC_AARE, "A-1")
    assert (found.title, found.challenge) == (TITLE, vectors.STOC)
    assert found.initiate == vectors.GMAC_AARE[-33:]
    assert acceptance(vectors.AE_AARE, "A-1").challenge == b""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("05080103", "05080101", "without ciphering"),
        ("A40A0408" + TITLE.hex(), "A40A0408" + "00" * 7, "half|system title|not readable"),
        ("A40A0408" + TITLE.hex(), "", "system title"),
        ("BE230421", "BE230521", "terms"),
    ],
)
def test_an_acceptance_with_other_terms(old: str, new: str, said: str) -> None:
    changed = vectors.AE_AARE.hex().upper().replace(old.upper(), new)
    with pytest.raises(ProtocolViolation, match=said):
        acceptance(bytes.fromhex(changed), "A-1")


@given(st.binary(max_size=40))
def test_any_aare_is_read_or_a_violation(tail: bytes) -> None:
    with contextlib.suppress(ProtocolViolation):
        acceptance(b"\x61" + tail, "A-1")


def test_refusals_by_what_helps() -> None:
    assert isinstance(refusal(bytes.fromhex("D80105"), "A-1", 32), PasswordRefused)
    found = refusal(vectors.COUNTER_ERROR, "A-1", 32)
    assert isinstance(found, CounterRefused)
    assert not isinstance(found, PasswordRefused)
    assert found.expected == 0x104
    for answer in ("D80103", "D801", "D8", "D8010600"):
        assert isinstance(refusal(bytes.fromhex(answer), "A-1", 32), Unexplained)
    terms = refusal(bytes.fromhex("0E010602"), "A-1", 32)
    assert not isinstance(terms, PasswordRefused | CounterRefused)


def test_the_associations_of_the_books() -> None:
    assert association_result(hdlc_cosem.AARE_ACCEPTED[12:-3], "A-1") == Verdict(0, 0)
    assert association_result(hdlc_cosem.AARE_WRONG_PASSWORD[12:-3], "A-1") == Verdict(1, 13)


def test_a_providers_refusal_is_no_wrong_password() -> None:
    answer = bytes.fromhex("610c A203020102 A305A20302010D".replace(" ", ""))
    assert association_result(answer, "A-1") == Verdict(2, 0x100 + 13)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("6107 A203020100", "half an AARE"),
        ("6110 A109060760857405080102 A203020100", "another context"),
        ("6109 A203020100 BE020500", "without its terms"),
    ],
)
def test_other_terms_are_a_violation(answer: str, said: str) -> None:
    with pytest.raises(ProtocolViolation, match=said):
        plain_terms(bytes.fromhex(answer), "A-1")


def test_bytes_after_a_plain_answer_are_padding() -> None:
    answer = hdlc_cosem.AARE_ACCEPTED[12:-3]
    assert plain_terms(answer + b"\x00", "A-1") == plain_terms(answer, "A-1")


def test_long_elements_of_an_aare_are_skipped() -> None:
    strange = bytes.fromhex("A48183 04 8180") + bytes(128)  # a title of 128 bytes
    body = hdlc_cosem.AARE_ACCEPTED[14:-3]
    answer = b"\x61\x81" + bytes([len(strange) + len(body)]) + strange + body
    assert association_result(answer, "A-1") == Verdict(0, 0)
    assert plain_terms(answer, "A-1") is not None


def test_a_service_error_within_an_aare_is_named() -> None:
    answer = bytes.fromhex("6116 A203020101 A305A103020101 BE06 04040E010603")
    assert association_result(answer, "A-1") == Verdict(1, 1, "pdu-size-too-short")


def test_an_aare_without_a_result_is_shown() -> None:
    with pytest.raises(ProtocolViolation, match=r"without a result \(61 05 01 02 03 04 05\)"):
        association_result(bytes.fromhex("61050102030405"), "A-1")
