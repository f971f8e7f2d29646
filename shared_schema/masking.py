# SPDX-License-Identifier: MIT
"""Masking: what leaves for a diagnosis holds no secret, in whatever form it is written.

Each secret is looked for as its file holds it and in the forms in which programs write bytes:
hexadecimal, base64, quoted. A text that names a password beside a value loses the value, whether
it is known or not; so does a private key of PEM, and the password of an address (``user:…@``).

In: secrets as bytes; texts and documents. Out: the same with `MASK` in their place. Pure.
Never: a secret in an error or a `repr`.
"""

import base64
import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from shared_schema.text import visible

MASK: Final = "***"
_SHORT: Final = 4
"""A shorter form is replaced where it stands as a word, or numbers would lose their digits."""
_PEM_LINE: Final = 8
_CUT: Final = "\0"
_LONGEST_FORM: Final = 2048
"""A key in PEM as digits with blanks has 800; so much at a cut may be a part of a secret."""
_NAME: Final = r"(?i:psk|passwords?|passwd|pwd|passphrase|secret|token)\\*[\"']?"
_NAMED: Final = re.compile(
    rf"({_NAME}(?:\s*[=:]\s*|\s+(?=[\"'])))"
    r"(\\+\".*?\\+\"|\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s,;}\]]+)"
)
"""A name of a secret, and the value that stands behind it."""
_REST_OF_LINE: Final = re.compile(rf"{_NAME}\s*[=:][^\S\n]*(.*\S)")
"""In a file of settings a value may have spaces without quotes."""
_IN_AN_ADDRESS: Final = re.compile(r"(://[^\s/:@]*:)[^\s/@]+(?=@)")
_PEM_KEY: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"(?:[\s\S]{0,16384}?-----END [A-Z ]*PRIVATE KEY-----|[\s\S]{0,4096})"
)
"""A private key; where its end is missing, as much as one may take."""


def named_secrets(text: str) -> Iterator[bytes]:
    """Yield what a text, such as a file of settings, calls a password or a secret."""
    for found in _NAMED.finditer(text):
        yield found[2].strip("\"'").encode()
    for found in _REST_OF_LINE.finditer(text):
        rest = found[1]
        quoted = rest[1:-1] if rest[:1] == rest[-1:] and rest[0] in "\"'" else ""
        yield from (each.encode() for each in (rest, quoted) if len(each) >= _SHORT)
        with contextlib.suppress(ValueError, AttributeError):  # YAML's double quotes are JSON's
            yield json.loads(rest).encode()


class Mask:
    """Replaces the secrets in what it is given."""

    def __init__(self, secrets: Iterable[bytes]) -> None:
        forms = {form for secret in secrets for form in _forms(secret) if form.strip()}
        longest_first = sorted(forms, key=len, reverse=True)
        self._known = [(form.casefold(), _pattern(form)) for form in longest_first]

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        folded = text.casefold()
        found = [pattern for form, pattern in self._known if form in folded]
        known = re.sub("|".join(found), MASK, text, flags=re.IGNORECASE) if found else text
        without_keys = _PEM_KEY.sub(MASK, known)
        return _NAMED.sub(rf"\g<1>{MASK}", _IN_AN_ADDRESS.sub(rf"\g<1>{MASK}", without_keys))

    def lines(self, lines: Sequence[str], longest: int) -> list[str]:
        """Return the lines of a log without secrets, a key of many lines too.

        Args:
            lines: as they were logged.
            longest: each is cut to so many characters, but not before it is masked.
        """
        most = longest + _LONGEST_FORM
        text = "\n".join(each if len(each) <= most else each[:most] + _CUT for each in lines)
        masked = self.text(text).split("\n") if lines else []
        whole = (each[:-_LONGEST_FORM] if each.endswith(_CUT) else each for each in masked)
        return [each[:longest] for each in whole]

    def document(self, value: Any) -> Any:
        """Return a document for JSON without secrets: its keys are our own words."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.document(each) for key, each in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.document(each) for each in value]
        if value is None or isinstance(value, bool):
            return value
        shown = self.text(str(value))
        return value if shown == str(value) else shown


def _pattern(form: str) -> str:
    return re.escape(form) if len(form) >= _SHORT else rf"(?<!\w){re.escape(form)}(?!\w)"


def _forms(secret: bytes) -> Iterator[str]:
    """Yield the ways in which a program may write a secret."""
    whole = {secret, *_inner(secret)}
    for value in whole | {each.strip() for each in whole}:
        if not value:
            continue
        digits = value.hex()
        pairs = [digits[at : at + 2] for at in range(0, len(digits), 2)]
        yield from (digits, " ".join(pairs), ":".join(pairs))
        for encoded in (base64.b64encode(value), base64.urlsafe_b64encode(value)):
            yield encoded.decode().rstrip("=")
        for encoding in ("utf-8", "latin-1"):
            try:
                text = value.decode(encoding)
            except UnicodeDecodeError:
                continue
            unescaped = json.dumps(text, ensure_ascii=False)[1:-1]
            yield from (text, json.dumps(text)[1:-1], unescaped, visible(text), visible(unescaped))
            yield from (repr(text)[1:-1], repr(value)[2:-1], quote(text), quote(text, safe=""))
    for line in secret.split(b"\n"):  # of a PEM file, whose lines are copied one by one
        if len(line) >= _PEM_LINE and not line.startswith(b"-----"):
            yield line.decode("ascii", errors="replace").strip()


def _inner(secret: bytes) -> Iterator[bytes]:
    """Yield the bytes for which a file's text stands: digits of a key, a private key of PEM."""
    with contextlib.suppress(ValueError):  # UnicodeDecodeError is one
        yield bytes.fromhex(b"".join(secret.split()).replace(b":", b"").decode("ascii"))
    if b"-----BEGIN" not in secret:
        return
    try:
        key = load_pem_private_key(secret, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return
    if isinstance(key, Ed25519PrivateKey):
        yield key.private_bytes_raw()
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        yield key.private_numbers().private_value.to_bytes((key.key_size + 7) // 8, "big")
