# SPDX-License-Identifier: GPL-2.0-only
"""Security as meters have it: the modes, the keys, and what a meter's ciphered answers hold.

In: key files' bytes, ciphered APDUs, challenges. Out: keys as values, plain APDUs, verdicts.
Never: a key in a `repr` or an error; bytes whose tag is wrong; a clock, a file, a driver.

What a meter answers is opened here and not by gurux-dlms: it would let the meter's answer
choose the protection (`cipher.security = p.security`), takes an answer in the clear for a
ciphered one, and prints tags and private keys. What is sent is sealed here as well: the
library's own AES takes 7 ms for a request on a PC.

Source: IEC 62056-5-3 (DLMS UA 1000-2): glo- and general-glo-ciphering, HLS mechanism 5; the
other mechanisms are `hls`. The suites 1 and 2 differ here by the security control byte and, for
suite 2, the size of the keys; no meter has proven them.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from edge_agent.dlms.axdr import length
from edge_agent.errors import (
    AssociationRefused,
    ConfigurationError,
    CounterRefused,
    PasswordRefused,
    ProtocolViolation,
    Refusal,
    Unexplained,
)
from shared_schema.obis import Obis

PUBLIC_CLIENT: Final = 16
TITLE_BYTES: Final = 8
LAST_COUNTER: Final = 0xFFFFFFFF
LONGEST_PASSWORD: Final = 48
"""Of a ciphered association: gurux-dlms writes an AARQ of at most 127 bytes."""
_TAG_BYTES, _HEAD_BYTES = 12, 5
_AUTHENTICATED, _BOTH = 0x10, 0x30
_GENERAL_GLO = 0xDB
_INSIDE: Final = {0x28: 0x08, 0xCC: 0xC4, 0xCD: 0xC5, 0xCF: 0xC7}
"""Tag of a ciphered answer, and of what must be inside: initiate, get, set, action."""
_EXCEPTION, _SERVICE_ERROR = b"\xd8", b"\x0e"
_DECIPHERING_ERROR, _COUNTER_ERROR = 5, 6
_CIPHERED_CONTEXT: Final = bytes.fromhex("060760857405080103")
_PLAIN_CONTEXT: Final = bytes.fromhex("060760857405080101")
_MECHANISMS: Final = bytes.fromhex("608574050802")
GMAC: Final = 5
"""The number of the mechanism that needs no more than EK and AK."""
_CLIENT_MAKER = b"IOU"


class Mode(StrEnum):
    """How a client associates."""

    NONE = "none"
    LLS = "lls"
    """A password."""
    LLS_AE = "lls-ae"
    """A password, and everything after it authenticated and encrypted."""
    HLS_GMAC = "hls-gmac"
    """Both sides prove that they have the keys; everything is authenticated and encrypted."""
    HLS = "hls"
    """Both sides encrypt the other's challenge; what follows is in the clear."""
    HLS_MD5 = "hls-md5"
    """Both sides hash the other's challenge and a secret; what follows is in the clear."""
    HLS_SHA1 = "hls-sha1"
    """The same with SHA-1."""
    HLS_SHA256 = "hls-sha256"
    """Both sides hash titles, challenges and a secret; all is authenticated and encrypted."""
    HLS_ECDSA = "hls-ecdsa"
    """Both sides sign titles and challenges; everything is authenticated and encrypted."""

    @property
    def ciphered(self) -> bool:
        """Whether EK and AK are needed."""
        return self in (Mode.LLS_AE, Mode.HLS_GMAC, Mode.HLS_SHA256, Mode.HLS_ECDSA)

    @property
    def has_password(self) -> bool:
        """Whether a password, or the secret of high level security, is needed."""
        return self not in (Mode.NONE, Mode.HLS_GMAC, Mode.HLS_ECDSA)

    @property
    def usual(self) -> bool:
        """Whether Indian meters are delivered with it; what is not is unproven."""
        return self in (Mode.NONE, Mode.LLS, Mode.LLS_AE, Mode.HLS_GMAC)


