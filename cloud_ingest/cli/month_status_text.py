# SPDX-License-Identifier: MIT
"""Where a month stands, in words: the sentence first, then what to do, with each command.

In: a status. Out: lines of 80 columns. Never: a decision. Pure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from cloud_ingest.cli.copyable import command_lines
from cloud_ingest.cli.sentences import wrapped
from cloud_ingest.cli.table import counted
from cloud_ingest.core.local_time import short_day, short_time
from cloud_ingest.core.words import ADVICE
from cloud_ingest.entries.advice import local_text
from cloud_ingest.month.silent_gateways import SilentGateway
from cloud_ingest.month.status import MissingNumber, MonthStatus, Refusal
from cloud_ingest.month.status_words import named, short_reason, status_sentence
from cloud_ingest.month.still_to_read import ToRead
from shared_schema.billing import Held
from shared_schema.catalogue import Service
from shared_schema.quality import Reason

MOST_NAMED = 12
"""So many numbers are named in a paragraph; ``--json`` has all."""


def status_text(found: MonthStatus, zone: ZoneInfo, now: datetime) -> str:
    """Write a status as one sentence, and what to do below it."""
    teller = _Teller(found, zone, now)
    paragraphs = [wrapped(status_sentence(found, zone, now)), *map(list, teller.paragraphs())]
    return "\n\n".join("\n".join(each) for each in paragraphs)


@dataclass(frozen=True, slots=True)
class _Teller:
    """Words what to do about one month."""

    found: MonthStatus
    zone: ZoneInfo
    now: datetime

    def paragraphs(self) -> Iterator[Iterator[str]]:
        """Yield a paragraph for each thing to do, in the order in which it is done."""
        if self.found.refused is not None:
            yield self._refused(self.found.refused)
        for gateway in self.found.gateways:
            yield self._gateway(gateway)
        if self.found.sent_dials:
            yield self._sent()
        for due in (True, False):
            dials = [each for each in self.found.to_read if (each.why == "no_data_port") is due]
            if dials and self.now <= dials[0].until:
                yield self._dials(dials)
        told = {(e.subject_type, e.subject, e.service) for e in self.found.to_read}
        is_over = self.now > max((e.until for e in self.found.to_read), default=self.now)
        late = [one for one in self.found.missing if one.is_unread and not one.is_read]
        gone = [one for one in late if is_over or one.key not in told]
        if gone and self.found.phase != "running":
            yield self._gone(gone)
        yield from self._doubts()
        locked = [one for one in self.found.held if Reason.LOCKED in one.reasons]
        if locked:
            yield self._locked(locked)
        elif self.found.held:
            yield self._held()
        yield from self._close()

    def _refused(self, refused: Refusal) -> Iterator[str]:
        at = short_time(refused.at, self.zone)
        yield from wrapped(
            f"It could not be closed on {at}, and is as it was before: {refused.why}"
        )

    def _gateway(self, gateway: SilentGateway) -> Iterator[str]:
        where = f" ({gateway.tower})" if gateway.tower else ""
        if gateway.since is None:
            said = f"Gateway {gateway.gateway}{where} was never heard"
        else:
            said = f"Gateway {gateway.gateway}{where} is not heard since " + short_time(
                gateway.since, self.zone
            )
        waiting = gateway.waiting
        if waiting:
            wait = "waits" if len(waiting) == 1 else "wait"
            said += f": {counted(len(waiting), 'meter')} {wait} for it, {_some(waiting)}"
        yield from wrapped(f"{said}. Look at its power and its network; how it stands:")
        yield from self._command("gateway", "list")

    def _dials(self, dials: Sequence[ToRead]) -> Iterator[str]:
        """Say which dials a person has to read, or may read in the place of what is silent."""
        first = dials[0]
        days = f"by {short_day(first.until, self.zone)}"
        if self.now < first.read_from:
            since = short_day(first.read_from, self.zone)
            days = f"from {since} to {short_day(first.until, self.zone)}"
        what = f"{counted(len(dials), 'dial')} {{}} be read {days}: {_some(dials)}."
        said = what.format("has to" if len(dials) == 1 else "have to")
        if first.why != "no_data_port":
            look = "Or, in place of what is silent,"
            if not self.found.gateways:
                look = "Look at the power and the wires of what is silent. Or, in its place,"
            said = f"{look} {what.format('can')}"
        yield from wrapped(said)
        at = max(first.read_from, self.now).replace(second=0, microsecond=0)
        yield from self._command(
            *("self-read", first.subject, "DIAL"),
            *_of(first.subject_type, first.service),
            *("--at", local_text(at, self.zone), "--by", "NAME"),
        )

    def _sent(self) -> Iterator[str]:
        """Say that residents sent what is doubtful."""
        count = self.found.sent_dials
        waits = "waits" if count == 1 else "wait"
        said = f"{counted(count, 'dial')} that residents sent {waits} for a decision. What and why:"
        yield from wrapped(said)
        yield from self._command("self-read", "list")

    def _gone(self, gone: Sequence[MissingNumber]) -> Iterator[str]:
        """Say what to do where nobody can read a border any more."""
        first = gone[0]
        where, at = "end", self.found.ends_at
        if first.lacks == ("start",):
            where, at = "start", self.found.starts_at
        yield from wrapped(
            f"{counted(len(gone), 'number')} without a reading near a border: {self._why(gone)}. "
            "What was used is not lost: the next month whose end is read has it in its number. "
            f"For a number of its own, enter what the register of {first.subject} showed at the "
            f"{where} of the month:"
        )
        yield from self._command(
            *("reading", "enter", first.subject),
            *_of(first.subject_type, first.service),
            *("--at", local_text(at, self.zone), "--value", "REGISTER"),
            *("--by", "NAME", "--reason", "WHY"),
        )

    def _doubts(self) -> Iterator[Iterator[str]]:
        """Yield a paragraph for each reason for which numbers are not sent."""
        by_reason: dict[Reason, list[MissingNumber]] = {}
        for one in self.found.missing:
            if one.state == "withheld" and not one.is_unread:
                known = [each for each in one.reasons if each in ADVICE]
                by_reason.setdefault((known or list(one.reasons))[0], []).append(one)
        for reason, own in by_reason.items():
            yield self._doubt(reason, own)

    def _doubt(self, reason: Reason, own: Sequence[MissingNumber]) -> Iterator[str]:
        advice = ADVICE.get(reason)
        then = f" Then {advice}." if advice else ""
        yield from wrapped(
            f"{counted(len(own), 'number')} not sent: {self._why(own)}. "
            f"First see where it comes from.{then}"
        )
        yield from self._explain(own[0])

    def _held(self) -> Iterator[str]:
        held = self.found.held
        some = _names([f"{each.subject.id} {each.service.value}" for each in held])
        yield from wrapped(
            f"{counted(len(held), 'change')} nobody asked for: {some}. What was sent stands until "
            "you decide. What each would become:"
        )
        yield from self._command("number", "list", month=True)

    def _locked(self, locked: Sequence[Held]) -> Iterator[str]:
        """Say what waits because the month is approved."""
        some = _names([f"{each.subject.id} {each.service.value}" for each in locked])
        yield from wrapped(
            f"{counted(len(locked), 'change')} came after the month was approved: {some}. What was "
            "sent stands. To let it in, open the month again:"
        )
        yield from self._command(
            *("month", "reopen", self.found.month, "--by", "NAME", "--reason", "WHY")
        )

    def _close(self) -> Iterator[Iterator[str]]:
        found = self.found
        again = [one for one in found.missing if one.is_read]
        if again:
            yield self._close_lines(
                f"{counted(len(again), 'number')} can be final now, because what lacked is read "
                f"meanwhile: {_names([named(each) for each in again])}. Close the month again:"
            )
        elif found.phase == "ended" and found.total:
            if self.now < found.closes_from:
                opens = short_time(found.closes_from, self.zone)
                yield self._close_lines(f"The month can be closed from {opens} on:")
            else:
                rest = "; what is missing is withheld, and may follow" if found.missing else ""
                yield self._close_lines(f"Close the month{rest}:")

    def _close_lines(self, said: str) -> Iterator[str]:
        yield from wrapped(said)
        yield from command_lines(
            ["cloud-ingest", "close-month", self.found.month, "--society", self.found.society], 2
        )

    def _explain(self, one: MissingNumber) -> Iterator[str]:
        kind = _of(one.subject_type, one.service)
        yield from self._command("explain", one.subject, *kind, month=True)

    def _command(self, *words: str, month: bool = False) -> Iterator[str]:
        of_month = ("--month", self.found.month) if month else ()
        society = ("--society", self.found.society)
        yield from command_lines(["cloud-ingest", *words, *of_month, *society], 2)

    def _why(self, own: Sequence[MissingNumber]) -> str:
        return _names([f"{named(each)}, {short_reason(each, self.zone)}" for each in own], "; ")


def _of(subject_type: str, service: Service) -> tuple[str, ...]:
    kind = () if subject_type == "unit" else ("--subject-type", subject_type)
    return ("--service", service.value, *kind)


def _some(dials: Sequence[ToRead]) -> str:
    return _names([f"{each.subject} {each.service.value}" for each in dials])


def _names(names: Sequence[str], between: str = ", ") -> str:
    more = len(names) - MOST_NAMED
    return between.join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
