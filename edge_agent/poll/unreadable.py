# SPDX-License-Identifier: GPL-2.0-only
"""How much of a meter may be unreadable: answers that cannot be decoded are asked for in halves.

In: each answer that could not be decoded, each row that is left out for that.
Out: the error of the answer that is one too many.
Never: which range is asked for next: `windows` and `by_entry` halve what they asked for.
"""

from typing import Final

from edge_agent.errors import Breach, ProtocolViolation

MAX_LEFT_OUT: Final = 16
"""Rows, or capture periods, that are left out at most."""
MAX_TOO_LONG: Final = 8
"""Answers that hold more than is read at once: 1 MiB takes 18 minutes at 9600 baud."""


class Unreadable:
    """What could not be decoded up to now."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.left_out = 0
        self._too_long = 0

    def see(self, error: ProtocolViolation) -> None:
        """Count an answer that cannot be decoded.

        Raises:
            ProtocolViolation: this one, if a part of it must not be asked for any more.
        """
        self._too_long += error.of is Breach.SIZE
        if self.left_out >= MAX_LEFT_OUT or self._too_long > MAX_TOO_LONG:
            raise error

    def leave_out(self) -> None:
        """Count a row, or a capture period, that cannot be asked for in smaller parts."""
        self.left_out += 1
