# SPDX-License-Identifier: GPL-2.0-only
"""The tap test: something runs at one flat, and the meter that moves is the flat's.

Labels are exchanged when meters are fitted, and nobody sees it in the readings: each flat pays for
the other. So every meter of a service is read three times: at first, after a while in which nothing
was changed, and after a tap was open (or a load was on) at the named flat. What a meter moves by
itself is taken off what it moved during the test, by the time between its own readings.

In: the registers of some meters at three times. Out: what each moved, the verdict, its words. Pure.
Never: a verdict from a movement below two steps of the register; a meter that was not read taken
for one that stood still.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final

from edge_agent.errors import ProtocolViolation
from edge_agent.install.shown import grouped

LEAST_STEPS: Final = 2
"""A register that moved by one step may have stood right before it."""
ASKED_STEPS: Final = 5
"""So many steps a person is asked to let run: far enough above what is counted as a movement."""
CLEARLY: Final = 2
"""The flat's meter moves at least so many times more than any other."""


class Outcome(Enum):
    """What a tap test showed."""

    RIGHT = "right"
    CROSSED = "crossed"
    """Another meter moved, and the named one stood still."""
    STILL = "still"
    """None moved."""
    UNCLEAR = "unclear"
    """Several moved, or the one that moved may be one that could not be read."""


@dataclass(frozen=True, slots=True)
class Look:
    """One register, read once."""

    value: Decimal
    step: Decimal
    """What one count is worth."""
    unit: str
    at_s: float
    """When, on any clock that only goes forward."""


@dataclass(frozen=True, slots=True)
class Moved:
    """How far a meter moved while something ran at the flat."""

    label: str
    moved: Decimal
    idle: Decimal
    """What it would have moved in that time by itself, as in the while before."""
    step: Decimal
    unit: str

    @property
    def more(self) -> Decimal:
        """How much more it moved than by itself."""
        return self.moved - self.idle

    @property
    def has_moved(self) -> bool:
        """Whether it moved clearly more than by itself."""
        return self.more >= max(LEAST_STEPS * self.step, self.idle)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a tap test showed, and the meter that it points to."""

    outcome: Outcome
    mover: str | None = None
    """The meter that moved clearly more than any other."""


def moved(label: str, before: Look, idle: Look, after: Look) -> Moved:
    """Return what a meter moved during the test, and what it would have moved by itself.

    Raises:
        ProtocolViolation: the register went back, or is read in another unit.
    """
    if not before.value <= idle.value <= after.value or before.unit != after.unit:
        raise ProtocolViolation(f"{label}: its register went back, or changed its unit")
    while_s, test_s = idle.at_s - before.at_s, after.at_s - idle.at_s
    share = Decimal(test_s / while_s) if while_s > 0 else Decimal(0)
    by_itself = ((idle.value - before.value) * share).quantize(after.step)
    return Moved(label, after.value - idle.value, by_itself, after.step, after.unit)


def verdict(named: str, meters: Sequence[Moved], *, all_read: bool) -> Verdict:
    """Judge a tap test.

    Args:
        named: the label of the flat's meter.
        meters: what each meter that was read moved; the named one among them, if it was read.
        all_read: whether every meter of the service was read.
    """
    movers = [each for each in meters if each.has_moved]
    if not movers:
        return Verdict(Outcome.STILL if all_read else Outcome.UNCLEAR)
    first = max(movers, key=lambda each: each.more)
    if any(each.more * CLEARLY > first.more for each in meters if each is not first):
        return Verdict(Outcome.UNCLEAR)
    if first.label == named:
        return Verdict(Outcome.RIGHT, named)
    own = next((each for each in meters if each.label == named), None)
    stood = own is not None and not own.has_moved and own.more < LEAST_STEPS * own.step
    return Verdict(Outcome.CROSSED if stood else Outcome.UNCLEAR, first.label)


def said(named: str, found: Verdict, meters: Sequence[Moved]) -> tuple[str, str]:
    """Return a verdict as a sentence, and what to do next; nothing where it is right."""
    far = {each.label: f"{grouped(each.more)} {each.unit}" for each in meters}
    match found.outcome:
        case Outcome.RIGHT:
            return f"right: {named} moved by {far[named]}, and no other meter near that", ""
        case Outcome.CROSSED:
            other = str(found.mover)
            return (
                f"crossed: {other} moved by {far[other]}, and {named} stood still",
                f"test {other}'s flat as well; then exchange the labels where they are wrong: in "
                "agent.toml, or in the list of units",
            )
        case Outcome.STILL:
            return (
                "no meter moved",
                "let more run; or the flat is supplied past these meters: look for another one",
            )
        case _:
            return (
                "it cannot be told: several meters moved, or one could not be read",
                "run it again when the neighbours rest, or let much more run",
            )


def least_run(look: Look) -> str:
    """Return how much should run at least, as a person reads it."""
    least = look.step * ASKED_STEPS
    return f"{grouped(least.scaleb(3))} L" if look.unit == "m³" else f"{grouped(least)} {look.unit}"
