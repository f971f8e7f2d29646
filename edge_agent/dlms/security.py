# SPDX-License-Identifier: GPL-2.0-only
"""Security as meters have it: modes, keys and system titles.

Source: IEC 62056-5-3 (DLMS UA 1000-2). The suites 1 and 2 differ here by the security control
byte and, for suite 2, the size of the keys; no meter has proven them.

In: key files' bytes, the place of a meter. Out: keys and titles as values.
Never: a key in a `repr` or an error; a clock, a file, a driver.
"""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from edge_agent.errors import ConfigurationError, Setup
from shared_schema.obis import Obis

PUBLIC_CLIENT: Final = 16
READER_CLIENT: Final = 32
UTILITY_CLIENT: Final = 48
"""The clients of IS 15959: what everybody may read, the meter reader, who may change a meter."""
TITLE_BYTES: Final = 8
LAST_COUNTER: Final = 0xFFFFFFFF
LONGEST_PASSWORD: Final = 48
"""Of a ciphered association: gurux-dlms writes an AARQ of at most 127 bytes."""
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
    HLS_GMAC_PLAIN = "hls-gmac-plain"
    """Both sides prove that they have the keys; what follows is in the clear."""
    HLS_SHA256_PLAIN = "hls-sha256-plain"
    """Both sides hash titles, challenges and a secret; what follows is in the clear."""
    HLS_ECDSA = "hls-ecdsa"
    """Both sides sign titles and challenges; everything is authenticated and encrypted."""

    @property
    def ciphered(self) -> bool:
        """Whether what follows the association is authenticated and encrypted."""
        return self in (Mode.LLS_AE, Mode.HLS_GMAC, Mode.HLS_SHA256, Mode.HLS_ECDSA)

    @property
    def has_keys(self) -> bool:
        """Whether EK and AK are needed."""
        return self.ciphered or self is Mode.HLS_GMAC_PLAIN

    @property
    def has_password(self) -> bool:
        """Whether a password, or the secret of high level security, is needed."""
        return self not in (Mode.NONE, Mode.HLS_GMAC, Mode.HLS_GMAC_PLAIN, Mode.HLS_ECDSA)

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
    plain: bool = False
    """The keys only prove who speaks; what follows is in the clear."""


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
        f"{what} must hold {2 * size} hexadecimal digits, or {size} characters", of=Setup.SECRET
    )


def client_title(place: str) -> bytes:
    """Return a client system title for one meter: 8 bytes that no other place has.

    Utilities give one key to many meters. With one title for all of them, equal counters of
    two meters would make equal nonces under one key, and AES-GCM does not survive that.
    """
    return _CLIENT_MAKER + hashlib.sha256(place.encode()).digest()[: TITLE_BYTES - 3]


def counter_object(client: int) -> Obis:
    """Return the object that shows a client's invocation counter to everyone.

    Clients in steps of 16 have one each in IS 15959; another has the Blue Book's own, 0.0.43.1.0.
    """
    own, rest = divmod(client, 16)
    return Obis(0, 0, 43, 1, 0 if rest else own, 255)
