# SPDX-License-Identifier: MIT
"""How often a token or a link may ask: a bucket that fills by itself, for each of them.

In: who asks, a time in seconds. Out: how long it has to wait. Owns: the buckets of this
process; a second process has its own.
"""

from typing import Final, Literal

A_SECOND: Final = 10.0
"""Requests that go on for ever."""
AT_ONCE: Final = 60.0
"""Requests that may come together."""


Asker = tuple[Literal["token", "link", "session"], int]
"""By its number in the store."""


class Rates:
    """The buckets of all askers."""

    def __init__(self) -> None:
        self._left: dict[Asker, tuple[float, float]] = {}
        """What is left of each, and when that was."""

    def wait_s(self, asker: Asker, now_s: float) -> float:
        """Take one request out of a bucket; return 0, or after how many seconds to come again."""
        left, since_s = self._left.get(asker, (AT_ONCE, now_s))
        left = min(AT_ONCE, left + max(0.0, now_s - since_s) * A_SECOND)
        if left < 1.0:
            self._left[asker] = (left, now_s)
            return (1.0 - left) / A_SECOND
        self._left[asker] = (left - 1.0, now_s)
        return 0.0
