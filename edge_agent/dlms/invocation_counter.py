# SPDX-License-Identifier: GPL-2.0-only
"""The invocation counters of ciphered associations: on disk before a number is sent.

A number that is used twice under one key breaks AES-GCM. So the store writes and synchronises a
block of numbers first, and the counter then takes them from memory: one write for many requests.
The end of the program loses the rest of a block, which costs nothing: 2^32 numbers last for
centuries.

In: the place of a meter, what the meter says of its own count, and a `Store` that keeps numbers
(on a gateway `spool.counters`). Out: numbers that were never used before with this meter.
Never: a number twice, a counter lowered.
"""

import secrets
import threading
from typing import Final, Protocol

from edge_agent.dlms.security import LAST_COUNTER, client_title
from edge_agent.errors import NoCounter

BLOCK: Final = 256
Place = tuple[str, int, int, int]
"""Bus, logical and physical address, client."""


class Store(Protocol):
    """Keeps counters: the spool of a gateway does, or `VisitStore` for one visit by hand."""

    def reserve(self, place: Place, above: int, count: int) -> int:
        """Record ``count`` numbers above ``above`` as used; return the first of them."""
        ...

    def is_sure(self, place: Place) -> bool:
        """Return whether the place has a counter that its meter took last time."""
        ...

    def mark(self, place: Place, *, sure: bool) -> None:
        """Record whether the meter took the counter."""
        ...


class VisitStore:
    """Counters of one visit by hand: each visit asks the meter how far it has counted."""

    def __init__(self) -> None:
        self._next: dict[Place, int] = {}
        self._sure: set[Place] = set()

    def reserve(self, place: Place, above: int, count: int) -> int:
        """Remember numbers as used."""
        first = max(self._next.get(place, 1), above + 1)
        self._next[place] = first + count
        return first

    def is_sure(self, place: Place) -> bool:
        """Return whether the meter took the counter in this visit."""
        return place in self._sure

    def mark(self, place: Place, *, sure: bool) -> None:
        """Remember whether the meter took the counter."""
        (self._sure.add if sure else self._sure.discard)(place)


class Counter:
    """The counter of one client at one meter, and the system title that belongs to it."""

    def __init__(self, store: Store, place: Place, title: bytes) -> None:
        self.title = title
        self._store = store
        self._place = place
        self._next = self._end = 0
        self._sure = store.is_sure(place)

    @property
    def is_sure(self) -> bool:
        """Whether the meter took this counter last time; else a session asks it first."""
        return self._sure

    def take(self) -> int:
        """Return the next number, once; it is on disk already.

        Raises:
            NoCounter: there is none.
            SpoolError: the store cannot keep it: nothing may be sent.
        """
        if self._next >= self._end:
            self._reserve(0)
        number = self._next
        self._next += 1
        return number

    def follow(self, last: int) -> bool:
        """Go on above the last number that the meter took; return whether that is a change.

        Raises:
            NoCounter, SpoolError: as `take`.
        """
        if last < self._next:
            return False
        self._reserve(last)
        return True

    def mark(self, *, sure: bool) -> None:
        """Record whether the meter took the counter; only a change writes to the store.

        Raises:
            SpoolError: the store cannot keep it.
        """
        if sure != self._sure:
            self._sure = sure
            self._store.mark(self._place, sure=sure)

    def _reserve(self, above: int) -> None:
        if above >= LAST_COUNTER:
            raise _spent(self._place)
        first = self._store.reserve(self._place, above, BLOCK)
        if first > LAST_COUNTER:
            raise _spent(self._place)
        self._next, self._end = first, min(first + BLOCK, LAST_COUNTER + 1)


def _spent(place: Place) -> NoCounter:
    bus, _, address, client = place
    return NoCounter(
        f"bus {bus}, address {address}: the invocation counter of client {client} is used up: "
        "the meter needs a new encryption key"
    )


class Counters:
    """The counters of one bus."""

    def __init__(self, store: Store, gateway: str, bus: str) -> None:
        self._store = store
        self._gateway = gateway
        self._bus = bus
        self._lock = threading.Lock()
        self._made: dict[Place, Counter] = {}

    def of(self, logical: int, physical: int, client: int) -> Counter:
        """Return the counter of a client at a meter: the same object each time.

        Args:
            logical: logical device of the meter.
            physical: its address.
            client: who associates.

        Raises:
            SpoolError: the spool fails.
        """
        place = (self._bus, logical, physical, client)
        with self._lock:
            if place not in self._made:
                title = client_title(f"{self._gateway}/{'/'.join(map(str, place))}")
                self._made[place] = Counter(self._store, place, title)
            return self._made[place]


def by_hand(bus: str) -> Counters:
    """Return the counters of one visit by hand.

    Its system titles are new each time: an agent that reads the same meter at the same time,
    with the same keys, never makes the same nonce.
    """
    return Counters(VisitStore(), secrets.token_hex(8), bus)
