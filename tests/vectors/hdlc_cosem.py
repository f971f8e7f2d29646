# SPDX-License-Identifier: MIT
"""Frames worked out by hand from the Green Book, the Blue Book and IEC 62056-46.

The third opinion beside the virtual meter and the client's library: neither made them. The
check sequences are ISO/IEC 13239's, by the bitwise definition (0x8408, bits in sending order).
`SNRM_ONE_BYTE` and `UA_ONE_BYTE` are the well known example of the books.

The meter behind them: single phase, logical device 1, physical device 17, password 12345678,
registers in Wh with scaler 0, capture period 900 s, 35 days of profile. Installed on
1 January 2026 00:00 IST with 1000 Wh; it has counted 100 Wh in every quarter hour since. The
time is Wednesday 10 June 2026, 10:07:30 IST: 160 days of 96, 40 and a half quarter hours
later. The meter takes APDUs of 1024 bytes. Its block load has the clock first and the active
energy of the interval third.
"""


def _hex(*parts: str) -> bytes:
    return bytes.fromhex(" ".join(parts))


FCS_EXAMPLES = (
    (b"123456789", _hex("6E 90")),  # the check value of CRC-16/X-25: 906E, low byte first
    (_hex("A0 07 03 21 93"), _hex("0F 01")),  # SNRM from client 16 to server 1
    (_hex("A0 1E 21 03 73"), _hex("C3 7A")),  # the header of its UA
)
"""Bytes, and their check sequence in the order of sending."""

# The first session.

SNRM = _hex(
    "7E A0 08",  # type 3, 8 bytes between the flags
    "02 23 41",  # to logical 1, physical 17; from client 32
    "93",  # SNRM with P
    "E8 01 7E",  # FCS (no info)
)
"""SNRM without info: the defaults of 128 bytes and a window of one are proposed."""

UA_128 = _hex(
    "7E A0 1F",  # type 3, 31 bytes between the flags
    "41 02 23",  # to client 32; from logical 1, physical 17
    "73",  # UA with F
    "02 5E",  # HCS
    "81 80 12",  # format, group, 18 bytes of parameters
    "05 01 80",  # longest info to transmit: 128
    "06 01 80",  # longest info to receive: 128
    "07 04 00 00 00 01",  # window to transmit: 1
    "08 04 00 00 00 01",  # window to receive: 1
    "53 3B 7E",  # FCS
)
"""The answer to SNRM: 128 bytes each way."""

SNRM_1024 = _hex(
    "7E A0 21",  # type 3, 33 bytes between the flags
    "02 23 41",  # to logical 1, physical 17; from client 32
    "93",  # SNRM with P
    "1D 30",  # HCS
    "81 80 14",  # format, group, 20 bytes of parameters
    "05 02 04 00",  # longest info to transmit: 1024
    "06 02 04 00",  # longest info to receive: 1024
    "07 04 00 00 00 01",  # window to transmit: 1
    "08 04 00 00 00 01",  # window to receive: 1
    "72 E3 7E",  # FCS
)
"""SNRM that proposes 1024 bytes each way."""

UA_1024 = _hex(
    "7E A0 21",  # type 3, 33 bytes between the flags
    "41 02 23",  # to client 32; from logical 1, physical 17
    "73",  # UA with F
    "6B EB",  # HCS
    "81 80 14",  # format, group, 20 bytes of parameters
    "05 02 04 00",  # longest info to transmit: 1024
    "06 02 04 00",  # longest info to receive: 1024
    "07 04 00 00 00 01",  # window to transmit: 1
    "08 04 00 00 00 01",  # window to receive: 1
    "72 E3 7E",  # FCS
)
"""Its answer from a meter that can."""

