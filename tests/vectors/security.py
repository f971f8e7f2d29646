# SPDX-License-Identifier: MIT
"""Ciphered APDUs, worked out by hand from the Green Book.

The first part is the well known example of the books (DLMS UA 1000-2, the sections on
ciphered xDLMS APDUs and on HLS mechanism 5): keys, system titles, plain bytes and results.
The second part are two associations with the meter of `hdlc_cosem`, put together by the same
rules; `test_vectors_security` holds each of them by the definition of AES-GCM (NIST SP
800-38D), written out there, which neither the meter nor the agent uses.

A ciphered APDU is: its tag, its length, the security control byte, the invocation counter
(4 bytes), the ciphertext, the first 12 bytes of the tag of GCM.
"""

from typing import NamedTuple


def _hex(*parts: str) -> bytes:
    return bytes.fromhex(" ".join(parts))


ENCRYPTION_KEY = _hex("00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F")
AUTHENTICATION_KEY = _hex("D0 D1 D2 D3 D4 D5 D6 D7 D8 D9 DA DB DC DD DE DF")
CLIENT_TITLE = _hex("4D 4D 4D 00 00 00 00 01")
METER_TITLE = _hex("4D 4D 4D 00 00 BC 61 4E")


class Ciphered(NamedTuple):
    """Bytes in the clear, who ciphers them, and the result."""

    title: bytes
    plain: bytes
    content: bytes
    """Security control, counter, ciphertext, tag."""


class Proof(NamedTuple):
    """A challenge, who answers it, and the answer."""

    title: bytes
    challenge: bytes
    answer: bytes
    """Security control, counter, tag."""


BOOK_GET = Ciphered(
    METER_TITLE,
    _hex("C0 01 00 00 08 00 00 01 00 00 FF 02 00"),
    _hex(
        "30 01 23 45 67",
        "41 13 12 FF 93 5A 47 56 68 27 C4 67 BC",
        "7D 82 5C 3B E4 A7 7C 3F CC 05 6B 6B",
    ),
)
"""GET of the time, authenticated and encrypted."""

BOOK_INITIATE_REQUEST = Ciphered(
    METER_TITLE,
    _hex(
        "01 01 10 00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF",  # with a dedicated key
        "00 00 06 5F 1F 04 00 00 7E 1F 04 B0",
    ),
    _hex(
        "30 01 23 45 67",
        "80 13 02 FF 8A 78 74 13 3D 41 4C ED 25 B4 25 34 D2 8D B0 04 77 20 60 6B 17 5B D5 22",
        "11 BE 68",
        "41 DB 20 4D 39 EE 6F DB 8E 35 68 55",
    ),
)

BOOK_INITIATE_RESPONSE = Ciphered(
    METER_TITLE,
    _hex("08 00 06 5F 1F 04 00 00 7C 1F 04 00 00 07"),
    _hex(
        "30 01 23 45 67",
        "89 12 14 A0 84 5E 47 57 14 38 3F 65 BC 19",
        "74 5C A2 35 90 65 25 E4 F3 E1 C8 93",
    ),
)

STOC = b"P6wRJ21F"
CTOS = b"K56iVagY"
BOOK_CLIENT_PROOF = Proof(
    CLIENT_TITLE, STOC, _hex("10 00 00 00 01 1A 52 FE 7D D3 E7 27 48 97 3C 1E 28")
)
BOOK_METER_PROOF = Proof(
    METER_TITLE, CTOS, _hex("10 01 23 45 67 FE 14 66 AF B3 DB CD 4F 93 89 E2 B7")
)

BOOK = (BOOK_GET, BOOK_INITIATE_REQUEST, BOOK_INITIATE_RESPONSE)
PROOFS = (BOOK_CLIENT_PROOF, BOOK_METER_PROOF)

# The first association: client 32, low level security with authenticated encryption.

AE_AARQ = _hex(
    "60 55",  # AARQ, 85 bytes
    # application context 2.16.756.5.8.1.3: logical names, with ciphering
    "A1 09 06 07 60 85 74 05 08 01 03",
    "A6 0A 04 08 4D 4D 4D 00 00 00 00 01",  # the client's system title
    "8A 02 07 80",  # sender requirements: authentication
    "8B 07 60 85 74 05 08 02 01",  # mechanism 1: low level security
    "AC 0A 80 08 31 32 33 34 35 36 37 38",  # the password: 12345678
    "BE 23 04 21",  # user information: 33 octets
    "21 1F 30 00 00 01 01",  # glo-initiate-request, 31 bytes, counter 0x101
    "89 1B 4B 1C 82 DB 3D 11 A6 3C 8B 63 A6 B4",
    "D2 8C 35 F5 D9 17 B3 30 95 EA 6D EE",
)

