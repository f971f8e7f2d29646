# SPDX-License-Identifier: MIT
"""What somebody says that a cumulative register showed, and which claim may follow which.

A register only rises, and never faster than its meter can count. In: two claims, the most that
their register counts a second. Out: the rule that forbids it. Pure.
"""

from enum import StrEnum
from fractions import Fraction
from typing import Final, NamedTuple

JITTER_S: Final = 60
"""By so much two times may be closer than what was counted between them took."""


class Rule(StrEnum):
    """What a claim does that no register does."""

    NEGATIVE = "negative"
    FALL = "fall"
    CEILING = "ceiling"
    SUM_CHECK = "sum_check"
    STATUS = "status"
    """Its meter calls it not valid (`core.meter_status`)."""
    CLOCK = "clock"
    """Its meter calls its time not valid."""


class Claim(NamedTuple):
    """What somebody says that a register showed; claims of one moment are ordered by precedence."""

    ts: int
    """Seconds since 1970."""
    precedence: int
    """The lower one is elected; at the same precedence the lower count."""
    counted: int
    step: int = 1
    """What the register counted lies from ``counted`` on, and below ``counted + step``."""
    vouched: bool = False
    """A person said that it is right."""


def violated(before: Claim, after: Claim, ceiling: Fraction) -> Rule | None:
    """Return the rule that forbids ``after`` to follow ``before``.

    A claim hides less than a step: a coarse one is no fall behind a fine one, and a rise may show
    a step more than was counted. A fall of one step is none: a dial that stands between two
    digits, or that water pushes back a little, shows now the one and now the other.
    """
    rise = after.counted - before.counted
    if rise < -after.step:
        return Rule.FALL
    # In integers: a fraction would take most of the time of a month.
    most = ceiling.numerator * (after.ts - before.ts + JITTER_S)
    return Rule.CEILING if (rise - before.step) * ceiling.denominator > most else None