AARQ_LLS = _hex(
    "7E A0 45",  # type 3, 69 bytes between the flags
    "02 23 41",  # to logical 1, physical 17; from client 32
    "10",  # I, N(S) 0, N(R) 0, P
    "2D 0A",  # HCS
    "E6 E6 00",  # LLC of a request
    "60 36",  # AARQ, 54 bytes
    # application context 2.16.756.5.8.1.1: logical names, no ciphering
    "A1 09 06 07 60 85 74 05 08 01 01",
    "8A 02 07 80",  # sender requirements: authentication
    "8B 07 60 85 74 05 08 02 01",  # mechanism 1: low level security
    "AC 0A 80 08 31 32 33 34 35 36 37 38",  # the password: 12345678
    "BE 10 04 0E",  # user information: 14 octets
    "01 00 00 00 06",  # InitiateRequest: no key, response allowed, no quality, version 6
    "5F 1F 04 00 00 7E 1F",  # conformance proposed
    "04 B0",  # the client takes APDUs of up to 1200 bytes
    "D0 F5 7E",  # FCS
)
"""The Green Book's AARQ with low level security, as frame I(0,0)."""

AARE_ACCEPTED = _hex(
    "7E A0 38",  # type 3, 56 bytes between the flags
    "41 02 23",  # to client 32; from logical 1, physical 17
    "30",  # I, N(S) 0, N(R) 1, F
    "D0 7E",  # HCS
    "E6 E7 00",  # LLC of a response
    "61 29",  # AARE, 41 bytes
    # application context 2.16.756.5.8.1.1: logical names, no ciphering
    "A1 09 06 07 60 85 74 05 08 01 01",
    "A2 03 02 01 00",  # accepted
    "A3 05 A1 03 02 01 00",  # diagnostic of the service user: null
    "BE 10 04 0E",  # user information: 14 octets
    "08 00 06",  # InitiateResponse: no quality, version 6
    "5F 1F 04 00 00 52 14",  # priority, block transfer, multiple references; get, selective access
    "04 00",  # the meter takes APDUs of up to 1024 bytes
    "00 07",  # VAA name of logical-name referencing
    "A1 C4 7E",  # FCS
)
"""The association stands."""

AARE_WRONG_PASSWORD = _hex(
    "7E A0 26",  # type 3, 38 bytes between the flags
    "41 02 23",  # to client 32; from logical 1, physical 17
    "30",  # I, N(S) 0, N(R) 1, F
    "28 AB",  # HCS
    "E6 E7 00",  # LLC of a response
    "61 17",  # AARE, 23 bytes
    # application context 2.16.756.5.8.1.1: logical names, no ciphering
    "A1 09 06 07 60 85 74 05 08 01 01",
    "A2 03 02 01 01",  # rejected for good
    "A3 05 A1 03 02 01 0D",  # diagnostic of the service user: authentication failure
    "AE 4F 7E",  # FCS
)
"""The association is refused: authentication failure."""

GET_CLOCK = _hex(
    "7E A0 1A",  # type 3, 26 bytes between the flags
    "02 23 41",  # to logical 1, physical 17; from client 32
    "32",  # I, N(S) 1, N(R) 1, P
    "A3 17",  # HCS
    "E6 E6 00",  # LLC of a request
    "C0 01 C1",  # GET normal, invoke 1, confirmed, high priority
    "00 08 00 00 01 00 00 FF 02",  # class 8, 0.0.1.0.0.255, attribute 2
    "00",  # no selection
    "60 1A 7E",  # FCS
)
"""GET of the time."""

CLOCK = _hex(
    "7E A0 1F",  # type 3, 31 bytes between the flags
    "41 02 23",  # to client 32; from logical 1, physical 17
    "52",  # I, N(S) 1, N(R) 2, F
    "89 6E",  # HCS
    "E6 E7 00",  # LLC of a response
    "C4 01 C1 00",  # GET response normal, data
    "09 0C",  # octet string, 12 bytes
    "07 EA 06 0A 03",  # 2026, June, 10, Wednesday
    "0A 07 1E 00",  # 10:07:30.00
    "FE B6 00",  # -330 minutes, status
    "5E FC 7E",  # FCS
)
"""Wednesday 10 June 2026 10:07:30, deviation -330 minutes, status 0."""

