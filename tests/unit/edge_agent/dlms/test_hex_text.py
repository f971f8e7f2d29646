# SPDX-License-Identifier: GPL-2.0-only
"""Bytes in a message: all of a few, the beginning of many."""

from edge_agent.dlms.hex_text import as_hex


def test_few_bytes_are_shown_all() -> None:
    assert as_hex(bytes.fromhex("0906FF")) == "09 06 ff"
    assert as_hex(b"") == "nothing"


def test_many_bytes_are_counted() -> None:
    assert as_hex(bytes(1000)) == f"{'00 ' * 32}… (1000 bytes)"
