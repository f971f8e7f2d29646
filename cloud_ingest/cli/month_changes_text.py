# SPDX-License-Identifier: MIT
"""What changed of a month after it was closed, in words: the sum first, then each number.

In: the changes of a month. Out: lines of 80 columns. Never: a decision. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from cloud_ingest.cli.copyable import command_lines
from cloud_ingest.cli.say import cut
from cloud_ingest.cli.sentences import wrapped
from cloud_ingest.cli.table import counted
from cloud_ingest.core.local_time import short_time
from cloud_ingest.core.month import parse_month
from cloud_ingest.core.month_name import month_name
from cloud_ingest.core.words import ORIGINS, REASONS, RULES
from cloud_ingest.month.change_root import ChangeCause
from cloud_ingest.month.changes_after import ChangedNumber, MonthChanges, NumberChange
from cloud_ingest.month.explanation import BorderChange
from shared_schema.billing import BILLING_UNITS, BoundaryReading
from shared_schema.quality import Quality, Reason

ACTS: Final[Mapping[str, str]] = {
    "reading set aside": "set a reading aside",
    "reading restored": "vouched for a reading",
    "reading entered": "entered a reading",
    "self-read": "gave a dial",
    "epoch": "said from where the register counts on",
    "dial": "compared the dial with its module",
    "assignment": "changed the list of units",
    "assignment taken back": "took a line of the list of units back",
    "edit": "edited a reading",
    "number accepted": "accepted the number",
}
"""What a person did, by the words of `month.cause`."""


def changes_text(found: MonthChanges, zone: ZoneInfo, now: datetime) -> str:
    """Write what changed of a month: a sentence, the sums, then each number."""
    teller = _Teller(found, zone, now)
    return "\n\n".join("\n".join(part) for part in teller.paragraphs())


@dataclass(frozen=True, slots=True)
class _Teller:
    """Words the changes of one month."""

    found: MonthChanges
    zone: ZoneInfo
    now: datetime

    def paragraphs(self) -> Iterator[list[str]]:
        """Yield the sentence, each number, and what waits."""
        yield wrapped(self._sentence())
        for number in self.found.numbers:
            yield list(self._number(number))
        if self.found.held:
            yield list(self._held())

    def _sentence(self) -> str:
        found = self.found
        title = month_name(parse_month(found.month, self.zone), self.zone, self.now)
        if found.closed_at is None:
            return f"{title} is not closed: nothing was sent, and nothing can have changed"
        if self.now < found.closed_at:
            until = self._time(found.closed_at)
            return f"{title}: its first numbers go out until {until}; no change counts yet"
        after = f"after it was closed on {self._time(found.closed_at)}"
        if found.since is not None:
            after = f"after {self._time(found.since)}"
        if not found.numbers:
            return f"{title}: no number changed {after}"
        said = f"{title}: {counted(len(found.numbers), 'number')} changed {after}"
        sums = [
            f"{service.value} {_signed(amount)} {BILLING_UNITS[service]}"
            for service, amount in sorted(found.sums.items())
        ]
        return f"{said}; in all {', '.join(sums)}"

    def _number(self, number: ChangedNumber) -> Iterator[str]:
        where = "" if number.subject_type == "unit" else " (common area)"
        unit = number.unit
        what = f"{number.subject}{where} {number.service.value}"
        if number.after is None:
            yield from wrapped(f"{what}: taken back, it was {_amount(number.before, unit)}")
        elif number.before is None:
            yield from wrapped(f"{what}: {_amount(number.after, unit)}, which was missing before")
        else:
            yield from wrapped(
                f"{what}: from {number.before:f} to {_amount(number.after, unit)} "
                f"({_signed(number.difference)})"
            )
        for change in number.changes:
            several = f": {_amount(change.after, unit)}" if len(number.changes) > 1 else ""
            yield from wrapped(
                f"{self._time(change.at)}, version {change.version}{several}: {self._why(change)}.",
                2,
            )
            for border in change.borders:
                yield from wrapped(self._border(border, unit), 4)

    def _why(self, change: NumberChange) -> str:
        cause = change.cause
        match cause.root:
            case "entered" | "accepted" | "units":
                return self._asked(cause, ACTS.get(cause.what, cause.what))
            case "with_another":
                return self._asked(cause, f"accepted {cause.other}, with which it goes")
            case "month_before":
                before = month_name(parse_month(str(cause.other), self.zone), self.zone, self.now)
                return f"{before} now ends elsewhere, and this month begins there"
            case "rule" if cause.rule is not None:
                return f"a reading at a border is no longer believed: {RULES[cause.rule]}"
            case _ if change.quality_before is Quality.ESTIMATED and change.after is not None:
                return "it was an estimate, and its border is read now"
            case _:
                return f"nobody asked for it: readings came later{self._lacks(change)}"

    def _lacks(self, change: NumberChange) -> str:
        """Say why nothing stands, where that is so."""
        if change.after is not None or not change.reasons:
            return ""
        return f"; {REASONS[change.reasons[0]]}"

    def _asked(self, cause: ChangeCause, did: str) -> str:
        who = "somebody" if cause.by is None else cut(cause.by)
        when = "" if cause.entered_at is None else f"on {self._time(cause.entered_at)} "
        why = f': "{cut(cause.why)}"' if cause.why and cause.why != cause.what else ""
        return f"{when}{who} {did}{why}"

    def _border(self, border: BorderChange, unit: str) -> str:
        side = "start" if border.side == "opening" else "end"
        if border.before is None or border.after is None:
            told = border.after or border.before
            does = "counts now" if border.before is None else "counts no longer"
            reading = "" if told is None else f", {self._reading(told, unit)}"
            return f"Meter {border.meter} {does}: its {side}{reading}."
        return (
            f"The {side} of meter {border.meter} was {self._reading(border.before, unit)}; "
            f"it is {self._reading(border.after, unit)}."
        )

    def _reading(self, told: BoundaryReading, unit: str) -> str:
        return f"{told.register_value:f} {unit} of {self._time(told.at)}, {ORIGINS[told.origin]}"

    def _held(self) -> Iterator[str]:
        held = self.found.held
        is_locked = any(Reason.LOCKED in each.reasons for each in held)
        waits = "change waits" if len(held) == 1 else "changes wait"
        why = f"{waits} for a decision"
        if is_locked:
            why = f"{'change' if len(held) == 1 else 'changes'} came after the month was approved"
        yield from wrapped(f"{len(held)} {why}; what was sent stands:")
        for each in held:
            becomes = (
                "be taken back"
                if each.quantity is None
                else (f"become {_amount(each.quantity, each.unit)}")
            )
            why = f": {REASONS[each.reasons[0]]}" if each.reasons else ""
            yield from wrapped(
                f"{each.subject} {each.service.value}: {_amount(each.published, each.unit)} would "
                f"{becomes}{why}.",
                2,
            )
        words = ["number", "list", "--month", self.found.month]
        if is_locked:
            words = ["month", "reopen", self.found.month, "--by", "NAME", "--reason", "WHY"]
        yield from command_lines(["cloud-ingest", *words, "--society", self.found.society], 2)

    def _time(self, at: datetime) -> str:
        return short_time(at, self.zone)


def _amount(quantity: Decimal | None, unit: str) -> str:
    return "nothing" if quantity is None else f"{quantity:f} {unit}"


def _signed(amount: Decimal) -> str:
    return f"{amount:+f}"
