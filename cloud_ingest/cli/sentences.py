# SPDX-License-Identifier: MIT
"""Sentences about readings, entries and amounts, and how lines of 80 columns are wrapped.

In: values of an explanation. Out: clauses and lines. Never: a decision. Pure.
"""

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.cli.say import cut
from cloud_ingest.core.words import ORIGINS, REASONS
from cloud_ingest.entries.advice import local_text
from cloud_ingest.month.explanation import Entry, NumberWord, Told, Word
from shared_schema.billing import BoundaryReading
from shared_schema.quality import Origin, Reason

WIDTH = 80


@dataclass(frozen=True, slots=True)
class Sentences:
    """Words values in one unit and one zone."""

    unit: str
    zone: ZoneInfo

    def reading(self, told: Told, border: datetime) -> str:
        """Say what stands for a border, and who gave it."""
        return f"{self.value(told, border)}, {self._origin(told)}"

    def value(self, told: Told, border: datetime) -> str:
        """Say what a register said; its time, too, where it is not the border's own."""
        when = "" if told.at == border else f" of {self.time(told.at)}"
        return f"{self.amount(told.value)}{when}"

    def _origin(self, told: Told) -> str:
        if told.word is None:
            return ORIGINS[told.origin]
        match told.origin:
            case Origin.EDIT:
                return f"entered {self.by(told.word)}"
            case Origin.SELF_READ:
                return f"read from the dial {self.by(told.word)}"
            case origin:
                return f"{ORIGINS[origin]} (vouched for {self.by(told.word)})"

    def by(self, word: Word) -> str:
        """Say who said something, when and why."""
        why = f': "{cut(word.why)}"' if word.why else ""
        return f"by {cut(word.by)} on {self.time(word.at)}{why}"

    def boundary(self, told: BoundaryReading) -> str:
        """Say where a version took a border."""
        return (
            f"{self.amount(told.register_value)} of {self.time(told.at)} ({ORIGINS[told.origin]})"
        )

    def entry(self, entry: Entry) -> str:
        """Say what a person entered."""
        when, of = self.time(entry.word.at), self.time(entry.at)
        value = "" if entry.value is None else f" {self.amount(entry.value)}"
        match entry.kind:
            case "set_aside":
                did = f"set the reading{value} of {of} aside"
            case "restore":
                did = f"vouched for the reading{value} of {of}"
            case "enter":
                did = f"entered{value} for {of}"
            case "self_read":
                did = f"gave a dial read at {of}" + (f" (register{value})" if value else "")
            case "epoch":
                did = f"said that from {of} on the register counts with{value} added"
            case "dial":
                did = f"compared the dial with its module at {of}"
            case "assignment":
                did = f"said that meter {entry.meter} serves {entry.subject} from {of} on"
            case "assignment_taken_back":
                did = f"took back that meter {entry.meter} serves {entry.subject} from {of} on"
        why = f': "{cut(entry.word.why)}"' if entry.word.why else ""
        return f"On {when} {cut(entry.word.by)} {did}{why}."

    def word(self, said: NumberWord) -> str:
        """Say what a person said of a quantity."""
        what = "that nothing stands" if said.quantity is None else self.amount(said.quantity)
        did = f"accepted {what}" if said.kind == "accept" else f"kept what stands, not {what}"
        why = f': "{cut(said.word.why)}"' if said.word.why else ""
        return f"On {self.time(said.word.at)} {cut(said.word.by)} {did}{why}."

    def amount(self, quantity: Decimal | None) -> str:
        """Write a quantity or a register with its unit."""
        return "an amount that is not known" if quantity is None else f"{quantity:f} {self.unit}"

    def time(self, at: datetime | None) -> str:
        """Write a time in the zone; with seconds only where it has some."""
        return "-" if at is None else local_text(at, self.zone)


def reason_lines(title: str, reasons: Iterable[Reason], indent: int = 0) -> Iterator[str]:
    """Give a title and a line for each reason; nothing where there is none."""
    told = [REASONS[reason] for reason in reasons]
    if not told:
        return
    yield from wrapped(title, indent)
    for each in told:
        yield from wrapped(f"- {each}", indent + 2, hang=2)


def capital(text: str) -> str:
    """Begin a sentence."""
    return text[:1].upper() + text[1:]


def wrapped(text: str, indent: int = 0, hang: int | None = None) -> list[str]:
    """Break a sentence into lines; those after the first hang by two cells more if indented."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + (hang if hang is not None else 2 * bool(indent))),
        break_long_words=False,
        break_on_hyphens=False,
    )
