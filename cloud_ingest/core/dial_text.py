# SPDX-License-Identifier: MIT
"""What a person typed from a dial: digits, as they stand there.

A dial of whole units that shows n says that the register lies in [n, n + 1): the digits behind
the point say how finely it was read. Digits of any script count, so do a decimal comma and spaces
between digits; leading zeros are kept, for they tell how many digits the dial has.

In: a text. Out: a `DialText`. Raises: SelfReadRefused, and nothing else. Pure.
"""

import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from cloud_ingest.core.exact import exactly
from cloud_ingest.errors import SelfReadRefused

MOST_DIGITS: Final = 18
"""No dial has more."""


@dataclass(frozen=True, slots=True)
class DialText:
    """The digits of a dial."""

    whole: str
    """Those before the point, with leading zeros."""
    parts: str
    """Those behind it."""

    @property
    def value(self) -> Decimal:
        """What they say."""
        return Decimal(f"{self.whole}.{self.parts}" if self.parts else self.whole)

    @property
    def step(self) -> Decimal:
        """The dial hides less than this."""
        return Decimal(1).scaleb(-len(self.parts))

    @property
    def most(self) -> Decimal:
        """The register is below this."""
        with exactly():
            return self.value + self.step

    @property
    def digits(self) -> str:
        """All of them, in order."""
        return self.whole + self.parts

    def with_digits(self, digits: str) -> "DialText":
        """Return other digits with as many behind the point."""
        cut = max(len(digits) - len(self.parts), 0)
        return DialText(digits[:cut] or "0", digits[cut:])

    def __str__(self) -> str:
        return f"{self.whole}.{self.parts}" if self.parts else self.whole


def dial_text(text: str) -> DialText:
    """Read the digits of a dial.

    Raises:
        SelfReadRefused: the text is none.
    """
    if len(text) > 4 * MOST_DIGITS:
        raise _refused(text)
    plain = "".join(map(_plain, text.strip()))
    whole, _, parts = plain.partition(".")
    digits = whole + parts
    if not digits.isdecimal() or not digits.isascii() or len(digits) > MOST_DIGITS:
        raise _refused(text)
    return DialText(whole or "0", parts)


def _plain(char: str) -> str:
    """Return a digit of any script as ASCII, a comma as a point, a space as nothing."""
    if char == ",":
        return "."
    if char.isspace():
        return ""
    digit = unicodedata.decimal(char, None)
    return char if digit is None else str(digit)


def _refused(text: str) -> SelfReadRefused:
    return SelfReadRefused(
        f"{text[:40]!r} is no dial value: give the digits as they stand there, such as 04711 or "
        "4711.3"
    )
