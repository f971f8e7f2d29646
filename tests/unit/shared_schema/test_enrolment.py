# SPDX-License-Identifier: MIT
"""The request of a gateway: it is whole, or it is refused."""

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from shared_schema.certificates import certificate_request, new_tls_key
from shared_schema.enrolment import (
    EnrolmentRequest,
    make_request,
    open_certificate_request,
    open_request,
)
from shared_schema.errors import ContractError, MalformedMessage
from shared_schema.signing import fingerprint, generate_key, sign_message

NOW = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
KEY, TLS_KEY = generate_key(), new_tls_key()
REQUEST = make_request("gw-a", "Lake View", KEY, TLS_KEY, NOW)


def test_a_request_says_who_asks_with_both_keys() -> None:
    asked = open_request(REQUEST)
    assert (asked.request.gateway, asked.request.society) == ("gw-a", "Lake View")
    assert asked.request.made_at == NOW
    assert fingerprint(asked.key) == fingerprint(KEY.public_key())
    assert asked.tls_key.public_numbers() == TLS_KEY.public_key().public_numbers()


def test_line_ends_of_another_system_are_no_matter() -> None:
    assert open_request(REQUEST.rstrip(b"\n")).request == open_request(REQUEST).request


@given(st.integers(0, len(REQUEST) - 2), st.integers(1, 255))
def test_a_request_with_any_byte_changed_is_refused(place: int, bits: int) -> None:
    changed = bytearray(REQUEST)
    changed[place] ^= bits
    try:
        asked = open_request(bytes(changed))
    except ContractError:
        return
    assert asked == open_request(REQUEST), "base64 has bits that mean nothing"


@given(st.binary(max_size=300))
def test_anything_else_is_refused(payload: bytes) -> None:
    with pytest.raises(ContractError):
        open_request(payload)


def test_a_certificate_for_another_gateway_is_refused() -> None:
    request = EnrolmentRequest.from_line(REQUEST.partition(b"\n")[0])
    csr = certificate_request("ingest", TLS_KEY).decode()
    forged = request.model_copy(update={"certificate_request": csr})
    with pytest.raises(MalformedMessage, match="of 'ingest', not of 'gw-a'"):
        open_request(sign_message(forged.to_line(), KEY))


def test_a_weak_key_gets_no_certificate() -> None:
    weak = certificate_request("gw-a", ec.generate_private_key(ec.SECP192R1()))
    with pytest.raises(MalformedMessage, match="P-256 at least"):
        open_certificate_request(weak, "gw-a")
