# SPDX-License-Identifier: MIT
"""A gateway's diagnosis on its way: a JSON document, compressed, as text in a result.

In: a document, or the text of one. Out: the other. Never: more memory than `MOST_PLAIN`, whoever
sent the text.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import from_json

from shared_schema.errors import MalformedMessage

MOST_COMPRESSED: Final = 48 * 1024
MOST_PACKED: Final = MOST_COMPRESSED * 4 // 3
"""Characters of base64: with the rest of a result they stay far below a broker's limit."""
MOST_PLAIN: Final = 4 * 1024 * 1024


def packed(document: Mapping[str, Any]) -> str:
    """Write a document as it is sent; the caller compares its length with `MOST_PACKED`."""
    plain = json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=str)
    return base64.b64encode(zlib.compress(plain.encode("utf-8", "replace"), 9)).decode("ascii")


def unpacked(text: str) -> dict[str, Any]:
    """Read a document that was sent.

    Raises:
        MalformedMessage: it is none, or would take more than `MOST_PLAIN`.
    """
    try:
        reader = zlib.decompressobj()
        plain = reader.decompress(base64.b64decode(text, validate=True), MOST_PLAIN)
        if not reader.eof:
            raise MalformedMessage(f"a diagnosis is cut off, or larger than {MOST_PLAIN} bytes")
        document = from_json(plain)  # neither deeper than can be written, nor half a character
    except (binascii.Error, zlib.error, ValueError) as error:
        if isinstance(error, MalformedMessage):
            raise
        raise MalformedMessage(f"no diagnosis: {error}") from None
    if not isinstance(document, dict):
        raise MalformedMessage("no diagnosis: not a JSON object")
    return document
