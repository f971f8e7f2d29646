# SPDX-License-Identifier: MIT
"""The signature of a webhook."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_schema.webhook import TOLERANCE_S, sign_webhook, verify_webhook

SECRET = b"a secret of two sides"


@given(secret=st.binary(min_size=1), sent_s=st.integers(0, 10**11), body=st.binary())
def test_what_is_signed_verifies(secret: bytes, sent_s: int, body: bytes) -> None:
    header = sign_webhook(secret, sent_s, body)
    assert verify_webhook(secret, header, body, sent_s)
    assert not verify_webhook(secret, header, body + b" ", sent_s)
    assert not verify_webhook(secret + b"x", header, body, sent_s)
    assert not verify_webhook(secret, header.replace("t=", "t=1"), body, sent_s)


def test_the_scheme_is_the_one_of_the_docs() -> None:
    mac = hmac.new(SECRET, b"1764500000.{}", hashlib.sha256).hexdigest()
    assert sign_webhook(SECRET, 1764500000, b"{}") == f"t=1764500000,v1={mac}"


@pytest.mark.parametrize("off", [-TOLERANCE_S - 1, TOLERANCE_S + 1])
def test_an_old_message_is_refused(off: int) -> None:
    header = sign_webhook(SECRET, 1000, b"{}")
    assert not verify_webhook(SECRET, header, b"{}", 1000 + off)


@given(header=st.text())
def test_any_other_header_is_refused(header: str) -> None:
    assert not verify_webhook(SECRET, header, b"{}", 1000)
