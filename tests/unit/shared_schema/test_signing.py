# SPDX-License-Identifier: MIT
"""A signature line is checked or refused with the contract's own errors, whatever it holds."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_schema.errors import ContractError, MalformedMessage, SignatureInvalid
from shared_schema.signing import (
    SignatureLine,
    generate_key,
    open_message,
    sign_document,
    sign_line,
    sign_message,
    verify_document,
    verify_line,
)

KEY = generate_key()


def test_what_was_signed_opens_and_nothing_else_does() -> None:
    message = sign_message(b"line", KEY)
    assert open_message(message, KEY.public_key()) == b"line"
    with pytest.raises(SignatureInvalid):
        open_message(message, generate_key().public_key())
    with pytest.raises(SignatureInvalid):
        verify_line(b"Line", sign_line(b"line", KEY), KEY.public_key())


@given(st.text(max_size=100))
def test_a_malformed_signature_is_refused_as_ours(text: str) -> None:
    with pytest.raises(ContractError):
        verify_line(b"line", SignatureLine(signature=text).to_line(), KEY.public_key())


@given(st.dictionaries(st.text(), st.text() | st.integers(), min_size=1), st.booleans())
def test_a_signed_document_is_json_and_opens(document: dict[str, str | int], wide: bool) -> None:
    text = sign_document(json.dumps(document, indent=2 if wide else None), KEY)
    verify_document(text, KEY.public_key())
    assert {**document, "signature": json.loads(text)["signature"]} == json.loads(text)
    with pytest.raises(SignatureInvalid):
        verify_document(text, generate_key().public_key())


@given(st.integers(min_value=0), st.characters(codec="ascii"))
def test_a_document_with_another_character_is_refused(place: int, other: str) -> None:
    text = sign_document('{\n  "label": "A-1",\n  "seals": ["S-1"]\n}', KEY)
    place %= len(text) - 1  # the last line break may be missing
    spoilt = text[:place] + other + text[place + 1 :]
    if spoilt != text:
        with pytest.raises(ContractError):
            verify_document(spoilt, KEY.public_key())


def test_a_signature_beyond_ascii_is_malformed() -> None:
    line = SignatureLine(signature="\u092e" * 88).to_line()
    with pytest.raises(MalformedMessage):
        verify_line(b"line", line, KEY.public_key())