GET_ENERGY = _hex(
    "7E A0 1A",  # type 3, 26 bytes between the flags
    "02 23 41",  # to logical 1, physical 17; from client 32
    "54",  # I, N(S) 2, N(R) 2, P
    "93 11",  # HCS
    "E6 E6 00",  # LLC of a request
    "C0 01 C1",  # GET normal, invoke 1, confirmed, high priority
    "00 03 01 00 01 08 00 FF 02",  # class 3, 1.0.1.8.0.255, attribute 2
    "00",  # no selection
    "32 68 7E",  # FCS
)
"""GET of the active energy import."""

ENERGY = _hex(
    "7E A0 16",  # type 3, 22 bytes between the flags
    "41 02 23",  # to client 32; from logical 1, physical 17
    "74",  # I, N(S) 2, N(R) 3, F
    "D9 7B",  # HCS
    "E6 E7 00",  # LLC of a response
    "C4 01 C1 00",  # GET response normal, data
    "06 00 17 83 BA",  # double-long-unsigned 1541050
    "98 AD 7E",  # FCS
)
"""1 541 050: 1000 at first, 15 400 quarter hours and a half of 100 Wh."""

GET_SCALER_UNIT = _hex(
    "7E A0 1A",  # type 3, 26 bytes between the flags
    "02 23 41",  # to logical 1, physical 17; from client 32
    "76",  # I, N(S) 3, N(R) 3, P
    "83 13",  # HCS
    "E6 E6 00",  # LLC of a request
    "C0 01 C1",  # GET normal, invoke 1, confirmed, high priority
    "00 03 01 00 01 08 00 FF 03",  # class 3, 1.0.1.8.0.255, attribute 3
    "00",  # no selection
    "EA 71 7E",  # FCS
)
"""GET of the scaler and unit of the same register."""

SCALER_UNIT = _hex(
    "7E A0 17",  # type 3, 23 bytes between the flags
    "41 02 23",  # to client 32; from logical 1, physical 17
    "96",  # I, N(S) 3, N(R) 4, F
    "81 B4",  # HCS
    "E6 E7 00",  # LLC of a response
    "C4 01 C1 00",  # GET response normal, data
    "02 02 0F 00 16 1E",  # structure of integer 0 and enum 30
    "61 D4 7E",  # FCS
)
"""Scaler 0, unit 30: Wh."""

GET_BLOCK_LOAD_RANGE = _hex(
    "7E A0 71",  # type 3, 113 bytes between the flags
    "02 23 41",  # to logical 1, physical 17; from client 32
    "98",  # I, N(S) 4, N(R) 4, P
    "AC FB",  # HCS
    "E6 E6 00",  # LLC of a request
    "C0 01 C1",  # GET normal
    "00 07 01 00 63 01 00 FF 02",  # class 7, 1.0.99.1.0.255, attribute 2: the buffer
    "01 01",  # selection: selector 1, by range
    "02 04",  # range descriptor
    # restricting object: clock, attribute 2, index 0
    "02 04 12 00 08 09 06 00 00 01 00 00 FF 0F 02 12 00 00",
    "09 0C 07 EA 06 0A 03 09 1E 00 00 FE B6 00",  # from 10 June 09:30
    "09 0C 07 EA 06 0A 03 0A 00 00 00 FE B6 00",  # to 10 June 10:00
    "01 02",  # two columns are wanted
    "02 04 12 00 08 09 06 00 00 01 00 00 FF 0F 02 12 00 00",  # the clock
    # 1.0.1.29.0.255, attribute 2: active energy of the interval
    "02 04 12 00 03 09 06 01 00 01 1D 00 FF 0F 02 12 00 00",
    "94 8D 7E",  # FCS
)
"""The block load from 09:30 to 10:00, columns clock and active energy."""

