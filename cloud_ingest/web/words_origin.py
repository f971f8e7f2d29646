# SPDX-License-Identifier: MIT
"""The words of `core.words` that pages show in the visitor's language; a test holds them the same.

Never: another meaning than there.
"""

from typing import Final


def _(text: str) -> str:
    """Mark a clause for translation."""
    return text


CLAUSES: Final = (
    _("no meter serves it"),
    _("no reading stands for the start"),
    _("no reading stands for the end"),
    _("the meter was not heard up to the end"),
    _("a border is a dial that a person read"),
    _("a border is a reading of an earlier system, which no gateway signed"),
    _("the meter's own intervals do not add up to its register"),
    _("the register fell, and nobody has said why"),
    _("the meter served for a part of the month"),
    _("the meter was not read right when it came or went"),
    _(
        "what the register counts cannot be told: look at its scaler or pulse weight, "
        "at its dial, and at which side of its transformers it counts"
    ),
    _("something runs all the time"),
    _("it is more than the meter and its unit can use"),
    _("it is far more than the unit has used before"),
    _("a border is met by a reading shortly beside it"),
    _("nobody read a border: it is placed between two readings"),
    _("it covers earlier months too, whose borders were not read"),
    _("it, or the month before it, changed after it was sent, and nobody asked"),
    _("the register did not move, though something was always used before"),
    _("a border is a reading that its meter itself calls not valid"),
    _("its last row is far above what the unit uses in a day, and none follows"),
    _("too long a time was not read, and too much may have been used in it"),
    _("the month is approved, and this came after it"),
    _("a reading counts that a person vouched for, against a rule"),
    _("no register counts below zero"),
    _("the register falls between it and its neighbours"),
    _("the register rises there faster than its meter can count"),
    _("the intervals on both sides of it add up to another register"),
    _("the meter's status calls it not valid"),
    _("the meter's status calls its time not valid"),
    _("validation does not believe it"),
    _("a person set it aside"),
    _("a better claim of the same moment says otherwise"),
    _("another value of the same moment is taken"),
    _("nothing of its moment is believed"),
    _("it was read after the border"),
    _("another one is nearer"),
    _("it is too far from the border"),
    _("the border is placed between it and another one"),
    _("the month before was closed with another one, which is published"),
    _("entered by a person"),
    _("from the meter"),
    _("read from the dial by a person"),
    _("from an earlier system"),
    _("placed"),
    _("by the meter's intervals"),
    _("by its check meter"),
    _("by the good days of the month"),
    _("by the same weekdays before"),
    _("by what the others used meanwhile"),
    _("by time"),
    _("from the nearest reading on"),
    _("taken as it came"),
    _("measured at both borders"),
    _("in doubt"),
    _("estimated"),
    _("put right by a person"),
    _("read by a person"),
    _("not known"),
    _("derived from readings beside a border"),
    _("of meters that were read in several ways"),
)