AE_AARE = _hex(
    "61 48",  # AARE, 72 bytes
    "A1 09 06 07 60 85 74 05 08 01 03",  # the same context
    "A2 03 02 01 00",  # accepted
    "A3 05 A1 03 02 01 00",  # diagnostic of the service user: null
    "A4 0A 04 08 4D 4D 4D 00 00 BC 61 4E",  # the meter's system title
    "BE 23 04 21",  # user information: 33 octets
    "28 1F 30 00 00 00 01",  # glo-initiate-response, 31 bytes, the meter's counter 1
    "D9 61 06 55 1D B7 7E 51 23 90 D0 0B 89 5A",
    "23 63 A6 FC 0D 28 0F 8D 97 69 0A 39",
)

AE_GET_CLOCK = _hex(
    "C8 1E 30 00 00 01 02",  # glo-get-request, 30 bytes, counter 0x102
    "08 28 3F 19 00 03 4C EF 9B EA 82 E8 67",
    "EF F2 E5 53 34 C2 86 8A A1 1D 86 3F",
)
"""C0 01 C1 00 08 00 00 01 00 00 FF 02 00."""

AE_CLOCK = _hex(
    "CC 23 30 00 00 00 02",  # glo-get-response, 35 bytes, the meter's counter 2
    "34 CA 3F F2 C4 EC 62 62 F8 75 F5 37 E5 19 26 00 0E BC",
    "39 D0 92 DE 74 6B B9 38 41 AE 2A A1",
)
"""C4 01 C1 00 09 0C 07 EA 06 0A 03 0A 07 1E 00 FE B6 00."""

AE_GET_ENERGY = _hex(
    "C8 1E 30 00 00 01 03",  # glo-get-request, 30 bytes, counter 0x103
    "8B 54 6B EC 0F 35 08 9E 39 62 AE 10 ED",
    "B3 FA 30 F4 42 AE 9D C6 31 10 5C 99",
)
"""C0 01 C1 00 03 01 00 01 08 00 FF 02 00."""

AE_ENERGY = _hex(
    "CC 1A 30 00 00 00 03",  # glo-get-response, 26 bytes, the meter's counter 3
    "BF C2 9B B9 9C 74 74 BC 66",
    "A7 A8 3D 57 FB 93 16 C7 16 C4 7B 42",
)
"""C4 01 C1 00 06 00 17 83 BA: 1 541 050 Wh."""

COUNTER_ERROR = _hex("D8 01 06 00 00 01 04")
"""Exception: not allowed, the invocation counter is wrong, 0x104 is expected."""

AE_ASSOCIATION = (
    (AE_AARQ, AE_AARE),
    (AE_GET_CLOCK, AE_CLOCK),
    (AE_GET_ENERGY, AE_ENERGY),
    (AE_GET_CLOCK, COUNTER_ERROR),
    (AE_AARQ, COUNTER_ERROR),
)
"""The last two use counters again."""

# The second association: client 48, high level security with GMAC, ciphered as well.

GMAC_AARQ = _hex(
    "60 55",  # AARQ, 85 bytes
    "A1 09 06 07 60 85 74 05 08 01 03",  # logical names, with ciphering
    "A6 0A 04 08 4D 4D 4D 00 00 00 00 01",  # the client's system title
    "8A 02 07 80",  # sender requirements: authentication
    "8B 07 60 85 74 05 08 02 05",  # mechanism 5: GMAC
    "AC 0A 80 08 4B 35 36 69 56 61 67 59",  # the challenge CtoS: K56iVagY
    "BE 23 04 21",  # user information: 33 octets
    "21 1F 30 00 00 02 01",  # glo-initiate-request, 31 bytes, counter 0x201
    "CE 73 08 89 73 F6 70 E6 70 DB EA 16 BD CA",
    "31 70 3A CB 11 92 55 99 28 37 93 D6",
)

GMAC_AARE = _hex(
    "61 61",  # AARE, 97 bytes
    "A1 09 06 07 60 85 74 05 08 01 03",  # the same context
    "A2 03 02 01 00",  # accepted so far
    "A3 05 A1 03 02 01 0E",  # diagnostic of the service user: authentication required
    "A4 0A 04 08 4D 4D 4D 00 00 BC 61 4E",  # the meter's system title
    "88 02 07 80",  # responder requirements: authentication
    "89 07 60 85 74 05 08 02 05",  # mechanism 5
    "AA 0A 80 08 50 36 77 52 4A 32 31 46",  # the challenge StoC: P6wRJ21F
    "BE 23 04 21",  # user information: 33 octets
    "28 1F 30 00 00 00 01",  # glo-initiate-response, 31 bytes, the meter's counter 1
    "D9 61 06 55 1D B7 7E 51 23 99 D0 0B 89 5A",
    "93 1F B0 85 14 AB 07 E5 F4 28 D9 37",
)

