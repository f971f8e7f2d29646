# SPDX-License-Identifier: GPL-2.0-only
"""Modes, keys and titles: what a key file may hold, and that nothing shows a key."""

import pytest

from edge_agent.dlms.security import (
    Ciphering,
    Keys,
    Mode,
    client_title,
    counter_object,
    parse_key,
)
from edge_agent.errors import (
    ConfigurationError,
)
from shared_schema.obis import Obis
from tests.vectors import security as vectors

KEYS = Keys(vectors.ENCRYPTION_KEY, vectors.AUTHENTICATION_KEY)
TITLE = vectors.METER_TITLE


@pytest.mark.parametrize(
    ("text", "suite", "key"),
    [
        (b"000102030405060708090A0B0C0D0E0F\n", 0, bytes(range(16))),
        (b"00 01 02 03 04 05 06 07\n08 09 0a 0b 0c 0d 0e 0f", 0, bytes(range(16))),
        (b"AAAAAAAAAAAAAAAA\r\n", 0, b"A" * 16),
        (b"0123456789012345", 1, b"0123456789012345"),
        (b"ab" * 32, 2, b"\xab" * 32),
        (b"z" * 32, 2, b"z" * 32),
    ],
)
def test_keys_as_digits_or_characters(text: bytes, suite: int, key: bytes) -> None:
    assert parse_key(text, suite, "the key") == key


@pytest.mark.parametrize("text", [b"", b"secret", b"zz" * 16, b"ab" * 15, b"ab" * 32])
def test_what_is_no_key_is_not_shown(text: bytes) -> None:
    with pytest.raises(ConfigurationError, match="the key must hold 32 hexadecimal") as caught:
        parse_key(text, 0, "the key")
    assert not text or text.decode() not in str(caught.value)


def test_keys_are_never_shown() -> None:
    for shown in (repr(KEYS), str(KEYS), repr(Ciphering(KEYS, TITLE, gmac=True))):
        assert "\\x0a" not in shown
        assert "\\xd1" not in shown
        assert "d0d1" not in shown.lower()


def test_a_title_belongs_to_one_place() -> None:
    titles = {client_title(f"gw-1/riser-1/1/{address}/32") for address in range(1, 500)}
    assert len(titles) == 499
    assert {len(title) for title in titles} == {8}


def test_counters_and_modes() -> None:
    assert counter_object(32) == Obis(0, 0, 43, 1, 2, 255)
    assert counter_object(48) == Obis(0, 0, 43, 1, 3, 255)
    assert [mode for mode in Mode if mode.ciphered] == [
        Mode.LLS_AE,
        Mode.HLS_GMAC,
        Mode.HLS_SHA256,
        Mode.HLS_ECDSA,
    ]
    assert [mode for mode in Mode if not mode.has_password] == [
        Mode.NONE,
        Mode.HLS_GMAC,
        Mode.HLS_GMAC_PLAIN,
        Mode.HLS_ECDSA,
    ]
    assert [mode for mode in Mode if mode.has_keys and not mode.ciphered] == [Mode.HLS_GMAC_PLAIN]
    assert [mode for mode in Mode if mode.usual] == [
        Mode.NONE,
        Mode.LLS,
        Mode.LLS_AE,
        Mode.HLS_GMAC,
    ]
