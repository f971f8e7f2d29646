# SPDX-License-Identifier: MIT
"""Forms: their fields, after their CSRF token was compared.

A page is sent compressed, and its length must not tell the token to who can have words of his own
written beside it: each page has the token under another mask.

In: a body, urlencoded or multipart. Out: texts and files by name. Never: a form that another site
had a browser send.

Raises: Refused.
"""

import base64
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from cloud_ingest.http.refused import Refused

FIELD: Final = "csrf"
MOST_FIELDS: Final = 200
MOST_FILES: Final = 2


@dataclass(frozen=True, slots=True)
class Form:
    """What somebody filled in."""

    texts: Mapping[str, str]
    files: Mapping[str, bytes]

    def text(self, name: str) -> str:
        """Return a field, without the space around it; empty: it is not there."""
        return self.texts.get(name, "").strip()

    def file(self, name: str) -> bytes | None:
        """Return the bytes of a file; None: none was chosen."""
        return self.files.get(name) or None


def masked(token: str) -> str:
    """Return a token as a page has it: otherwise each time."""
    own = token.encode("utf-8", "replace")
    mask = secrets.token_bytes(len(own))
    return base64.urlsafe_b64encode(mask + _xor(mask, own)).decode()


def _is_masked(text: str, token: str) -> bool:
    """Say whether a field brings a token back."""
    try:
        both = base64.urlsafe_b64decode(text.encode())
    except ValueError:
        return False
    half = len(both) // 2
    return bool(token) and hmac.compare_digest(
        _xor(both[:half], both[half:]), token.encode("utf-8", "replace")
    )


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=False))


async def _checked(request: Request) -> Form:
    try:
        async with request.form(max_fields=MOST_FIELDS, max_files=MOST_FILES) as data:
            items = data.multi_items()
            texts = {name: value for name, value in items if isinstance(value, str)}
            files = {
                name: await value.read() for name, value in items if isinstance(value, UploadFile)
            }
    except (MultiPartException, UnicodeError):
        raise Refused(422, "refused", "the form cannot be read: send it again") from None
    if not _is_masked(texts.get(FIELD, ""), request.state.csrf):
        raise Refused(
            403, "form outdated", "this form is too old or not from here: open the page again"
        )
    return Form(texts, files)


CheckedForm = Annotated[Form, Depends(_checked)]
