# SPDX-License-Identifier: MIT
"""The signature of a webhook: HMAC-SHA256 over the time of sending and the body.

The header ``IoT-Utility-Signature`` is ``t=SECONDS,v1=HEX``. HEX is the HMAC-SHA256, by the secret
that both sides have, of the text SECONDS, a full stop, and the body as it came. A receiver verifies
it over the bytes, before it reads them, and refuses a time that is too far from its own clock.

In: a secret, a time, a body. Out: the header's value, or whether it holds. Pure.
"""

import hashlib
import hmac
import re

SIGNATURE_HEADER = "IoT-Utility-Signature"
TOLERANCE_S = 300
"""How far the time of sending may be from the receiver's clock."""

_HEADER = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")


def sign_webhook(secret: bytes, sent_s: int, body: bytes) -> str:
    """Return the header's value.

    Args:
        secret: That of this receiver.
        sent_s: The time of sending in seconds since 1970.
        body: The bytes that are sent.
    """
    return f"t={sent_s},v1={_mac(secret, str(sent_s), body)}"


def verify_webhook(
    secret: bytes, header: str, body: bytes, now_s: float, tolerance_s: int = TOLERANCE_S
) -> bool:
    """Say whether a message is from somebody who has the secret, and was sent just now.

    Args:
        secret: That of this receiver.
        header: The value of ``IoT-Utility-Signature``.
        body: The bytes as they came.
        now_s: The receiver's clock, in seconds since 1970.
        tolerance_s: How far the time of sending may be from it.
    """
    match = _HEADER.fullmatch(header)
    if match is None:
        return False
    holds = hmac.compare_digest(_mac(secret, match[1], body), match[2])
    return holds and abs(now_s - int(match[1])) <= tolerance_s


def _mac(secret: bytes, sent_s: str, body: bytes) -> str:
    return hmac.new(secret, sent_s.encode() + b"." + body, hashlib.sha256).hexdigest()