BLOCK_LOAD_RANGE = _hex(
    "7E A0 52",  # type 3, 82 bytes between the flags
    "41 02 23",  # to client 32; from logical 1, physical 17
    "B8",  # I, N(S) 4, N(R) 5, F
    "8B 9B",  # HCS
    "E6 E7 00",  # LLC of a response
    "C4 01 C1 00",  # GET response normal, data
    "01 03",  # array of three rows
    # 09:30: 100 Wh since the quarter before
    "02 02 09 0C 07 EA 06 0A 03 09 1E 00 00 FE B6 00 06 00 00 00 64",
    # 09:45: 100 Wh since the quarter before
    "02 02 09 0C 07 EA 06 0A 03 09 2D 00 00 FE B6 00 06 00 00 00 64",
    # 10:00: 100 Wh since the quarter before
    "02 02 09 0C 07 EA 06 0A 03 0A 00 00 00 FE B6 00 06 00 00 00 64",
    "9D CD 7E",  # FCS
)
"""Both bounds belong to the range: three rows."""

GET_BLOCK_LOAD_ENTRY = _hex(
    "7E A0 2D",  # type 3, 45 bytes between the flags
    "02 23 41",  # to logical 1, physical 17; from client 32
    "BA",  # I, N(S) 5, N(R) 5, P
    "EE FB",  # HCS
    "E6 E6 00",  # LLC of a request
    "C0 01 C1",  # GET normal
    "00 07 01 00 63 01 00 FF 02",  # class 7, 1.0.99.1.0.255, attribute 2: the buffer
    "01 02",  # selection: selector 2, by entry
    "02 04",  # entry descriptor
    "06 00 00 00 01",  # from row 1, the oldest
    "06 00 00 00 02",  # to row 2
    "12 00 01",  # from column 1
    "12 00 01",  # to column 1
    "AA 6F 7E",  # FCS
)
"""The block load by entry: rows 1 and 2, column 1."""

BLOCK_LOAD_ENTRY = _hex(
    "7E A0 33",  # type 3, 51 bytes between the flags
    "41 02 23",  # to client 32; from logical 1, physical 17
    "DA",  # I, N(S) 5, N(R) 6, F
    "68 71",  # HCS
    "E6 E7 00",  # LLC of a response
    "C4 01 C1 00",  # GET response normal, data
    "01 02",  # array of two rows
    "02 01 09 0C 07 EA 05 06 03 0A 0F 00 00 FE B6 00",  # Wednesday 6 May 10:15
    "02 01 09 0C 07 EA 05 06 03 0A 1E 00 00 FE B6 00",  # 10:30
    "B0 92 7E",  # FCS
)
"""The oldest of 3360 rows is 34 days 23:45 before 10 June 10:00."""

GET_LONG = _hex(
    "7E A0 71",  # type 3, 113 bytes between the flags
    "02 23 41",  # to logical 1, physical 17; from client 32
    "DC",  # I, N(S) 6, N(R) 6, P
    "8C FF",  # HCS
    "E6 E6 00",  # LLC of a request
    "C0 01 C1",  # GET normal
    "00 07 01 00 63 01 00 FF 02",  # class 7, 1.0.99.1.0.255, attribute 2: the buffer
    "01 01",  # selection: selector 1, by range
    "02 04",  # range descriptor
    # restricting object: clock, attribute 2, index 0
    "02 04 12 00 08 09 06 00 00 01 00 00 FF 0F 02 12 00 00",
    "09 0C 07 EA 06 0A 03 08 1E 00 00 FE B6 00",  # from 10 June 08:30
    "09 0C 07 EA 06 0A 03 0A 00 00 00 FE B6 00",  # to 10 June 10:00
    "01 02",  # two columns are wanted
    "02 04 12 00 08 09 06 00 00 01 00 00 FF 0F 02 12 00 00",  # the clock
    # 1.0.1.29.0.255, attribute 2: active energy of the interval
    "02 04 12 00 03 09 06 01 00 01 1D 00 FF 0F 02 12 00 00",
    "3F 60 7E",  # FCS
)
"""The block load from 08:30 to 10:00: seven rows, 156 bytes with the LLC."""