@dataclass(frozen=True, slots=True)
class Keys:
    """The global unicast encryption key (EK), the authentication key (AK), their suite."""

    encryption: bytes = field(repr=False)
    authentication: bytes = field(repr=False)
    suite: int = 0


@dataclass(frozen=True, slots=True)
class Ciphering:
    """What a ciphered association needs beside its counter."""

    keys: Keys
    title: bytes
    """The client's system title, 8 bytes."""
    gmac: bool
    """HLS mechanism 5; else the password of low level security."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What the AARE says beside its result."""

    title: bytes
    """The meter's system title; empty where it gives none in the clear."""
    challenge: bytes
    """StoC; empty where there is none of the mechanism that was asked for."""
    initiate: bytes
    """The InitiateResponse, ciphered in a ciphered association."""


def key_size(suite: int) -> int:
    """Return the size of a suite's keys, bytes."""
    return 32 if suite == 2 else 16


def parse_key(text: bytes, suite: int, what: str) -> bytes:
    """Read a key as its file holds it: hexadecimal digits, or as many characters as bytes.

    Args:
        text: the file's content; spaces and newlines do not count in digits.
        suite: the security suite, 0 to 2.
        what: names the key in an error.

    Raises:
        ConfigurationError: it is neither.
    """
    size = key_size(suite)
    digits = b"".join(text.split())
    if len(digits) == 2 * size:
        try:
            return bytes.fromhex(digits.decode("ascii"))
        except ValueError:
            pass
    characters = text.rstrip(b"\r\n")
    if len(characters) == size:
        return characters
    raise ConfigurationError(
        f"{what} must hold {2 * size} hexadecimal digits, or {size} characters"
    )


def client_title(place: str) -> bytes:
    """Return a client system title for one meter: 8 bytes that no other place has.

    Utilities give one key to many meters. With one title for all of them, equal counters of
    two meters would make equal nonces under one key, and AES-GCM does not survive that.
    """
    return _CLIENT_MAKER + hashlib.sha256(place.encode()).digest()[: TITLE_BYTES - 3]


