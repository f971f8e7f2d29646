# SPDX-License-Identifier: GPL-2.0-only
"""What a meter does with keys: ciphering, GMAC, and the counters of its clients.

In: ciphered APDUs of a client. Out: their plain bytes, and the meter's answers ciphered; the
next counter that each client may use. Owns: the keys, the counters, the challenge generator.
Never shows a key; never takes a counter twice.

Written from the Green Book (security suite 0, AES-GCM-128 with a tag of 12 bytes), apart from
the agent's side, so that a mistake of one is seen by the other. A deciphering runs the cipher
forward, for the key stream, and once more for the tag.
"""

import hmac
import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from edge_agent.virtual import axdr
from edge_agent.virtual.axdr import AxdrError

AUTHENTICATED, ENCRYPTED = 0x10, 0x20
GLO_INITIATE_REQUEST, GLO_INITIATE_RESPONSE = 0x21, 0x28
GENERAL_GLO, GENERAL_DED = 0xDB, 0xDC
GLO_REQUESTS = {0xC8: 0xC0, 0xC9: 0xC1, 0xCB: 0xC3}
"""Tag of a ciphered request, and of the request inside: get, set, action."""
GLO_RESPONSES = {0xC4: 0xCC, 0xC5: 0xCD, 0xC7: 0xCF}
"""Tag of a response, and of the ciphered one around it."""
TAG_BYTES, TITLE_BYTES = 12, 8
_HEAD = 5
_LAST_COUNTER = 0xFFFFFFFF


class CipherError(Exception):
    """The bytes are not from a client that has the keys."""


