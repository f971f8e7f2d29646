# SPDX-License-Identifier: MIT
"""What was sent of a number and what has changed since, as sentences for a terminal.

In: an `Explanation`. Out: lines of 80 columns. Never: a decision. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cloud_ingest.cli.sentences import Sentences, wrapped
from cloud_ingest.month.explanation import BorderChange, Explanation, Version


@dataclass(frozen=True, slots=True)
class Changes:
    """Words the versions of one explanation."""

    found: Explanation
    say: Sentences

    def billed(self) -> Iterator[str]:
        """Say between which borders the number that stands was counted."""
        yield "What was billed"
        for each in self.found.billed:
            yield from wrapped(
                f"Meter {each.meter} ({each.source}): start {self.say.boundary(each.opening)}, "
                f"end {self.say.boundary(each.closing)}: {self.say.amount(each.quantity)}.",
                2,
            )

    def versions(self) -> Iterator[str]:
        """Say what was sent, and what changed from one version to the next."""
        yield "What was sent"
        former: Version | None = None
        for each in self.found.versions:
            yield from self._version(each, former)
            former = each
        told = [word for each in self.found.versions for word in each.words]
        for word in self.found.words:
            if word not in told:
                yield from wrapped(self.say.word(word), 2)

    def _version(self, each: Version, former: Version | None) -> Iterator[str]:
        what = "takes the number back" if each.quantity is None else self.say.amount(each.quantity)
        yield from wrapped(
            f"Version {each.version}, {self.say.time(each.at)}: {what}{_more(each, former)}; "
            f"{delivered(each)}.",
            2,
        )
        if each.quantity is not None:
            for change in each.changes:
                yield from wrapped(self._change(change), 4)
        for entry in each.entries:
            yield from wrapped(self.say.entry(entry), 4)
        for word in each.words:
            yield from wrapped(self.say.word(word), 4)
        if former is not None and not each.entries and not each.words:
            yield from wrapped(
                "Nobody entered anything in between: readings came, or were judged, later.", 4
            )

    def _change(self, change: BorderChange) -> str:
        side = "start" if change.side == "opening" else "end"
        before, after = change.before, change.after
        if before is None or after is None:
            if before is None and after is not None:
                return f"Meter {change.meter} comes to count: {side} {self.say.boundary(after)}."
            return f"The {side} of meter {change.meter} counts no longer."
        return (
            f"The {side} of meter {change.meter} went from {self.say.boundary(before)} to "
            f"{self.say.boundary(after)}."
        )

    def since_then(self) -> Iterator[str]:
        """Say what has changed since, and whether closing again sends it."""
        found, now = self.found, self.found.now
        if now is None:
            return
        why = self._why_it_stands()
        if why is not None:
            yield from wrapped(
                f"Since then something has changed: the readings now count {self._counts()}. "
                f"Closing {found.month} again leaves what was published, because {why}."
            )
        else:
            gives = (
                "would publish no number"
                if now.quantity is None
                else f"would give {self.say.amount(now.quantity)}"
            )
            yield from wrapped(
                f"Since then something has changed: closing {found.month} again {gives}."
            )
        for change in now.changes:
            yield from wrapped(self._change(change), 2)
        for entry in now.entries:
            yield from wrapped(self.say.entry(entry), 2)
        if not now.entries:
            yield from wrapped("Nobody entered anything: readings came, or were judged, later.", 2)
        if why is None:
            yield from wrapped(
                f"cloud-ingest close-month {found.month} --society '{found.society}'", 2
            )

    def _counts(self) -> str:
        """Say what the meters count now, and how far that is from what was billed."""
        now = self.found.now
        if now is None or now.quantity is None:
            return "nothing"
        apart = ""
        if now.apart:
            apart = f", {abs(now.apart):f} {'more' if now.apart > 0 else 'less'} than was billed"
        return f"{self.say.amount(now.quantity)}{apart}"

    def _why_it_stands(self) -> str | None:
        """Say why closing again changes nothing; None: it does."""
        found = self.found
        if found.waits_for:
            return f"it waits for the decision on {' and '.join(found.waits_for)}"
        if found.is_kept:
            return "a person kept it"
        is_held = found.number is not None and found.number.held is not None
        return "the change waits for a person" if is_held else None


def _more(each: Version, former: Version | None) -> str:
    if former is None or each.quantity is None or former.quantity is None:
        return ""
    apart = each.quantity - former.quantity
    if not apart:
        return ", the same quantity"
    return f", {abs(apart):f} {'more' if apart > 0 else 'less'}"


def delivered(version: Version | None) -> str:
    """Say how far a version has got."""
    match None if version is None else version.delivery:
        case "acknowledged":
            return "billing has it"
        case "sent":
            return "it was sent, and billing has not acknowledged it yet"
        case _:
            return "it waits to be sent to billing"
