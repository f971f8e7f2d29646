# SPDX-License-Identifier: MIT
"""From which address a request came, behind reverse proxies that are believed.

Each proxy adds the address of who asked it to ``X-Forwarded-For``, on the right. From the right the
list is read as long as a believed proxy wrote it: what stands further left anybody could have sent.
An IPv6 address stands for its network of 64 bits, which is one customer's.

In: a request, the addresses and networks that are believed. Out: an address; None: nobody knows.
"""

import functools
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

from starlette.datastructures import Headers
from starlette.types import Scope

from cloud_ingest.settings_pages import OF_SOCKET

Address: TypeAlias = IPv4Address | IPv6Address
HEADER: Final = "x-forwarded-for"
MOST_HOPS: Final = 16


def address_of(scope: Scope, trusted: tuple[str, ...]) -> str | None:
    """Return who asked; None: no proxy is believed, or it does not say whom it serves.

    Args:
        scope: The request.
        trusted: Addresses and networks of proxies; ``unix`` is one at a socket of the file system.
    """
    if not trusted:
        return None
    networks = _networks(trusted)
    hops = _hops(scope)
    client = scope.get("client")
    address = None if client is None or not client[0] else _address(client[0])
    if address is None and OF_SOCKET not in trusted:
        return None
    while address is None or any(address in each for each in networks):
        text = next(hops, None)
        address = None if text is None else _address(text)
        if address is None:
            return None
    return _shown(address)


@functools.cache
def _networks(trusted: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(each) for each in trusted if each != OF_SOCKET)


def _hops(scope: Scope) -> Iterator[str]:
    """Give what proxies wrote, the nearest first."""
    said = ",".join(Headers(scope=scope).getlist(HEADER))
    for text in reversed(said.rsplit(",", MOST_HOPS)[-MOST_HOPS:]):
        yield text.strip()


def _address(text: str) -> Address | None:
    """Read an address, with or without a port."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _shown(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address) >> 64 << 64, 64)))