REPLY_TO_HLS = _hex(
    "CB 31 30 00 00 02 03",  # glo-action-request, 49 bytes, counter 0x203
    "8C 0D B4 6D 05 82 52 B0 4C 56 34 9B 7A DB 8F 8E",
    "55 4F EA 19 5E 65 FF E0 B0 6A E6 02 54 F1 37 63",
    "DE 62 BA 65 56 B2 BC 54 2E 2D 81 DE",
)
"""C3 01 C1, class 15, 0.0.40.0.0.255, method 1, f(StoC) made with counter 0x202."""

REPLY_OF_METER = _hex(
    "CF 2A 30 00 00 00 03",  # glo-action-response, 42 bytes, the meter's counter 3
    "BC C2 9B B9 9B 74 6A 2E CC 67 52 5F 54 FB 50 95 58 79 DA B0 EC FF A6 CD E1",
    "1B 35 90 20 39 8A 50 8C DA D9 3E 1C",
)
"""C7 01 C1 00 01 00, f(CtoS) made with the meter's counter 2."""

GMAC_GET_ENERGY = _hex(
    "C8 1E 30 00 00 02 04",  # glo-get-request, 30 bytes, counter 0x204
    "15 40 09 BB 21 BE 3A BE 55 DF 44 3B BC",
    "74 67 9A 5E 68 62 A5 39 F8 D2 95 11",
)

GMAC_ENERGY = _hex(
    "CC 1A 30 00 00 00 04",  # glo-get-response, 26 bytes, the meter's counter 4
    "B2 D1 3F 4E EA 45 DB 83 40",
    "BE 15 5E F3 35 0E B5 16 EF 22 90 49",
)

GMAC_ASSOCIATION = (
    (GMAC_AARQ, GMAC_AARE),
    (REPLY_TO_HLS, REPLY_OF_METER),
    (GMAC_GET_ENERGY, GMAC_ENERGY),
)

_INITIATE = _hex("01 00 00 00 06 5F 1F 04 00 00 7E 1F 04 B0")
_ACCEPT = _hex("08 00 06 5F 1F 04 00 00 52 14 04 00 00 07")
_ACCEPT_CHANGES = _hex("08 00 06 5F 1F 04 00 00 52 1D 04 00 00 07")
"""Of the utility: SET and ACTION as well."""
_GET_ENERGY = _hex("C0 01 C1 00 03 01 00 01 08 00 FF 02 00")
_ENERGY = _hex("C4 01 C1 00 06 00 17 83 BA")
_CLIENT_PROOF = _hex("10 00 00 02 02 C2 64 E0 56 E3 CB 70 AB 86 F6 25 C2")
_METER_PROOF = _hex("10 00 00 00 02 C1 78 16 B1 5D 7B 7C F7 8E FE 16 D3")

INSIDE = (
    Ciphered(CLIENT_TITLE, _INITIATE, AE_AARQ[-31:]),
    Ciphered(METER_TITLE, _ACCEPT, AE_AARE[-31:]),
    Ciphered(CLIENT_TITLE, _hex("C0 01 C1 00 08 00 00 01 00 00 FF 02 00"), AE_GET_CLOCK[2:]),
    Ciphered(
        METER_TITLE,
        _hex("C4 01 C1 00 09 0C 07 EA 06 0A 03 0A 07 1E 00 FE B6 00"),
        AE_CLOCK[2:],
    ),
    Ciphered(CLIENT_TITLE, _GET_ENERGY, AE_GET_ENERGY[2:]),
    Ciphered(METER_TITLE, _ENERGY, AE_ENERGY[2:]),
    Ciphered(CLIENT_TITLE, _INITIATE, GMAC_AARQ[-31:]),
    Ciphered(METER_TITLE, _ACCEPT_CHANGES, GMAC_AARE[-31:]),
    Ciphered(
        CLIENT_TITLE,
        _hex("C3 01 C1 00 0F 00 00 28 00 00 FF 01 01 09 11") + _CLIENT_PROOF,
        REPLY_TO_HLS[2:],
    ),
    Ciphered(METER_TITLE, _hex("C7 01 C1 00 01 00 09 11") + _METER_PROOF, REPLY_OF_METER[2:]),
    Ciphered(CLIENT_TITLE, _GET_ENERGY, GMAC_GET_ENERGY[2:]),
    Ciphered(METER_TITLE, _ENERGY, GMAC_ENERGY[2:]),
)
"""What each of the above holds in the clear."""

ANSWERS = (
    Proof(CLIENT_TITLE, STOC, _CLIENT_PROOF),
    Proof(METER_TITLE, CTOS, _METER_PROOF),
)
