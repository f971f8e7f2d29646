# SPDX-License-Identifier: MIT
"""A valve test: the valve is closed, the dial is read twice, and the difference tells.

In: two dials of one meter. Out: a verdict. Pure.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

from cloud_ingest.core.dial_text import DialText
from cloud_ingest.core.exact import exactly
from cloud_ingest.errors import SelfReadRefused

SHORTEST: Final = timedelta(minutes=10)
"""By hand, to the minute: a shorter test sees no small leak."""
LONGEST: Final = timedelta(days=1)
ValveVerdict = Literal["still", "flowed", "too_coarse", "fell"]


@dataclass(frozen=True, slots=True)
class ValveTest:
    """What a dial did while the valve was closed."""

    verdict: ValveVerdict
    """``too_coarse``: it moved by less than its last digit can tell."""
    least: Decimal
    """At least so much flowed, in the unit of the dial."""
    most: Decimal
    """Less than this."""


def valve_test(first: DialText, begun: datetime, last: DialText, ended: datetime) -> ValveTest:
    """Say what flowed through a closed valve.

    A dial that shows n says that the register lies in [n, n + step).

    Raises:
        SelfReadRefused: the test was too short or too long, or the dials are read otherwise.
    """
    if not SHORTEST <= ended - begun <= LONGEST:
        raise SelfReadRefused(
            "a valve test takes ten minutes to a day: read the dial again, and say when"
        )
    if first.step != last.step:
        raise SelfReadRefused("read both dials to the same digit behind the point")
    with exactly():
        moved, step = last.value - first.value, first.step
        if moved < 0:
            return ValveTest("fell", Decimal(0), Decimal(0))
        least, most = max(moved - step, Decimal(0)), moved + step
    if moved == 0:
        return ValveTest("still", least, most)
    return ValveTest("too_coarse" if least == 0 else "flowed", least, most)
