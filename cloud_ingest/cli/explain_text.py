# SPDX-License-Identifier: MIT
"""An explanation as sentences for a terminal of 80 columns.

First the number, then each meter with its two borders, then what changed from version to version,
then what has changed since. Of readings near a border that are sound and merely farther only the
count is told; JSON has all of them.

In: an `Explanation`. Out: text. Never: a decision. Pure.
"""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from cloud_ingest.cli.explain_answer import answer_lines
from cloud_ingest.cli.explain_changes import Changes, delivered
from cloud_ingest.cli.published import bound, bounds_text
from cloud_ingest.cli.sentences import Sentences, capital, reason_lines, wrapped
from cloud_ingest.core.border import MERELY_FARTHER, Why
from cloud_ingest.core.claim import Rule
from cloud_ingest.core.dial_check import Disagreement
from cloud_ingest.core.words import (
    ADVICE,
    BREAKS,
    DIALS,
    METHODS,
    ORIGINS,
    QUALITIES,
    RESTARTED,
    RULES,
    WHYS,
)
from cloud_ingest.month.explanation import (
    ExplainedBorder,
    ExplainedMeter,
    Explanation,
    NotTaken,
)
from cloud_ingest.month.published import ShownNumber
from cloud_ingest.store.witness_reads import WitnessRead
from shared_schema.billing import Estimate
from shared_schema.quality import Origin

MOST_NOT_TAKEN = 6


def explanation_text(found: Explanation, zone: ZoneInfo) -> str:
    """Write an explanation as sentences."""
    return "\n".join(_Teller(found, zone).lines())


