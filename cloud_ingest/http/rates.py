# SPDX-License-Identifier: MIT
"""How often somebody may ask: a bucket that fills by itself, for each asker.

In: who asks, a time in seconds. Out: how long it has to wait. Owns: the buckets of this
process; a second process has its own. Of too many the fullest are forgotten.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

MOST_BUCKETS: Final = 10_000

Kind = Literal["token", "link", "session", "login", "login everywhere", "address"]
Asker = tuple[Kind, int | str]
"""By its number in the store; a login by its text, whether somebody has it or not, with the address
from which it is tried where that is known."""


class Limit(NamedTuple):
    """How often one asker may ask."""

    a_second: float
    """Requests that go on for ever."""
    at_once: float
    """Requests that may come together."""


ASKING: Final = Limit(a_second=10, at_once=60)
LIMITS: Final[Mapping[Kind, Limit]] = {
    "token": ASKING,
    "link": ASKING,
    "session": ASKING,
    "login": Limit(a_second=1 / 30, at_once=10),
    "login everywhere": Limit(a_second=1 / 5, at_once=60),
    "address": Limit(a_second=1 / 5, at_once=30),
}


class Rates:
    """The buckets of all askers."""

    def __init__(self, limits: Mapping[Kind, Limit] = LIMITS) -> None:
        self._limits = limits
        self._used: dict[Asker, tuple[float, float]] = {}
        """What is taken out of each bucket, and when that was."""

    def wait_s(self, asker: Asker, now_s: float) -> float:
        """Take one request out of a bucket; return 0, or after how many seconds to come again."""
        limit, used = self._limits[asker[0]], self._used_of(asker, now_s)
        if asker not in self._used and len(self._used) >= MOST_BUCKETS:
            self._forget(now_s)
        if used + 1 > limit.at_once:
            self._used[asker] = (used, now_s)
            return (used + 1 - limit.at_once) / limit.a_second
        self._used[asker] = (used + 1, now_s)
        return 0.0

    def _used_of(self, asker: Asker, now_s: float) -> float:
        used, since_s = self._used.get(asker, (0.0, now_s))
        return max(0.0, used - max(0.0, now_s - since_s) * self._limits[asker[0]].a_second)

    def _forget(self, now_s: float) -> None:
        """Forget those that used least: who is held back by a bucket stays so."""

        def share(asker: Asker) -> float:
            return self._used_of(asker, now_s) / self._limits[asker[0]].at_once

        for asker in sorted(self._used, key=share)[: MOST_BUCKETS // 10]:
            self._used.pop(asker, None)
