# SPDX-License-Identifier: MIT
"""From which address a request came, and who is believed about it."""

import pytest
from pydantic import ValidationError

from cloud_ingest.http.peer import address_of
from cloud_ingest.settings import CloudSettings

LOCAL = ("127.0.0.1",)
TWO = ("127.0.0.1", "10.0.0.0/8")


def came_from(peer: str | None, *said: str, trusted: tuple[str, ...] = LOCAL) -> str | None:
    headers = [(b"x-forwarded-for", each.encode()) for each in said]
    client = None if peer is None else (peer, 40000)
    return address_of({"type": "http", "client": client, "headers": headers}, trusted)


@pytest.mark.parametrize(
    ("peer", "said", "trusted", "expected"),
    [
        ("198.51.100.7", (), LOCAL, "198.51.100.7"),
        ("198.51.100.7", ("203.0.113.1",), LOCAL, "198.51.100.7"),  # a stranger says nothing
        ("127.0.0.1", ("203.0.113.1",), LOCAL, "203.0.113.1"),
        ("127.0.0.1", ("1.1.1.1, 203.0.113.1",), LOCAL, "203.0.113.1"),  # who asked wrote 1.1.1.1
        ("127.0.0.1", ("1.1.1.1", "203.0.113.1"), LOCAL, "203.0.113.1"),
        ("127.0.0.1", ("203.0.113.1, 10.2.3.4",), TWO, "203.0.113.1"),
        ("127.0.0.1", ("203.0.113.1, 10.2.3.4",), LOCAL, "10.2.3.4"),
        ("127.0.0.1", ("203.0.113.1:5000",), LOCAL, "203.0.113.1"),
        ("127.0.0.1", ("[2001:db8:1:2:3::9]:5000",), LOCAL, "2001:db8:1:2::/64"),
        ("::ffff:127.0.0.1", ("2001:db8:1:2::1",), LOCAL, "2001:db8:1:2::/64"),
        ("127.0.0.1", ("garbage, 203.0.113.1",), LOCAL, "203.0.113.1"),
        (None, ("203.0.113.1",), ("unix",), "203.0.113.1"),
    ],
)
def test_the_list_is_read_from_the_right(
    peer: str | None, said: tuple[str, ...], trusted: tuple[str, ...], expected: str
) -> None:
    assert came_from(peer, *said, trusted=trusted) == expected


@pytest.mark.parametrize(
    ("peer", "said", "trusted"),
    [
        ("127.0.0.1", ("203.0.113.1",), ()),  # nobody is believed
        ("127.0.0.1", (), LOCAL),  # a proxy that does not say
        ("127.0.0.1", ("unknown",), LOCAL),
        ("127.0.0.1", ("",), LOCAL),
        ("127.0.0.1", ("203.0.113.1, _hidden",), LOCAL),
        ("127.0.0.1", ("10.2.3.4",), TWO),
        (None, ("203.0.113.1",), LOCAL),  # a socket of which nothing is said
        (None, (), ("unix",)),
    ],
)
def test_nobody_knows(peer: str | None, said: tuple[str, ...], trusted: tuple[str, ...]) -> None:
    assert came_from(peer, *said, trusted=trusted) is None


def test_a_long_list_is_not_read_to_its_end() -> None:
    said = ", ".join(["203.0.113.1", *["127.0.0.1"] * 5000])
    assert came_from("127.0.0.1", said) is None


@pytest.mark.parametrize("wrong", ["proxy.example", "10.0.0.1/8", "", "Unix", "10.0.0.0/33"])
def test_what_is_no_network_is_told(wrong: str) -> None:
    with pytest.raises(ValidationError, match="is no address and no network"):
        CloudSettings.model_validate({"trusted_proxies": [wrong]})