class CounterTooLow(Exception):
    """The counter was used before."""

    def __init__(self, expected: int) -> None:
        super().__init__(f"the counter begins at {expected}")
        self.expected = expected


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys of one meter, as its delivery file names them."""

    encryption: bytes = field(repr=False)
    """EK, the global unicast encryption key."""
    authentication: bytes = field(repr=False)
    """AK."""
    suite: int = 0

    def __post_init__(self) -> None:
        size = 32 if self.suite == 2 else 16
        if len(self.encryption) != size or len(self.authentication) != size:
            raise ValueError(f"keys of suite {self.suite} have {size} bytes")


def seal(keys: KeySet, title: bytes, counter: int, plain: bytes) -> bytes:
    """Authenticate and encrypt: security control, counter, ciphertext, tag."""
    head = bytes((AUTHENTICATED | ENCRYPTED | keys.suite,))
    nonce = title + counter.to_bytes(4, "big")
    sealed = AESGCM(keys.encryption).encrypt(nonce, plain, head + keys.authentication)
    return head + nonce[TITLE_BYTES:] + sealed[: len(plain) + TAG_BYTES]


def unseal(keys: KeySet, title: bytes, content: bytes) -> tuple[int, bytes]:
    """Return the counter and the plain bytes of what `seal` makes.

    Raises:
        CipherError: another protection, other keys, or changed bytes.
    """
    head = bytes((AUTHENTICATED | ENCRYPTED | keys.suite,))
    if len(content) < _HEAD + TAG_BYTES or content[:1] != head or len(title) != TITLE_BYTES:
        raise CipherError("not authenticated and encrypted with this suite")
    counter = content[1:_HEAD]
    hidden, tag = content[_HEAD:-TAG_BYTES], content[-TAG_BYTES:]
    cipher, nonce = AESGCM(keys.encryption), title + counter
    plain = cipher.encrypt(nonce, hidden, None)[: len(hidden)]
    again = cipher.encrypt(nonce, plain, head + keys.authentication)
    if not hmac.compare_digest(again[len(plain) : len(plain) + TAG_BYTES], tag):
        raise CipherError("the tag is wrong")
    return int.from_bytes(counter, "big"), plain


def gmac(keys: KeySet, title: bytes, counter: int, challenge: bytes) -> bytes:
    """Return f(challenge) of mechanism 5: security control, counter, tag."""
    head = bytes((AUTHENTICATED | keys.suite,))
    number = counter.to_bytes(4, "big")
    associated = head + keys.authentication + challenge
    return head + number + AESGCM(keys.encryption).encrypt(title + number, b"", associated)[:12]


class Vault:
    """The secrets of one meter, and how far each client has counted."""

    def __init__(
        self,
        keys: KeySet,
        title: bytes,
        *,
        counters: dict[int, int],
        general: bool = False,
        explains: bool = True,
        dedicated: bool = False,
    ) -> None:
        """Set up a vault.

        Args:
            keys: EK and AK, the same for each client of this meter.
            title: The meter's own system title, 8 bytes.
            counters: The last counter taken from each client.
            general: Answers come as general-glo-ciphering, with the system title inside.
            explains: A counter that is too low is answered with the expected one.
            dedicated: Answers come as general-ded-ciphering, under the same keys.
        """
        self._keys = keys
        self.title = title
        self.taken = dict(counters)
        """The last counter taken from each client: objects 0.0.43.1.x.255."""
        self.explains = explains
        self._general = general or dedicated
        self._around = GENERAL_DED if dedicated else GENERAL_GLO
        self._own = 0

    def challenge(self) -> bytes:
        """Return a fresh challenge of 16 bytes."""
        return secrets.token_bytes(16)

    def open(self, content: bytes, title: bytes, client: int) -> bytes:
        """Return the plain bytes of a client's ciphered content, and take its counter.

        Raises:
            CipherError: it is not from a client that has the keys.
            CounterTooLow: its counter is not above the last one.
        """
        counter, plain = unseal(self._keys, title, content)
        last = self.taken.get(client, 0)
        if counter <= last:
            raise CounterTooLow(min(last + 1, _LAST_COUNTER))
        self.taken[client] = counter
        return plain

    def open_request(self, apdu: bytes, title: bytes, client: int) -> bytes:
        """Return the request inside a ciphered one, glo or general-glo.

        Raises:
            CipherError, CounterTooLow: as `open`.
        """
        try:
            at = 1
            if apdu[0] == GENERAL_GLO:
                size, at = axdr.read_length(apdu, at)
                title = apdu[at : at + size] or title
                at += size
            size, at = axdr.read_length(apdu, at)
        except AxdrError as error:
            raise CipherError("the ciphered APDU is cut off") from error
        if len(apdu) - at != size:
            raise CipherError("the ciphered APDU has another length than it says")
        plain = self.open(apdu[at:], title, client)
        inside = GLO_REQUESTS.get(apdu[0])
        if not plain or (inside is not None and plain[0] != inside):
            raise CipherError("another request is inside than outside")
        return plain

    def close_response(self, apdu: bytes) -> bytes:
        """Return a response ciphered; an exception stays as it is."""
        around = GLO_RESPONSES.get(apdu[0])
        if around is None:
            return apdu
        if self._general:
            head = bytes((self._around, TITLE_BYTES)) + self.title
            return head + self._sized(self._seal(apdu))
        return bytes((around,)) + self._sized(self._seal(apdu))

    def close_initiate(self, response: bytes) -> bytes:
        """Return an InitiateResponse ciphered."""
        return bytes((GLO_INITIATE_RESPONSE,)) + self._sized(self._seal(response))

    def is_answer(self, value: bytes, challenge: bytes, title: bytes) -> bool:
        """Return whether a client's f(StoC) is right."""
        if len(value) != _HEAD + TAG_BYTES:
            return False
        counter = int.from_bytes(value[1:_HEAD], "big")
        return hmac.compare_digest(gmac(self._keys, title, counter, challenge), value)

    def answer(self, challenge: bytes) -> bytes:
        """Return the meter's own f(CtoS)."""
        self._own += 1
        return gmac(self._keys, self.title, self._own, challenge)

    def _seal(self, plain: bytes) -> bytes:
        self._own += 1
        return seal(self._keys, self.title, self._own, plain)

    @staticmethod
    def _sized(content: bytes) -> bytes:
        return axdr.length(len(content)) + content
