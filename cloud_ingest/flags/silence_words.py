# SPDX-License-Identifier: MIT
"""What a read failure says: one finding for each cause, with the meters that are behind it.

A cause of a gateway, or of one of its buses, is one finding about the gateway, however many meters
are behind it. What stands in the way of one meter alone is a finding about that meter.

In: meters that are overdue, with their causes. Out: findings. Pure.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from cloud_ingest.core.flag import Finding, Key, meter_label, served_unit
from cloud_ingest.core.local_time import local_time
from cloud_ingest.core.rules.offline import Cause, GatewayWord, Outage, Silence, outage_of
from cloud_ingest.core.rules.read_again import Outcome, Told
from cloud_ingest.store.read_failures import UnheardMeter
from shared_schema.catalogue import UNIT_SYMBOLS, Service, Unit
from shared_schema.events import EventKind, Severity, Subject, SubjectType
from shared_schema.evidence import FailureCause, ReadFailureEvidence, UnreadMeter
from shared_schema.evidence.reading import MOST_METERS

NAMED = 5
"""So many units stand in the sentence."""
NO_WORD = "No gateway has said why yet: look at its power and its wires."
NOBODY = "No gateway has named it yet: see whether one has it, with this maker and serial number."
_WHY: Mapping[FailureCause, str] = {
    FailureCause.METER_SILENT: "It does not answer: look at its power and its wires.",
    FailureCause.PASSWORD_REFUSED: "It refused its password and is not asked again: correct it.",
    FailureCause.CLOCK: "Its clock is far off, so that its rows are not believed: set it.",
    FailureCause.UNREADABLE: "It answers, and nothing of that can be kept: see the gateway's log.",
    FailureCause.NOT_STORED: "Its gateway reads it, and nothing is stored: see the quarantine.",
    FailureCause.BUS_DEAD: "The adapter of its bus is away.",
    FailureCause.GATEWAY_SILENT: "",
}
_OUTCOMES: Mapping[Outcome, str] = {
    Outcome.LATE: "its readings came late, and none is missing",
    Outcome.DRY: "its register did not move: nothing was used",
    Outcome.USED: "its register moved, and when is not known",
    Outcome.UNPROVED: "its register does not tell what was used",
    Outcome.REMOVED: "it was removed",
}
_OF_GATEWAY = (FailureCause.GATEWAY_SILENT, FailureCause.CLOCK, FailureCause.BUS_DEAD)
"""Where meters of one gateway have several causes, the first is told."""


@dataclass(frozen=True, slots=True)
class Overdue:
    """A meter that has not been read for too long, and why."""

    meter: UnheardMeter
    quiet: Silence
    cause: Cause

    @property
    def key(self) -> Key:
        """Of the finding that tells it."""
        if self.cause.shared and self.cause.gateway is not None:
            return (self.meter.society_id, SubjectType.GATEWAY, self.cause.gateway, "all")
        subject = meter_label(self.meter.manufacturer, self.meter.serial)
        return (self.meter.society_id, SubjectType.METER, subject, Service(self.meter.service))


def read_failures(
    overdue: Iterable[Overdue], words: Mapping[str, GatewayWord], zone: ZoneInfo, now: datetime
) -> list[Finding]:
    """Return one finding for each cause.

    Args:
        overdue: The meters.
        words: What is known of their gateways, by name.
        zone: The zone in which people read a time.
        now: The time.
    """
    behind: dict[Key, list[Overdue]] = defaultdict(list)
    for each in overdue:
        behind[each.key].append(each)
    return [
        _of_gateway(key, own, words.get(key[2]), zone, now)
        if key[1] is SubjectType.GATEWAY
        else _of_meter(key, own[0], zone)
        for key, own in behind.items()
    ]


def end_words(told: Sequence[Told]) -> str:
    """Say what the read failures of one flag turned out to have been."""
    if len(told) == 1:
        return f"it is read again; {_outcome(told[0])}"
    counts = Counter(each.outcome for each in told)
    parts = [f"{counts[each]} of them: {_OUTCOMES[each]}" for each in Outcome if counts[each]]
    return "; ".join(["what it told of is read again, was removed, or has another cause", *parts])


def _outcome(told: Told) -> str:
    if told.outcome is not Outcome.USED or told.moved is None or told.unit is None:
        return _OUTCOMES[told.outcome]
    symbol = UNIT_SYMBOLS.get(Unit(told.unit), "") if told.unit in set(Unit) else ""
    return f"its register moved by {told.moved:f} {symbol}".rstrip()


def _of_meter(key: Key, each: Overdue, zone: ZoneInfo) -> Finding:
    meter, quiet = each.meter, each.quiet
    what = f"The {meter.service} meter of {meter.subject} ({meter.manufacturer} {meter.serial})"
    when = local_time(quiet.since, zone)
    heard = f"was last read on {when}" if quiet.ever_read else f"has never been read since {when}"
    no_word = NO_WORD if quiet.ever_read else NOBODY
    why = no_word if each.cause.gateway is None else _WHY[each.cause.why]
    return Finding(
        kind=EventKind.READ_FAILURE,
        society_id=meter.society_id,
        society=meter.society,
        severity=Severity.ALARM,
        subject=Subject(type=key[1], id=key[2]),
        unit=served_unit(meter.subject_type, meter.subject, meter.tower),
        service=Service(meter.service),
        since=quiet.since,
        message=f"{what} {heard}. {why}",
        evidence=ReadFailureEvidence(
            cause=each.cause.why,
            gateway=each.cause.gateway,
            buses=() if each.cause.bus is None else (each.cause.bus,),
            newest_reading_at=meter.last_reading_at,
            subject_type=meter.subject_type,
            subject=meter.subject,
            tower=meter.tower or None,
            source=meter.source,
            manufacturer=meter.manufacturer,
            serial=meter.serial,
        ),
    )


def _of_gateway(
    key: Key, own: Sequence[Overdue], word: GatewayWord | None, zone: ZoneInfo, now: datetime
) -> Finding:
    name = key[2]
    causes = {each.cause.why for each in own}
    why = next(cause for cause in _OF_GATEWAY if cause in causes)
    buses = tuple(sorted({each.cause.bus for each in own if each.cause.bus is not None}))
    towers = {each.meter.tower for each in own}
    since = min(each.quiet.since for each in own)
    outage = None if word is None else outage_of(word, now) or Outage(word.lost_at, word.back_at)
    if why is FailureCause.GATEWAY_SILENT and outage is not None:
        since = outage.since
    heard = None if word is None or word.heard_at is None else outage
    return Finding(
        kind=EventKind.READ_FAILURE,
        society_id=key[0],
        society=own[0].meter.society,
        severity=Severity.ALARM,
        subject=Subject(type=SubjectType.GATEWAY, id=name),
        unit=None,
        service="all",
        since=since,
        message=f"{_trouble(why, name, buses, heard, zone)} {_behind(own)}",
        evidence=ReadFailureEvidence(
            cause=why,
            gateway=name,
            buses=buses,
            meters=len(own),
            unread=tuple(_unread(each) for each in own[:MOST_METERS]),
            newest_reading_at=max(
                (each.meter.last_reading_at for each in own if each.meter.last_reading_at),
                default=None,
            ),
            tower=towers.pop() or None if len(towers) == 1 else None,
        ),
    )


def _trouble(
    why: FailureCause,
    gateway: str,
    buses: Sequence[str],
    outage: Outage | None,
    zone: ZoneInfo,
) -> str:
    if why is FailureCause.BUS_DEAD:
        where = f"on {', '.join(buses)}" if buses else "on any bus"
        return f"No meter answers {where} of gateway {gateway}: look at the adapter and the line."
    if why is FailureCause.CLOCK:
        return f"Gateway {gateway} has no true time: look at its network and time service."
    if outage is None:
        return f"Gateway {gateway} was never heard: look at its power and network."
    lost = f"Gateway {gateway} was lost on {local_time(outage.since, zone)}"
    if outage.back_at is not None:
        return f"{lost} and came back on {local_time(outage.back_at, zone)}."
    return f"{lost}: look at its power and network."


def _behind(own: Sequence[Overdue]) -> str:
    """Say how many meters are behind a cause, and name the first units."""
    subjects = list(dict.fromkeys(each.meter.subject for each in own))
    more = len(subjects) - NAMED
    named = ", ".join(subjects[:NAMED]) + (f" and {more} more" if more > 0 else "")
    count = "One meter is" if len(own) == 1 else f"{len(own)} meters are"
    return f"{count} not read: {named}."


def _unread(each: Overdue) -> UnreadMeter:
    meter = each.meter
    return UnreadMeter(
        manufacturer=meter.manufacturer,
        serial=meter.serial,
        service=Service(meter.service),
        subject_type=meter.subject_type,
        subject=meter.subject,
        tower=meter.tower or None,
        newest_reading_at=meter.last_reading_at,
    )