LONG_SEGMENT_1 = _hex(
    "7E A8 8A",  # type 3, more segments follow, 138 bytes between the flags
    "41 02 23",  # to client 32; from logical 1, physical 17
    "FC",  # I, N(S) 6, N(R) 7, F
    "E4 1B",  # HCS
    "E6 E7 00",  # LLC of a response
    "C4 01 C1 00",  # GET response normal, data
    "01 07",  # array of seven rows
    # 08:30: 100 Wh since the quarter before
    "02 02 09 0C 07 EA 06 0A 03 08 1E 00 00 FE B6 00 06 00 00 00 64",
    # 08:45: 100 Wh since the quarter before
    "02 02 09 0C 07 EA 06 0A 03 08 2D 00 00 FE B6 00 06 00 00 00 64",
    # 09:00: 100 Wh since the quarter before
    "02 02 09 0C 07 EA 06 0A 03 09 00 00 00 FE B6 00 06 00 00 00 64",
    # 09:15: 100 Wh since the quarter before
    "02 02 09 0C 07 EA 06 0A 03 09 0F 00 00 FE B6 00 06 00 00 00 64",
    # 09:30: 100 Wh since the quarter before
    "02 02 09 0C 07 EA 06 0A 03 09 1E 00 00 FE B6 00 06 00 00 00 64",
    "02 02 09 0C 07 EA 06 0A 03 09 2D 00 00 FE",  # 09:45, cut off
    "63 B4 7E",  # FCS
)
"""The first 128 bytes of the answer: five rows and 14 bytes of the sixth."""

RR_7 = _hex(
    "7E A0 08",  # type 3, 8 bytes between the flags
    "02 23 41",  # to logical 1, physical 17; from client 32
    "F1",  # RR, N(R) 7, P
    "FC 41 7E",  # FCS (no info)
)
"""The client has received frame 6 and asks for the next."""

LONG_SEGMENT_2 = _hex(
    "7E A0 26",  # type 3, 38 bytes between the flags
    "41 02 23",  # to client 32; from logical 1, physical 17
    "FE",  # I, N(S) 7, N(R) 7, F
    "5A 84",  # HCS
    "B6 00 06 00 00 00 64",  # the rest of 09:45
    # 10:00: 100 Wh since the quarter before
    "02 02 09 0C 07 EA 06 0A 03 0A 00 00 00 FE B6 00 06 00 00 00 64",
    "64 3F 7E",  # FCS
)
"""The rest; no LLC in a later segment."""

GET_UNKNOWN = _hex(
    "7E A0 1A",  # type 3, 26 bytes between the flags
    "02 23 41",  # to logical 1, physical 17; from client 32
    "1E",  # I, N(S) 7, N(R) 0, P
    "CD FC",  # HCS
    "E6 E6 00",  # LLC of a request
    "C0 01 C1",  # GET normal, invoke 1, confirmed, high priority
    "00 03 01 00 63 08 00 FF 02",  # class 3, 1.0.99.8.0.255, attribute 2
    "00",  # no selection
    "D5 E7 7E",  # FCS
)
"""GET of an object that the meter does not have."""

UNDEFINED = _hex(
    "7E A0 12",  # type 3, 18 bytes between the flags
    "41 02 23",  # to client 32; from logical 1, physical 17
    "10",  # I, N(S) 0, N(R) 0, F
    "EB 73",  # HCS
    "E6 E7 00",  # LLC of a response
    "C4 01 C1 01 04",  # GET response normal, result object-undefined
    "CC F6 7E",  # FCS
)
"""Data-access-result 4: object undefined."""

RLRQ = _hex(
    "7E A0 12",  # type 3, 18 bytes between the flags
    "02 23 41",  # to logical 1, physical 17; from client 32
    "30",  # I, N(S) 0, N(R) 1, P
    "91 6E",  # HCS
    "E6 E6 00",  # LLC of a request
    "62 03 80 01 00",  # RLRQ, reason normal
    "BD 9B 7E",  # FCS
)
"""The client releases the association."""

