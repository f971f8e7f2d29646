# SPDX-License-Identifier: MIT
"""The events of one meter: raised by a finding, told again while it lasts, cleared by dry hours.

There is one event at a time, but a burst upon a leak is one of its own (not upon a fixture that
runs on, which is a burst again and again, nor upon what began as one). A burst that goes on until
it is known as a leak is that leak from then on. Two dry hours clear what is open, and so does a
known day in which nothing shows it any more: a leak that was mended in a flat that is never dry.
Raised again within 72 hours it is the same event; its litres are those of its runs, without what
people used in between. Pure.
"""

from dataclasses import dataclass, replace

from cloud_ingest.core.rules.water.episode import (
    BURST,
    RUN_ON,
    RUN_SINCE_S,
    Detail,
    Episode,
    Finding,
    Verdict,
)
from cloud_ingest.core.rules.water.hours import HOUR_S, Hour

SAME_EVENT_S = 72 * HOUR_S
UNSEEN_S = 24 * HOUR_S
STRONG_PARTS = {BURST, RUN_ON}


@dataclass(slots=True)
class Event:
    """An episode, and what has passed since it began."""

    episode: Episode
    litres: float
    """All that passed while it ran: findings of later runs know only their own."""
    unseen_s: int = 0
    """For how much known time nothing has shown it."""
    paused_litres: float = 0.0
    """What passed since it was cleared: of it a new run has had a part."""

    @property
    def open(self) -> bool:
        """Say whether it has not been cleared."""
        return self.episode.cleared_s is None


def settle(events: list[Event], verdict: Verdict, hour: Hour) -> list[Episode]:
    """Change the events by the verdict on one more hour, and return what is to be told."""
    now_s = hour.end_s
    events[:] = [each for each in events if _may_return(each, now_s)]
    for event in events:
        if event.open:
            event.litres += hour.litres or 0.0
        else:
            event.paused_litres += hour.litres or 0.0
    shown = _shown(events, verdict.finding, now_s)
    told: list[Episode] = [] if shown is None else [shown.episode]
    known_s = 0 if hour.litres is None else min(hour.span_s, 2 * HOUR_S)
    for event in events:
        if event is shown or not event.open:
            continue
        event.unseen_s += known_s
        if (verdict.over and verdict.finding is None) or event.unseen_s >= UNSEEN_S:
            event.episode, event.paused_litres = replace(event.episode, cleared_s=now_s), 0.0
            told.append(event.episode)
    return told


def _may_return(event: Event, now_s: int) -> bool:
    cleared_s = event.episode.cleared_s
    return cleared_s is None or now_s - cleared_s <= SAME_EVENT_S


def _runs_on(event: Event) -> bool:
    """Say whether an event is of strong flows as well, so that a burst is nothing new."""
    detail = event.episode.detail
    return detail.get("part") in STRONG_PARTS or detail.get("began") == BURST


def _shown(events: list[Event], finding: Finding | None, now_s: int) -> Event | None:
    """Return the event that a finding shows, raised or brought up to date."""
    if finding is None:
        return None
    own = [each for each in events if each.episode.kind == finding.kind]
    if not own:
        own = [each for each in events if finding.kind != BURST or _runs_on(each)]
    if own:
        event = own[0]
        event.unseen_s = 0
        former = event.episode
        if not event.open:
            event.litres += min(event.paused_litres, _litres(finding))
        event.episode = replace(
            former,
            kind=finding.kind if former.kind == BURST else former.kind,
            since_s=min(former.since_s, finding.since_s),
            cleared_s=None,
            detail=_detail(event, finding),
        )
        return event
    episode = Episode(finding.kind, finding.severity, now_s, finding.since_s, None, finding.detail)
    event = Event(episode, _litres(finding))
    events.append(event)
    return event


def _litres(finding: Finding) -> float:
    return float(finding.detail.get("litres") or 0.0)


def _detail(event: Event, finding: Finding) -> Detail:
    """Return what a finding adds to an event: of a later run, when that began."""
    detail = {**finding.detail, "litres": round(event.litres, 1)}
    if event.episode.kind == BURST or event.episode.detail.get("began") == BURST:
        detail["began"] = BURST
    if finding.since_s > event.episode.since_s:
        detail[RUN_SINCE_S] = finding.since_s
    return detail
