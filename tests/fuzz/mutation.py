# SPDX-License-Identifier: GPL-2.0-only
"""Mutations of bytes, some of them blind and some that know A-XDR.

In: bytes, others to take parts from, a generator. Out: other bytes, which follow from these.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

TAGS: Final = (*range(8), 9, 10, 12, 13, *range(15, 34), 255)
"""The types of A-XDR."""
_COUNTED: Final = frozenset((1, 2, 4, 9, 10, 12, 19))
_LENGTHS: Final = tuple(
    bytes.fromhex(each)
    for each in [
        "00",
        "01",
        "02",
        "0c",
        "10",
        "7f",
        "80",
        "8100",
        "8101",
        "8180",
        "81ff",
        "820000",
        "820100",
        "82ffff",
        "83000001",
        "8400000000",
        "8400000001",
        "840000ffff",
        "84ffffffff",
        "85ff",
        "ff",
    ]
)
_ODD_BYTES: Final = bytes.fromhex("00 01 02 05 06 09 0a 13 1c 7e 7f 80 81 82 84 e6 e7 fe ff")
_LONGEST: Final = 6000
_LONGEST_GROWN: Final = 150_000
_GROWN_ONE_IN: Final = 2000

Mutate = Callable[[bytes, Random, Sequence[bytes]], bytes]


def _flip(data: bytes, rng: Random, _pool: Sequence[bytes]) -> bytes:
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
    return bytes(found)


def _set(data: bytes, rng: Random, _pool: Sequence[bytes]) -> bytes:
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        found[rng.randrange(len(found))] = rng.choice(_ODD_BYTES)
    return bytes(found)


def _cut(data: bytes, rng: Random, _pool: Sequence[bytes]) -> bytes:
    return data[: rng.randrange(len(data))]


def _drop(data: bytes, rng: Random, _pool: Sequence[bytes]) -> bytes:
    first, last = _slice(data, rng)
    return data[:first] + data[last:]


def _append(data: bytes, rng: Random, _pool: Sequence[bytes]) -> bytes:
    return data + rng.randbytes(rng.choice((1, 2, 3, 8, 64)))


def _repeat(data: bytes, rng: Random, _pool: Sequence[bytes]) -> bytes:
    first, last = _slice(data, rng)
    times = rng.choice((1, 1, 2, 3, 20, 100))
    most = max(1, (_LONGEST - len(data)) // (last - first))
    return data[:last] + data[first:last] * min(times, most) + data[last:]


def _splice(data: bytes, rng: Random, pool: Sequence[bytes]) -> bytes:
    other = rng.choice(pool)
    if rng.random() < 0.5:
        return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other)) :]
    first, last = _slice(other, rng)
    at = rng.randrange(len(data) + 1)
    return data[:at] + other[first:last] + data[at if rng.random() < 0.5 else at + last - first :]


def _swap(_data: bytes, rng: Random, pool: Sequence[bytes]) -> bytes:
    return rng.choice(pool)


def _length(data: bytes, rng: Random, _pool: Sequence[bytes]) -> bytes:
    places = [at for at, tag in enumerate(data[:-1]) if tag in _COUNTED]
    if not places:
        return _set(data, rng, _pool)
    at = rng.choice(places) + 1
    if rng.random() < 0.4:
        count = data[at] + rng.choice((-2, -1, 1, 2, 10)) & 0xFF
        return data[:at] + bytes((count,)) + data[at + 1 :]
    return data[:at] + rng.choice(_LENGTHS) + data[at + 1 :]


def _tag(data: bytes, rng: Random, _pool: Sequence[bytes]) -> bytes:
    places = [at for at, tag in enumerate(data) if tag in TAGS]
    if not places:
        return _set(data, rng, _pool)
    at = rng.choice(places)
    return data[:at] + bytes((rng.choice(TAGS),)) + data[at + 1 :]


def _nest(data: bytes, rng: Random, _pool: Sequence[bytes]) -> bytes:
    """Put arrays and structures around what is behind a place, few or very many."""
    at = rng.randrange(len(data) + 1)
    around = rng.choice((b"\x01\x01", b"\x02\x01", b"\x01\x81\x01", b"\x02\x02", b"\x13\x02\x01"))
    return data[:at] + around * rng.choice((1, 2, 11, 12, 13, 200, 1500)) + data[at:]


def _bomb(data: bytes, rng: Random, _pool: Sequence[bytes]) -> bytes:
    """Put a compact array that describes far more than it holds, or many nulls."""
    described = [b"\x01" + rng.choice((b"\xff\xff", b"\x00\xff", b"\x10\x00"))] * rng.choice(
        (1, 2, 3)
    )
    bomb = rng.choice(
        (
            b"\x13" + b"".join(described) + rng.choice((b"\x00", b"\x11")) + b"\x03abc",
            b"\x13\x02\x7f" + b"\x00" * 127 + b"\x02\x00\x00",
            b"\x01\x82\x10\x00" + b"\x00" * 4096,
            b"\x01\x82\x08\x00" + b"\x01\x00" * 2048,
            b"\x01\x82\x08\x00" + b"\x02\x01\x00" * 2048,
        )
    )
    at = rng.choice((0, 0, rng.randrange(len(data) + 1)))
    return data[:at] + bomb + data[at if rng.random() < 0.5 else len(data) :]


def _grow(data: bytes, rng: Random, _pool: Sequence[bytes]) -> bytes:
    """Make an array of very many elements, each a part of these bytes."""
    first, last = _slice(data, rng)
    if rng.random() < 0.7 and 2 in data:  # from a structure to the next one
        starts = [at for at, tag in enumerate(data) if tag == 2]
        first = rng.choice(starts)
        last = next((at for at in starts if at > first), len(data))
    part = data[first:last]
    count = min(rng.choice((500, 3000, 12_000)), _LONGEST_GROWN // len(part))
    return b"\x01\x83" + count.to_bytes(3, "big") + part * count


_MUTATIONS: Final[tuple[Mutate, ...]] = (
    _flip,
    _flip,
    _set,
    _set,
    _cut,
    _drop,
    _append,
    _repeat,
    _splice,
    _splice,
    _swap,
    _length,
    _length,
    _tag,
    _tag,
    _nest,
    _bomb,
)


def mutated(data: bytes, rng: Random, pool: Sequence[bytes]) -> bytes:
    """Return bytes after one to four mutations.

    Args:
        data: what to begin with.
        rng: tells which, where and how.
        pool: other bytes of the same layer; none of them is empty.
    """
    if rng.randrange(_GROWN_ONE_IN) == 0 and data:
        return _grow(data, rng, pool)
    for _ in range(rng.choice((1, 1, 1, 1, 2, 2, 3, 4))):
        if not data:
            return rng.choice(pool)
        data = rng.choice(_MUTATIONS)(data, rng, pool)
        if len(data) > _LONGEST:
            data = data[:_LONGEST]
    return data


def _slice(data: bytes, rng: Random) -> tuple[int, int]:
    """Return the ends of a part of some bytes, which has at least one."""
    first = rng.randrange(len(data))
    return first, min(len(data), first + rng.choice((1, 2, 4, 9, 16, 40, 400)))
