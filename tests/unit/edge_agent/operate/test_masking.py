# SPDX-License-Identifier: GPL-2.0-only
"""No secret is left in what leaves the gateway, in whatever form it is written."""

import base64
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.logs import LineFormatter
from edge_agent.operate.secrets import _network_passwords as network_passwords
from shared_schema.masking import MASK, Mask, named_secrets
from shared_schema.signing import generate_key, private_key_to_pem

WRITTEN: Final[dict[str, Callable[[bytes], str]]] = {
    "as it is": lambda secret: secret.decode("latin-1"),
    "hex": bytes.hex,
    "upper hex": lambda secret: secret.hex().upper(),
    "spaced hex": lambda secret: secret.hex(" "),
    "base64": lambda secret: base64.b64encode(secret).decode().rstrip("="),
    "urlsafe": lambda secret: base64.urlsafe_b64encode(secret).decode().rstrip("="),
    "json": lambda secret: json.dumps(secret.decode("latin-1"))[1:-1],
    "repr": lambda secret: repr(secret)[2:-1],
}
passwords = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=4).map(str.encode)
keys = st.binary(min_size=16, max_size=32)
around = st.text(st.sampled_from(' ab9="\n:,'), max_size=12)


@given(
    secret=passwords | keys, written=st.sampled_from(sorted(WRITTEN)), before=around, after=around
)
def test_a_secret_leaves_in_no_form(secret: bytes, written: str, before: str, after: str) -> None:
    form = WRITTEN[written](secret)
    assert form not in Mask([secret]).text(f"{before}{form}{after}").replace(MASK, "\n")


@given(secret=keys, upper=st.booleans())
def test_a_key_of_digits_leaves_not_as_bytes_either(secret: bytes, *, upper: bool) -> None:
    digits = secret.hex().upper() if upper else secret.hex()
    mask = Mask([f"{digits}\n".encode()])
    for form in (digits, secret.hex(":"), base64.b64encode(secret).decode().rstrip("=")):
        assert form.lower() not in mask.text(f"frame {form} end").lower()


def test_numbers_and_nested_texts_are_masked() -> None:
    document = Mask([b"26100001"]).document(
        {"a": [26100001, True, None, 7], "b": {"c": ("x26100001y",)}, "d": frozenset({"26100001"})}
    )
    assert document == {"a": [MASK, True, None, 7], "b": {"c": [f"x{MASK}y"]}, "d": [MASK]}


def test_a_short_secret_takes_no_digits_from_numbers() -> None:
    mask = Mask([b"17\n"])
    assert mask.text("address 17, 2017, 171") == f"address {MASK}, 2017, 171"


@pytest.mark.parametrize(
    "line",
    [
        "wpa: psk=unknown-one",
        'passphrase: "unknown one"',
        "PASSWORD = unknown-one,",
        '{"token": "unknown-one"}',
        "wifi_password='unknown-one'",
        'wpa-psk "unknown one"',
        '{\\"password\\": \\"unknown one\\"}',
        "passwd=unknown-one",
        "refused by mqtt://gw-1:unknown-one@broker.example:1883",
        "-----BEGIN EC PRIVATE KEY----- unknown",
    ],
)
def test_what_a_text_calls_a_secret_is_masked_unknown(line: str) -> None:
    assert "unknown" not in Mask([]).text(line)
    assert MASK in Mask([]).text(line)


def test_a_private_key_in_a_log_is_masked_unknown() -> None:
    pem = private_key_to_pem(generate_key()).decode().splitlines()
    lines = ["before", *(f"gw-1 python3[7]: {line}" for line in pem), "after"]
    assert Mask([]).lines(lines, 80) == ["before", f"gw-1 python3[7]: {MASK}", "after"]
    assert Mask([]).lines([], 80) == []


@given(at=st.integers(0, 6000), before=st.integers(0, 40))
def test_no_line_is_cut_within_a_secret(at: int, before: int) -> None:
    secret = "0123456789abcdef" * 4
    line = f"{secret}," * before + "x" * at + secret
    (shown,) = Mask([secret.encode()]).lines([line + "y" * 4000], 2000)
    assert "0123" not in shown
    assert len(shown) <= 2000


def test_a_secret_leaves_not_as_the_log_shows_it() -> None:
    word = "schlüssel\N{NO-BREAK SPACE}\N{RIGHT-TO-LEFT OVERRIDE}wort"
    shown = LineFormatter().format(logging.makeLogRecord({"msg": "it is", "said": word}))
    assert "wort" not in Mask([word.encode()]).text(shown)


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("psk=two words; and more", "two words; and more"),
        ('psk="it "quotes" itself"', 'it "quotes" itself'),
        (r'password: "say \"friend\""', 'say "friend"'),
        ("  password: two words", "two words"),
    ],
)
def test_a_files_password_is_known_whole(line: str, secret: str) -> None:
    assert secret.encode() in named_secrets(f"{line}\nother=1\n")


def test_the_wifis_password_is_a_secret(tmp_path: Path) -> None:
    (tmp_path / "wifi.yaml").write_text(
        'wifis:\n  "Lake View":\n    password: "hinter den Bäumen"\n'
    )
    (tmp_path / "home.nmconnection").write_text("[wifi-security]\npsk=another1\n")
    found = list(network_passwords([f"{tmp_path}/*"]))
    assert {b"another1", "hinter den Bäumen".encode()} < set(found)
