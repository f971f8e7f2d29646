# SPDX-License-Identifier: MIT
"""Forms: their fields, after their CSRF token was compared.

In: a body, urlencoded or multipart. Out: texts and files by name. Never: a form that another site
had a browser send.

Raises: Refused.
"""

import hmac
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
    own: str = request.state.csrf
    if not hmac.compare_digest(texts.get(FIELD, "").encode("utf-8", "replace"), own.encode()):
        raise Refused(
            403, "form outdated", "this form is too old or not from here: open the page again"
        )
    return Form(texts, files)


CheckedForm = Annotated[Form, Depends(_checked)]
