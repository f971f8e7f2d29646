# SPDX-License-Identifier: MIT
"""How often a token may ask: a bucket that fills by itself, for each token.

In: a token's number, a time in seconds. Out: how long it has to wait. Owns: the buckets of this
process; a second process has its own.
"""

from typing import Final

A_SECOND: Final = 10.0
"""Requests that go on for ever."""
AT_ONCE: Final = 60.0
"""Requests that may come together."""


class Rates:
    """The buckets of all tokens."""

    def __init__(self) -> None:
        self._left: dict[int, tuple[float, float]] = {}
        """What is left of each, and when that was."""

    def wait_s(self, token_id: int, now_s: float) -> float:
        """Take one request out of a bucket; return 0, or after how many seconds to come again."""
        left, since_s = self._left.get(token_id, (AT_ONCE, now_s))
        left = min(AT_ONCE, left + max(0.0, now_s - since_s) * A_SECOND)
        if left < 1.0:
            self._left[token_id] = (left, now_s)
            return (1.0 - left) / A_SECOND
        self._left[token_id] = (left - 1.0, now_s)
        return 0.0