RLRE = _hex(
    "7E A0 12",  # type 3, 18 bytes between the flags
    "41 02 23",  # to client 32; from logical 1, physical 17
    "32",  # I, N(S) 1, N(R) 1, F
    "FB 71",  # HCS
    "E6 E7 00",  # LLC of a response
    "63 03 80 01 00",  # RLRE, reason normal
    "2C 0F 7E",  # FCS
)
"""The meter agrees."""

GET_WITHOUT_ASSOCIATION = _hex(
    "7E A0 1A",  # type 3, 26 bytes between the flags
    "02 23 41",  # to logical 1, physical 17; from client 32
    "52",  # I, N(S) 1, N(R) 2, P
    "A5 74",  # HCS
    "E6 E6 00",  # LLC of a request
    "C0 01 C1",  # GET normal, invoke 1, confirmed, high priority
    "00 08 00 00 01 00 00 FF 02",  # class 8, 0.0.1.0.0.255, attribute 2
    "00",  # no selection
    "60 1A 7E",  # FCS
)
"""GET after the release."""

EXCEPTION = _hex(
    "7E A0 10",  # type 3, 16 bytes between the flags
    "41 02 23",  # to client 32; from logical 1, physical 17
    "54",  # I, N(S) 2, N(R) 2, F
    "43 61",  # HCS
    "E6 E7 00",  # LLC of a response
    "D8 01 01",  # exception-response
    "3C 43 7E",  # FCS
)
"""Exception response: service not allowed, operation not possible."""

RR_3 = _hex(
    "7E A0 08",  # type 3, 8 bytes between the flags
    "02 23 41",  # to logical 1, physical 17; from client 32
    "71",  # RR, N(R) 3, P
    "F4 C5 7E",  # FCS (no info)
)
"""The client polls: it has received frame 2 and has nothing to ask."""

RR_FROM_METER = _hex(
    "7E A0 08",  # type 3, 8 bytes between the flags
    "41 02 23",  # to client 32; from logical 1, physical 17
    "51",  # RR, N(R) 2, F
    "8E D8 7E",  # FCS (no info)
)
"""The meter has nothing to send and awaits frame 2."""

DISC = _hex(
    "7E A0 08",  # type 3, 8 bytes between the flags
    "02 23 41",  # to logical 1, physical 17; from client 32
    "53",  # DISC with P
    "E4 C7 7E",  # FCS (no info)
)
"""The client disconnects."""

UA = _hex(
    "7E A0 08",  # type 3, 8 bytes between the flags
    "41 02 23",  # to client 32; from logical 1, physical 17
    "73",  # UA with F
    "9E DA 7E",  # FCS (no info)
)
"""The meter agrees; no parameters."""

DM = _hex(
    "7E A0 08",  # type 3, 8 bytes between the flags
    "41 02 23",  # to client 32; from logical 1, physical 17
    "1F",  # DM with F
    "F4 73 7E",  # FCS (no info)
)
"""The answer of a meter that is not connected."""

# The second session: APDUs of at most 100 bytes, so that an answer comes in blocks.

AARQ_PDU_100 = _hex(
    "7E A0 45",  # type 3, 69 bytes between the flags
    "02 23 41",  # to logical 1, physical 17; from client 32
    "10",  # I, N(S) 0, N(R) 0, P
    "2D 0A",  # HCS
    "E6 E6 00",  # LLC of a request
    "60 36",  # AARQ, 54 bytes
    # application context 2.16.756.5.8.1.1: logical names, no ciphering
    "A1 09 06 07 60 85 74 05 08 01 01",
    "8A 02 07 80",  # sender requirements: authentication
    "8B 07 60 85 74 05 08 02 01",  # mechanism 1: low level security
    "AC 0A 80 08 31 32 33 34 35 36 37 38",  # the password: 12345678
    "BE 10 04 0E",  # user information: 14 octets
    "01 00 00 00 06",  # InitiateRequest: no key, response allowed, no quality, version 6
    "5F 1F 04 00 00 7E 1F",  # conformance proposed
    "00 64",  # the client takes APDUs of up to 100 bytes
    "19 02 7E",  # FCS
)
"""As AARQ_LLS, from a client that takes APDUs of up to 100 bytes."""