def counter_object(client: int) -> Obis:
    """Return the object that shows a client's invocation counter to everyone."""
    return Obis(0, 0, 43, 1, client // 16, 255)


def seal(keys: Keys, title: bytes, counter: int, plain: bytes) -> bytes:
    """Authenticate and encrypt: security control, counter, ciphertext, tag.

    Args:
        keys: EK and AK.
        title: the system title of the side that sends.
        counter: a number that was never used before with this title and key.
        plain: an APDU.
    """
    head = bytes((_BOTH | keys.suite,))
    number = counter.to_bytes(4, "big")
    encryptor = Cipher(algorithms.AES(keys.encryption), modes.GCM(title + number)).encryptor()
    encryptor.authenticate_additional_data(head + keys.authentication)
    hidden = encryptor.update(plain) + encryptor.finalize()
    return head + number + hidden + encryptor.tag[:_TAG_BYTES]


def sized(content: bytes) -> bytes:
    """Return bytes with their length before them, in as few bytes as it takes."""
    size = len(content)
    if size < 0x80:
        return bytes((size,)) + content
    count = (size.bit_length() + 7) // 8
    return bytes((0x80 | count,)) + size.to_bytes(count, "big") + content


def decipher(apdu: bytes, keys: Keys, title: bytes, after: int, label: str) -> tuple[bytes, int]:
    """Open one ciphered answer of a meter.

    Args:
        apdu: glo-initiate-response, glo-get-response, glo-action-response, or any of them as
            general-glo-ciphering.
        keys: EK and AK.
        title: the meter's system title.
        after: the meter's counter in its last answer; it must go on from there.
        label: the meter, for an error.

    Returns:
        The plain APDU, and the counter in this answer.

    Raises:
        ProtocolViolation: not ciphered, with another protection, replayed, or changed on the
            way.
    """
    tag = apdu[0] if apdu else -1
    at = 1
    if tag == _GENERAL_GLO:
        size, at = length(apdu, at)
        if apdu[at : at + size] not in (b"", title):
            raise ProtocolViolation(f"{label} answers under another system title")
        at += size
    elif tag not in _INSIDE:
        raise ProtocolViolation(f"{label} does not cipher its answer")
    size, at = length(apdu, at)
    content = apdu[at:]
    if len(content) != size or size < _HEAD_BYTES + _TAG_BYTES:
        raise ProtocolViolation(f"{label} sent a ciphered answer of another length than it says")
    if content[0] != _BOTH | keys.suite:
        raise ProtocolViolation(f"{label} protects its answer in another way than agreed")
    counter = int.from_bytes(content[1:_HEAD_BYTES], "big")
    if counter <= after:
        raise ProtocolViolation(f"{label} sent an answer that it had sent before")
    plain = _opened(content, keys, title)
    if plain is None:
        raise ProtocolViolation(
            f"{label} sent an answer whose tag is wrong: it was changed, or the keys differ"
        )
    if not plain or _INSIDE.get(tag, plain[0]) != plain[0]:
        raise ProtocolViolation(f"{label} ciphers another answer than it says")
    return plain, counter


class Opener:
    """Opens the answers of one ciphered association, each once."""

    def __init__(self, keys: Keys, title: bytes, label: str) -> None:
        self.title = title
        """The meter's system title."""
        self._keys = keys
        self._label = label
        self._last = -1

    def open(self, apdu: bytes) -> bytes:
        """Return the plain APDU of an answer; what refuses a service comes in the clear.

        Raises:
            ProtocolViolation: as `decipher`.
        """
        if apdu[:1] in (_EXCEPTION, _SERVICE_ERROR):
            return apdu
        plain, self._last = decipher(apdu, self._keys, self.title, self._last, self._label)
        return plain


def _opened(content: bytes, keys: Keys, title: bytes) -> bytes | None:
    nonce = title + content[1:_HEAD_BYTES]
    mode = modes.GCM(nonce, content[-_TAG_BYTES:], min_tag_length=_TAG_BYTES)
    decryptor = Cipher(algorithms.AES(keys.encryption), mode).decryptor()
    decryptor.authenticate_additional_data(content[:1] + keys.authentication)
    plain = decryptor.update(content[_HEAD_BYTES:-_TAG_BYTES])
    try:
        return plain + decryptor.finalize()
    except InvalidTag:
        return None


def proof(keys: Keys, title: bytes, counter: int, challenge: bytes) -> bytes:
    """Return f(challenge) of HLS mechanism 5: security control, counter, tag.

    Args:
        keys: EK and AK.
        title: the system title of the side that proves itself.
        counter: its invocation counter.
        challenge: what the other side sent.
    """
    head = bytes((_AUTHENTICATED | keys.suite,))
    number = counter.to_bytes(4, "big")
    encryptor = Cipher(algorithms.AES(keys.encryption), modes.GCM(title + number)).encryptor()
    encryptor.authenticate_additional_data(head + keys.authentication + challenge)
    encryptor.finalize()
    return head + number + encryptor.tag[:_TAG_BYTES]


def is_proof(value: bytes, keys: Keys, title: bytes, challenge: bytes) -> bool:
    """Return whether this is the other side's f(challenge)."""
    if len(value) != _HEAD_BYTES + _TAG_BYTES:
        return False
    counter = int.from_bytes(value[1:_HEAD_BYTES], "big")
    return hmac.compare_digest(proof(keys, title, counter, challenge), value)


def acceptance(
    answer: bytes, label: str, mechanism: int = GMAC, *, ciphered: bool = True
) -> Acceptance:
    """Read the AARE of an association that is ciphered or begins with challenges.

    Args:
        answer: the AARE.
        label: the meter, for an error.
        mechanism: the number of the mechanism whose challenge is looked for.
        ciphered: whether a ciphered association was asked for.

    Raises:
        ProtocolViolation: it is not ciphered as asked, or gives no system title.
    """
    fields = _fields(answer, 1, label)
    if fields.get(0xA1) != (_CIPHERED_CONTEXT if ciphered else _PLAIN_CONTEXT):
        other = "without" if ciphered else "with"
        raise ProtocolViolation(f"{label} accepts an association {other} ciphering")
    title = _fields(fields.get(0xA4, b""), 0, label).get(0x04, b"")
    if ciphered and len(title) != TITLE_BYTES:
        raise ProtocolViolation(f"{label} gives no system title of {TITLE_BYTES} bytes")
    initiate = _fields(fields.get(0xBE, b""), 0, label).get(0x04)
    if initiate is None:
        raise ProtocolViolation(f"{label} accepts an association without its terms")
    challenge = b""
    if fields.get(0x89) == _MECHANISMS + bytes((mechanism,)):
        challenge = _fields(fields.get(0xAA, b""), 0, label).get(0x80, b"")
    return Acceptance(title, challenge, initiate)


def _fields(data: bytes, at: int, label: str) -> dict[int, bytes]:
    """Cut BER elements into tag and content; from 1 on, those within the first one."""
    if at:
        _, at = length(data, at)
    fields: dict[int, bytes] = {}
    while at < len(data):
        size, start = length(data, at + 1)
        if start + size > len(data):
            raise ProtocolViolation(f"{label} sent half an AARE")
        fields[data[at]] = data[start : start + size]
        at = start + size
    return fields


def refusal(answer: bytes, label: str, client: int) -> AssociationRefused:
    """Return what an exception or a service error means that answers a ciphered AARQ.

    Returns:
        `PasswordRefused`: the meter cannot decipher: the keys differ. `CounterRefused`: it
        tells the counter that it expects. `Unexplained`: an exception that says no more than
        no. `AssociationRefused`: a service error; it is about the terms, not about secrets.
    """
    if answer[:1] != _EXCEPTION:
        return AssociationRefused(f"{label} answers the association with a service error")
    reason = answer[2] if len(answer) > 2 else 0
    if reason == _DECIPHERING_ERROR:
        return PasswordRefused(
            f"{label} cannot decipher: the keys of client {client} are not the meter's: see "
            "encryption_key_file and authentication_key_file",
            of=Refusal.KEYS,
        )
    if reason == _COUNTER_ERROR and len(answer) == 7:
        return CounterRefused(
            f"{label} refuses the invocation counter of client {client}",
            expected=int.from_bytes(answer[3:], "big"),
        )
    return Unexplained(
        f"{label} refuses client {client} without a reason: see its password and its keys"
    )


def plain_acceptance(initiate: bytes) -> bytes:
    """Return an AARE in the clear with these terms: what gurux-dlms is given to read."""
    body = bytes.fromhex("a109060760857405080101a203020100a305a103020100")
    body += bytes((0xBE, len(initiate) + 2, 0x04, len(initiate))) + initiate
    return bytes((0x61, len(body))) + body


def method_result(answer: bytes, label: str) -> tuple[int, bytes]:
    """Take the plain response to reply_to_HLS_authentication apart.

    Returns:
        The action result (0 success), and the octet string that came with it.

    Raises:
        ProtocolViolation: it is no such response.
    """
    if len(answer) < 5 or answer[:2] != b"\xc7\x01":
        raise ProtocolViolation(f"{label} answers its proof with something else")
    if answer[3] != 0:
        return answer[3], b""
    if answer[4:7] != b"\x01\x00\x09":
        return 0, b""
    size, at = length(answer, 7)
    if len(answer) - at != size:
        raise ProtocolViolation(f"{label} sent half a proof")
    return 0, answer[at:]
