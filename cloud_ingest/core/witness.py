# SPDX-License-Identifier: MIT
"""What a dial shows before witnesses, held against what is known of its register at that moment.

A dial of step s that shows n says [n, n + s). What is known says [low, high): the last reading
before the moment and the first one behind it, or what the meter can count since. They agree if
both have a part in common. Without a reading near enough nothing can be said, unless the dial
contradicts even that.

In: the digits, what is known. Out: a verdict. Pure.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

from cloud_ingest.core.dial_text import DialText

Verdict = Literal["agrees", "differs", "cannot_say"]
NEAR: Final = timedelta(days=1)
"""A reading on one side alone tells something for so long."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the dial had to show, in kWh or kL."""

    low: Decimal | None = None
    """At least this; None: nothing was read before."""
    high: Decimal | None = None
    """Less than this."""
    before_at: datetime | None = None
    after_at: datetime | None = None
    """None: nothing was read behind it, and ``high`` is what the meter can have counted."""


def verdict_of(read: DialText, at: datetime, held: Held) -> Verdict:
    """Say whether a dial agrees with what is known."""
    if held.low is not None and read.most <= held.low:
        return "differs"
    if held.high is not None and read.value >= held.high:
        return "differs"
    if held.before_at is None or held.low is None or held.high is None:
        return "cannot_say"
    is_near = held.after_at is not None or at - held.before_at <= NEAR
    return "agrees" if is_near else "cannot_say"