GET_IN_BLOCKS = _hex(
    "7E A0 71",  # type 3, 113 bytes between the flags
    "02 23 41",  # to logical 1, physical 17; from client 32
    "32",  # I, N(S) 1, N(R) 1, P
    "FC F1",  # HCS
    "E6 E6 00",  # LLC of a request
    "C0 01 C1",  # GET normal
    "00 07 01 00 63 01 00 FF 02",  # class 7, 1.0.99.1.0.255, attribute 2: the buffer
    "01 01",  # selection: selector 1, by range
    "02 04",  # range descriptor
    # restricting object: clock, attribute 2, index 0
    "02 04 12 00 08 09 06 00 00 01 00 00 FF 0F 02 12 00 00",
    "09 0C 07 EA 06 0A 03 08 1E 00 00 FE B6 00",  # from 10 June 08:30
    "09 0C 07 EA 06 0A 03 0A 00 00 00 FE B6 00",  # to 10 June 10:00
    "01 02",  # two columns are wanted
    "02 04 12 00 08 09 06 00 00 01 00 00 FF 0F 02 12 00 00",  # the clock
    # 1.0.1.29.0.255, attribute 2: active energy of the interval
    "02 04 12 00 03 09 06 01 00 01 1D 00 FF 0F 02 12 00 00",
    "3F 60 7E",  # FCS
)
"""As GET_LONG."""

BLOCK_1 = _hex(
    "7E A0 6F",  # type 3, 111 bytes between the flags
    "41 02 23",  # to client 32; from logical 1, physical 17
    "52",  # I, N(S) 1, N(R) 2, F
    "7A 7B",  # HCS
    "E6 E7 00",  # LLC of a response
    "C4 02 C1",  # GET response with data block
    "00 00 00 00 01",  # not the last; block 1
    "00 58",  # raw data, 88 bytes
    "01 07",  # array of seven rows
    # 08:30: 100 Wh since the quarter before
    "02 02 09 0C 07 EA 06 0A 03 08 1E 00 00 FE B6 00 06 00 00 00 64",
    # 08:45: 100 Wh since the quarter before
    "02 02 09 0C 07 EA 06 0A 03 08 2D 00 00 FE B6 00 06 00 00 00 64",
    # 09:00: 100 Wh since the quarter before
    "02 02 09 0C 07 EA 06 0A 03 09 00 00 00 FE B6 00 06 00 00 00 64",
    # 09:15: 100 Wh since the quarter before
    "02 02 09 0C 07 EA 06 0A 03 09 0F 00 00 FE B6 00 06 00 00 00 64",
    "02 02",  # 09:30, cut off
    "8E 18 7E",  # FCS
)
"""100 less 12 for the head of a block: 88 of the 149 bytes."""

GET_BLOCK_2 = _hex(
    "7E A0 14",  # type 3, 20 bytes between the flags
    "02 23 41",  # to logical 1, physical 17; from client 32
    "54",  # I, N(S) 2, N(R) 2, P
    "2B 70",  # HCS
    "E6 E6 00",  # LLC of a request
    "C0 02 C1 00 00 00 01",  # GET next, block 1 received
    "51 BE 7E",  # FCS
)
"""The client asks for what follows block 1."""

