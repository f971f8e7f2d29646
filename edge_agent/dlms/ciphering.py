# SPDX-License-Identifier: GPL-2.0-only
"""Ciphering of one association: requests are sealed, answers opened, both sides prove the keys.

Why by hand: gurux-dlms would let the meter's answer choose the protection
(`cipher.security = p.security`), takes an answer in the clear for a ciphered one, and prints
tags and private keys; its AES, in Python, takes 7 ms for a request on a PC. Here `cryptography`
does the work.

Source: IEC 62056-5-3 (DLMS UA 1000-2): glo- and general-glo-ciphering, HLS mechanism 5; the
other mechanisms are `hls`.

In: plain APDUs, ciphered answers, challenges, keys. Out: sealed requests, plain answers, proofs.
Owns: the meter's last counter, so that no answer is taken twice.
Never: a key in a `repr` or an error; bytes whose tag is wrong; a clock, a file, a driver.
"""

import hmac
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from edge_agent.dlms.axdr_types import length
from edge_agent.dlms.security import Ciphering, Keys
from edge_agent.errors import Breach, ProtocolViolation

_TAG_BYTES, _HEAD_BYTES = 12, 5
_AUTHENTICATED, _BOTH = 0x10, 0x30
_GENERAL_GLO: Final = 0xDB
_GLO: Final = {0x01: 0x21, 0xC0: 0xC8, 0xC1: 0xC9, 0xC3: 0xCB}
"""Tag of a request, and of the same ciphered: initiate, get, set, action."""
_INSIDE: Final = {0x28: 0x08, 0xCC: 0xC4, 0xCD: 0xC5, 0xCF: 0xC7}
"""Tag of a ciphered answer, and of what must be inside: initiate, get, set, action."""
_OTHER_KEYS: Final = {
    0xD4: "ded-get-response, under a dedicated key",
    0xD5: "ded-set-response, under a dedicated key",
    0xD7: "ded-action-response, under a dedicated key",
    0xDC: "general-ded-ciphering, under a dedicated key",
    0xDD: "general-ciphering, under a key that it names itself",
}
"""Answers under a key that this client did not agree on; it proposes no dedicated key."""
REFUSALS: Final = (b"\xd8", b"\x0e")
"""What refuses a service, always in the clear: exception, service error."""


class Numbers(Protocol):
    """Where invocation counters come from: `invocation_counter.Counter`."""

    def take(self) -> int:
        """Return the next number, once."""
        ...


class Sealer:
    """Seals the requests of one ciphered association, each under a number of its own."""

    def __init__(self, ciphering: Ciphering, numbers: Numbers) -> None:
        self.title = ciphering.title
        """The client's system title."""
        self._keys = ciphering.keys
        self._numbers = numbers

    def seal(self, plain: bytes) -> bytes:
        """Seal an APDU, without the tag and the length that stand before it.

        Raises:
            NoCounter, SpoolError: there is no number: nothing may be sent.
        """
        return seal(self._keys, self.title, self._numbers.take(), plain)

    def request(self, plain: bytes, *, general: bool) -> bytes:
        """Return the ciphered APDU of a request.

        Args:
            plain: GET, SET or ACTION.
            general: as general-glo-ciphering, which names the system title.

        Raises:
            NoCounter, SpoolError: as `seal`.
        """
        head = (
            bytes((_GENERAL_GLO,)) + with_length(self.title)
            if general
            else bytes((_GLO[plain[0]],))
        )
        return head + with_length(self.seal(plain))

    def proof(self, challenge: bytes) -> bytes:
        """Answer the meter's challenge, HLS mechanism 5.

        Raises:
            NoCounter, SpoolError: as `seal`.
        """
        return proof(self._keys, self.title, self._numbers.take(), challenge)


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
        if apdu[:1] in REFUSALS:
            return apdu
        plain, self._last = decipher(apdu, self._keys, self.title, self._last, self._label)
        return plain


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


def with_length(content: bytes) -> bytes:
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
    tag, content = _sealed(apdu, title, label)
    if content[0] != _BOTH | keys.suite:
        raise ProtocolViolation(
            f"{label} protects its answer in another way than agreed", of=Breach.PROTECTION
        )
    counter = int.from_bytes(content[1:_HEAD_BYTES], "big")
    if counter <= after:
        raise ProtocolViolation(
            f"{label} sent an answer that it had sent before", of=Breach.PROTECTION
        )
    plain = unseal(content, keys, title)
    if plain is None:
        raise ProtocolViolation(
            f"{label} sent an answer whose tag is wrong: it was changed, or the keys differ",
            of=Breach.PROTECTION,
        )
    if not plain or _INSIDE.get(tag, plain[0]) != plain[0]:
        raise ProtocolViolation(
            f"{label} ciphers another answer than it says", of=Breach.PROTECTION
        )
    return plain, counter


def _sealed(apdu: bytes, title: bytes, label: str) -> tuple[int, bytes]:
    """Return the tag of a ciphered answer, and what stands behind its heads.

    Raises:
        ProtocolViolation: it is not ciphered, or under another title or key, or cut off.
    """
    tag, at = apdu[0] if apdu else -1, 1
    if tag == _GENERAL_GLO:
        size, at = length(apdu, at)
        if apdu[at : at + size] not in (b"", title):
            raise ProtocolViolation(
                f"{label} answers under another system title", of=Breach.PROTECTION
            )
        at += size
    elif tag in _OTHER_KEYS:
        raise ProtocolViolation(
            f"{label} answers with {_OTHER_KEYS[tag]}: only the global key (EK) was agreed",
            of=Breach.OTHER_KEY,
        )
    elif tag not in _INSIDE:
        raise ProtocolViolation(f"{label} does not cipher its answer", of=Breach.PROTECTION)
    size, at = length(apdu, at)
    content = apdu[at:]
    if len(content) != size or size < _HEAD_BYTES + _TAG_BYTES:
        raise ProtocolViolation(
            f"{label} sent a ciphered answer of another length than it says", of=Breach.PROTECTION
        )
    return tag, content


def unseal(content: bytes, keys: Keys, title: bytes) -> bytes | None:
    """Return the plain bytes of what `seal` makes, of either side; None where the tag is wrong.

    Args:
        content: security control, counter, ciphertext, tag.
        keys: EK and AK.
        title: the system title of the side that sent it.
    """
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
