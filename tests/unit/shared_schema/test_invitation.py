# SPDX-License-Identifier: MIT
"""An invitation says what the office signed, or nothing."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_schema.certificates import PEM, Issuer
from shared_schema.errors import ContractError, MalformedMessage, SignatureInvalid
from shared_schema.invitation import (
    LARGEST_INVITATION,
    Invitation,
    encoded_key,
    has_ended,
    make_invitation,
    open_invitation,
)
from shared_schema.signing import generate_key

NOW = datetime(2026, 12, 1, tzinfo=UTC)
OFFICE, OTHER = generate_key(), generate_key()
AUTHORITY = Issuer.make("Our authority", NOW, timedelta(days=365)).certificate.public_bytes(PEM)
SAID = Invitation(
    number="ab" * 32,
    gateway="gw-a",
    society="Lake View",
    tower=None,
    broker_host="mqtt.example",
    broker_port=8883,
    authority=AUTHORITY.decode(),
    key=encoded_key(OFFICE),
    ends_at=NOW + timedelta(days=30),
)
PAYLOAD = make_invitation(SAID, OFFICE)


def test_an_invitation_comes_back_as_it_was_signed() -> None:
    assert open_invitation(PAYLOAD) == SAID
    assert open_invitation(PAYLOAD.rstrip(), OFFICE.public_key()) == SAID


@given(st.integers(0, len(PAYLOAD) - 2), st.integers(1, 255))
def test_a_changed_byte_is_noticed(place: int, by: int) -> None:
    changed = bytearray(PAYLOAD)
    changed[place] ^= by
    try:
        found = open_invitation(bytes(changed), OFFICE.public_key())
    except ContractError:
        return
    assert found == SAID  # what stands around the signature may be written in another way


@given(st.binary(max_size=200))
def test_garbage_is_no_invitation(garbage: bytes) -> None:
    with pytest.raises(ContractError):
        open_invitation(garbage)


def test_another_clouds_invitation_is_refused() -> None:
    theirs = make_invitation(SAID.model_copy(update={"key": encoded_key(OTHER)}), OTHER)
    assert open_invitation(theirs).gateway == "gw-a"
    with pytest.raises(SignatureInvalid):
        open_invitation(theirs, OFFICE.public_key())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("authority", "no certificate"),
        ("key", "no key"),
        ("key", base64.b64encode(b"short").decode()),
        ("gateway", "gw a"),
        ("broker_host", "mqtt.example; reboot"),
        ("broker_port", 0),
    ],
)
def test_what_cannot_be_is_malformed(field: str, value: object) -> None:
    payload = make_invitation(SAID.model_copy(update={field: value}), OFFICE)
    with pytest.raises(MalformedMessage):
        open_invitation(payload)


def test_what_is_too_large_is_not_read() -> None:
    with pytest.raises(MalformedMessage):
        open_invitation(PAYLOAD + b"\n" * LARGEST_INVITATION)


def test_an_invitation_ends() -> None:
    assert not has_ended(SAID, SAID.ends_at - timedelta(seconds=1))
    assert has_ended(SAID, SAID.ends_at)