class _Teller:
    """Words one explanation."""

    def __init__(self, found: Explanation, zone: ZoneInfo) -> None:
        self._found = found
        self._say = Sentences(found.unit, zone)

    def lines(self) -> Iterator[str]:
        found, changes = self._found, Changes(self._found, self._say)
        yield from answer_lines(found, self._say.zone)
        yield ""
        yield f"{found.society}: {found.subject}, {found.service.value}, {found.month}"
        yield ""
        yield from self._number()
        if found.billed and found.now is not None and not found.now.agrees:
            yield ""
            yield from changes.billed()
            yield ""
            yield from wrapped("Below is what the meters count as their readings stand now.")
        for meter in found.meters:
            yield ""
            yield from self._meter(meter)
        if len(found.versions) > 1 or found.words:
            yield ""
            yield from changes.versions()
        if found.now is not None and not found.now.agrees:
            yield ""
            yield from changes.since_then()
        if found.witnessed:
            yield ""
            yield "Before witnesses"
            for read in found.witnessed:
                yield from wrapped(f"{read.sentence} Read by {self._witnesses(read)}.", 2)

    def _witnesses(self, read: WitnessRead) -> str:
        return read.author if read.witness is None else f"{read.author}, with {read.witness}"

    def _number(self) -> Iterator[str]:
        found, number = self._found, self._found.number
        if found.closed_at is None:
            yield from self._so_far()
        elif number is None:
            yield from wrapped(
                f"The month was closed on {self._say.time(found.closed_at)} and says nothing of "
                "it: its meter was assigned later. Close the month again."
            )
        elif number.state == "published":
            yield from self._published(number)
        else:
            yield from self._withheld(number)

    def _so_far(self) -> Iterator[str]:
        now = self._found.now
        yield from wrapped(f"{self._found.month} is not closed yet.")
        if now is None:
            yield from wrapped("Its readings are gone, so that nothing can be counted.")
        elif now.quantity is not None:
            yield from wrapped(f"As it is known now, it counts {self._say.amount(now.quantity)}.")
            if now.bounds is not None:
                yield from wrapped(f"The truth lies {bounds_text(now.bounds, self._found.unit)}.")
            yield from reason_lines("What is to be known of it:", now.reasons)
        else:
            yield from reason_lines("As it is known now, nothing would be published:", now.reasons)
            if now.estimate is not None:
                yield from wrapped(self._estimate(now.estimate))

    def _published(self, number: ShownNumber) -> Iterator[str]:
        found = self._found
        quantity = number.quantity
        if number.version is None:
            yield from wrapped(
                f"A bulk meter has no number of its own. Its tower was reconciled with "
                f"{self._say.amount(quantity)}."
            )
            return
        last = found.versions[-1] if found.versions else None
        at = found.closed_at if last is None else last.at
        yield from wrapped(
            f"{self._say.amount(quantity)} was published as version {number.version} on "
            f"{self._say.time(at)}; {delivered(last)}. It is {QUALITIES[number.quality]}."
        )
        if number.bounds is not None:
            yield from wrapped(f"The truth lies {bounds_text(number.bounds, self._found.unit)}.")
        if number.since is not None:
            yield from wrapped(
                f"It covers the months from {number.since} on, whose borders were not read. The "
                "whole is exact; its months probably have:"
            )
            for each in number.shares:
                yield from wrapped(
                    f"{each.month}: {self._say.amount(each.share.quantity)} "
                    f"({bounds_text(each.share.bounds, self._found.unit)})",
                    2,
                )
        yield from reason_lines("What is to be known of it:", number.reasons)
        yield from self._held(number)

    def _withheld(self, number: ShownNumber) -> Iterator[str]:
        found = self._found
        if number.state == "withdrawn":
            yield from wrapped(
                f"The number was taken back: version {number.version} told billing that nothing "
                "stands in its place."
            )
            yield from reason_lines("It cannot be proved any more:", number.reasons)
        elif number.reasons:
            yield from reason_lines(
                f"No number was published when the month was closed on "
                f"{self._say.time(found.closed_at)}:",
                number.reasons,
            )
        else:
            yield from wrapped("No number was published.")
        if number.estimate is not None:
            yield from wrapped(self._estimate(number.estimate))
        yield from self._held(number)
        for advice in self._advice(number):
            yield from wrapped(f"What to do: {advice}.")

    def _advice(self, number: ShownNumber) -> list[str]:
        """Say what to do of a number that is withheld: another month may have to come first."""
        found = self._found
        if found.waits_for:
            return [
                f"decide on {month} first, whose change is held or was kept out (cloud-ingest "
                f"number accept, or keep, --month {month})"
                for month in found.waits_for
            ]
        told = [ADVICE[each] for each in number.reasons if each in ADVICE]
        if any(map(_may_be_new, found.meters)):
            told.append(RESTARTED)
        return list(dict.fromkeys(told))

    def _estimate(self, estimate: Estimate) -> str:
        return (
            f"It is probably {self._say.amount(estimate.quantity)}, placed "
            f"{METHODS[estimate.method]}; the truth lies "
            f"{bounds_text(estimate.bounds, self._found.unit)}. An estimate is shown, not billed."
        )

    def _held(self, number: ShownNumber) -> Iterator[str]:
        held = number.held
        if held is None:
            return
        becomes = (
            "be taken back"
            if held.quantity is None
            else f"become {self._say.amount(held.quantity)}"
        )
        yield from wrapped(
            f"A change waits for a person: the number would {becomes}. "
            "See cloud-ingest number list."
        )
        yield from reason_lines("Why it waits:", held.reasons)

    def _meter(self, meter: ExplainedMeter) -> Iterator[str]:
        where = f"{meter.source}, {meter.tower}" if meter.tower else meter.source
        ends = "" if meter.valid_to is None else f" to {self._say.time(meter.valid_to)}"
        yield from wrapped(
            f"Meter {meter.meter} ({where}), in service from "
            f"{self._say.time(meter.valid_from)}{ends}"
        )
        if meter.begin is not None:
            yield from self._border("Start", meter.begin)
        if meter.end is not None:
            yield from self._border("End", meter.end)
        yield from self._difference(meter)
        for each in meter.breaks:
            scaler = ", and counts by another scaler since" if each.is_rescaled else ""
            sides = [self._say.time(each.before), self._say.time(each.after)]
            if each.values is not None:
                sides = [
                    f"{at} ({self._say.amount(value)})"
                    for at, value in zip(sides, each.values, strict=True)
                ]
            yield from wrapped(f"Between {' and '.join(sides)} {BREAKS[each.reason]}{scaler}.", 2)
        if meter.against is not None:
            yield from wrapped(self._against(meter.against), 2)
        if (behind := meter.transformers) is not None:
            yield from wrapped(
                f"It hangs behind transformers of the ratio {behind.ratio:f}; by the list of units "
                f"its register counts their {behind.counts} side, and nothing is multiplied in.",
                2,
            )
        for entry in meter.entries:
            if entry.kind == "epoch":
                yield from wrapped(self._say.entry(entry), 2)

    def _against(self, dial: Disagreement) -> str:
        registers = [bound(each) for each in (dial.low, dial.high) if each is not None]
        register = " to ".join(dict.fromkeys(registers))
        shown = f"{DIALS[dial.source]} {self._say.amount(dial.shown)}"
        if dial.since == dial.until:
            return f"{shown} at {self._say.time(dial.since)}, its rows {register}."
        return (
            f"{shown} more at {self._say.time(dial.until)} than at "
            f"{self._say.time(dial.since)}; its rows counted {register}."
        )

    def _difference(self, meter: ExplainedMeter) -> Iterator[str]:
        opening = None if meter.begin is None else meter.begin.taken
        closing = None if meter.end is None else meter.end.taken
        if meter.quantity is not None and opening is not None and closing is not None:
            added = meter.quantity - (closing.value - opening.value)
            epochs = f" + {added:f} of epochs" if added else ""
            yield from wrapped(
                f"Counted: {closing.value:f} - {opening.value:f}{epochs} = "
                f"{self._say.amount(meter.quantity)}.",
                2,
            )
            if meter.lower is not None and meter.lower != meter.upper and meter.upper is not None:
                yield from wrapped(
                    f"The truth lies from {bound(meter.lower)} to {bound(meter.upper)} "
                    f"{self._found.unit}.",
                    2,
                )
            return
        if meter.doubted is not None:
            yield from wrapped(f"Counted: {self._say.amount(meter.doubted)}, which is in doubt.", 2)
        number = self._found.number
        if number is None or number.reasons != meter.reasons:
            yield from reason_lines("Nothing is counted:", meter.reasons, 2)

    def _border(self, name: str, border: ExplainedBorder) -> Iterator[str]:
        what = f"{name}, {self._say.time(border.at)}:"
        taken = border.taken
        if taken is None:
            yield from wrapped(f"{what} no reading stands for it.{self._beside(border)}", 2)
        elif taken.origin is Origin.ESTIMATE:
            how = "" if border.placed_by is None else f" {METHODS[border.placed_by]}"
            yield from wrapped(
                f"{what} {self._say.amount(taken.value)}. Nobody read it: it is placed{how}."
                f"{self._beside(border)}",
                2,
            )
        else:
            yield from wrapped(f"{what} {self._say.reading(taken, border.at)}.", 2)
        yield from self._not_taken(border)

    def _beside(self, border: ExplainedBorder) -> str:
        sides = [
            f"the {side} sound reading {where} it is {self._say.amount(told.value)} of "
            f"{self._say.time(told.at)}"
            for told, side, where in (
                (border.before, "last", "before"),
                (border.after, "first", "after"),
            )
            if told is not None
        ]
        return f" {capital(', '.join(sides))}." if sides else ""

    def _not_taken(self, border: ExplainedBorder) -> Iterator[str]:
        told = [each for each in border.not_taken if not _is_merely_farther(each)]
        for each in told[:MOST_NOT_TAKEN]:
            yield from wrapped(f"Not taken: {self._verdict(each, border)}.", 4)
        more = len(told) - MOST_NOT_TAKEN
        if more > 0:
            yield from wrapped(f"Not taken either: {more} more readings (--json lists them).", 4)

    def _verdict(self, each: NotTaken, border: ExplainedBorder) -> str:
        told = each.reading
        value = f"{self._say.value(told, border.at)}, {ORIGINS[told.origin]}"
        if each.why is Why.SET_ASIDE and told.word is not None:
            return f"{value}: set aside {self._say.by(told.word)}"
        return f"{value}: {WHYS[each.why] if each.rule is None else RULES[each.rule]}"


def _may_be_new(meter: ExplainedMeter) -> bool:
    """Say whether the newest rows of a meter were set aside because they are below those before."""
    end = meter.end
    return (
        end is not None
        and end.taken is None
        and any(each.rule is Rule.FALL for each in end.not_taken)
    )


def _is_merely_farther(each: NotTaken) -> bool:
    return each.why in MERELY_FARTHER and each.reading.origin is Origin.METER
