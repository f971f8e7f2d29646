# SPDX-License-Identifier: MIT
"""How often somebody may ask: a bucket that fills by itself, for each asker.

In: who asks, a time in seconds. Out: how long it has to wait. Owns: the buckets of this
process; a second process has its own. Of too many the fullest are forgotten.
"""

from typing import Final, Literal

A_SECOND: Final = 10.0
"""Requests that go on for ever."""
AT_ONCE: Final = 60.0
"""Requests that may come together."""
SIGN_INS_A_SECOND: Final = 1 / 30
SIGN_INS_AT_ONCE: Final = 10.0
"""Of one login, whether somebody has it or not."""
MOST_BUCKETS: Final = 10_000

Asker = tuple[Literal["token", "link", "session"], int] | tuple[Literal["login"], str]
"""By its number in the store; a login by its text."""


class Rates:
    """The buckets of all askers."""

    def __init__(self, a_second: float = A_SECOND, at_once: float = AT_ONCE) -> None:
        self._a_second = a_second
        self._at_once = at_once
        self._left: dict[Asker, tuple[float, float]] = {}
        """What is left of each, and when that was."""

    def wait_s(self, asker: Asker, now_s: float) -> float:
        """Take one request out of a bucket; return 0, or after how many seconds to come again."""
        left = self._left_of(asker, now_s)
        if asker not in self._left and len(self._left) >= MOST_BUCKETS:
            self._forget(now_s)
        if left < 1.0:
            self._left[asker] = (left, now_s)
            return (1.0 - left) / self._a_second
        self._left[asker] = (left - 1.0, now_s)
        return 0.0

    def _left_of(self, asker: Asker, now_s: float) -> float:
        left, since_s = self._left.get(asker, (self._at_once, now_s))
        return min(self._at_once, left + max(0.0, now_s - since_s) * self._a_second)

    def _forget(self, now_s: float) -> None:
        """Forget those that have most left: who is held back by a bucket stays so."""
        by_left = sorted(self._left, key=lambda each: -self._left_of(each, now_s))
        for asker in by_left[: MOST_BUCKETS // 10]:
            self._left.pop(asker, None)