BLOCK_2 = _hex(
    "7E A0 54",  # type 3, 84 bytes between the flags
    "41 02 23",  # to client 32; from logical 1, physical 17
    "74",  # I, N(S) 2, N(R) 3, F
    "73 AC",  # HCS
    "E6 E7 00",  # LLC of a response
    "C4 02 C1",  # GET response with data block
    "01 00 00 00 02",  # the last; block 2
    "00 3D",  # raw data, 61 bytes
    "09 0C 07 EA 06 0A 03 09 1E 00 00 FE B6 00 06 00 00 00 64",  # the rest of 09:30
    # 09:45: 100 Wh since the quarter before
    "02 02 09 0C 07 EA 06 0A 03 09 2D 00 00 FE B6 00 06 00 00 00 64",
    # 10:00: 100 Wh since the quarter before
    "02 02 09 0C 07 EA 06 0A 03 0A 00 00 00 FE B6 00 06 00 00 00 64",
    "36 E2 7E",  # FCS
)
"""The other 61 bytes."""

# Addresses of other lengths.

SNRM_ONE_BYTE = _hex(
    "7E A0 07",  # type 3, 7 bytes between the flags
    "03 21",  # to logical 1; from client 16
    "93",  # SNRM with P
    "0F 01 7E",  # FCS (no info)
)
"""SNRM to a server with one address byte: logical 1; client 16."""

UA_ONE_BYTE = _hex(
    "7E A0 1E",  # type 3, 30 bytes between the flags
    "21 03",  # to client 16; from logical 1
    "73",  # UA with F
    "C3 7A",  # HCS
    "81 80 12",  # format, group, 18 bytes of parameters
    "05 01 80",  # longest info to transmit: 128
    "06 01 80",  # longest info to receive: 128
    "07 04 00 00 00 01",  # window to transmit: 1
    "08 04 00 00 00 01",  # window to receive: 1
    "53 3B 7E",  # FCS
)
"""Its answer: 128 bytes each way."""

SNRM_FOUR_BYTES = _hex(
    "7E A0 0A",  # type 3, 10 bytes between the flags
    "00 02 04 59 41",  # 00 02: logical 1; 04: 2 << 1; 59: 44 << 1 | 1; from client 32
    "93",  # SNRM with P
    "03 95 7E",  # FCS (no info)
)
"""SNRM to logical 1, physical 300: 300 = 2 x 128 + 44."""

UA_FOUR_BYTES = _hex(
    "7E A0 21",  # type 3, 33 bytes between the flags
    "41 00 02 04 59",  # to client 32; from logical 1, physical 300
    "73",  # UA with F
    "29 1B",  # HCS
    "81 80 12",  # format, group, 18 bytes of parameters
    "05 01 80",  # longest info to transmit: 128
    "06 01 80",  # longest info to receive: 128
    "07 04 00 00 00 01",  # window to transmit: 1
    "08 04 00 00 00 01",  # window to receive: 1
    "53 3B 7E",  # FCS
)
"""Its answer."""

SESSION = (
    (SNRM, UA_128),
    (AARQ_LLS, AARE_ACCEPTED),
    (GET_CLOCK, CLOCK),
    (GET_ENERGY, ENERGY),
    (GET_SCALER_UNIT, SCALER_UNIT),
    (GET_BLOCK_LOAD_RANGE, BLOCK_LOAD_RANGE),
    (GET_BLOCK_LOAD_ENTRY, BLOCK_LOAD_ENTRY),
    (GET_LONG, LONG_SEGMENT_1),
    (RR_7, LONG_SEGMENT_2),
    (GET_UNKNOWN, UNDEFINED),
    (RLRQ, RLRE),
    (GET_WITHOUT_ASSOCIATION, EXCEPTION),
    (RR_3, RR_FROM_METER),
    (DISC, UA),
    (DISC, DM),
)
"""One conversation: what the client sends and what the meter answers, in order."""

BLOCK_SESSION = (
    (SNRM, UA_128),
    (AARQ_PDU_100, AARE_ACCEPTED),
    (GET_IN_BLOCKS, BLOCK_1),
    (GET_BLOCK_2, BLOCK_2),
    (DISC, UA),
)
"""The same with block transfer."""
