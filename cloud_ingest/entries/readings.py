# SPDX-License-Identifier: MIT
"""A person's word on a reading: set it aside, restore it, or enter what the register showed.

What is said is kept beside the claim, with author and reason (`entries.register_rulings`). Then the
register is judged again, and the days whose readings have changed are marked. What is set aside is
never elected. What is restored or entered is vouched for: validation never sets it aside, and the
readings around it have to fit.

In: a named reading, a word, who says it and why. Out: what is elected before and after, within the
caller's transaction. Never: a claim that is deleted, a guess between two claims.

Raises: ReadingRefused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from cloud_ingest.core.judgement import Moment, StoredClaim
from cloud_ingest.core.month import day_of, midnight, next_month, previous_month
from cloud_ingest.core.typed_text import remark
from cloud_ingest.entries.named_reading import NamedReading, Shown, Word, find_served, shown
from cloud_ingest.entries.register_rulings import RegisterRulings
from cloud_ingest.errors import ReadingRefused
from cloud_ingest.store.assignments import (
    Assignment,
)
from cloud_ingest.store.billed_registers import Dial, claims_of, dials_of
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.judgements import lock_elections
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.suspects import Suspect
from cloud_ingest.validation.judge import judge_suspects
from shared_schema.catalogue import BILLED_REGISTER


@dataclass(frozen=True, slots=True)
class Ruled:
    """What a word on a reading changed among the elected readings."""

    meter: Assignment
    dial: Dial
    at: datetime
    before: tuple[Shown, ...]
    """Elected at the moment before; none: nothing was."""
    after: tuple[Shown, ...]
    put_aside: tuple[Shown, ...]
    """Readings of other moments that are not elected any more."""
    put_back: tuple[Shown, ...]
    """Readings of other moments that are elected again."""
    contradicts: tuple[Shown, ...]
    """The readings beside it, where the register falls between them and it without an epoch."""


@translating
def rule_on_reading(
    conn: Connection, society: str, named: NamedReading, word: Word, now: datetime
) -> Ruled:
    """Say something of a reading, and judge its register again, in the caller's transaction.

    Args:
        conn: The store, within a transaction.
        society: The society's name.
        named: Which reading.
        word: What is said of it.
        now: The time.

    Raises:
        ReadingRefused: no such reading, several, or nothing would change.
        SelfReadRefused: no such meter.
        NotFound: no such society.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    what = f"{named.meter.subject} {named.meter.service}"
    if not word.by.strip() or not word.reason.strip():
        raise ReadingRefused(f"{what}: say who and why: --by, --reason")
    word = Word(word.kind, remark(word.by, "--by"), remark(word.reason, "--reason"))
    served = find_served(conn, society_id, named)
    dial = dials_of(conn, [served.meter_id]).get(
        (served.meter_id, str(BILLED_REGISTER[served.service]))
    )
    if dial is None:
        raise ReadingRefused(
            f"{what}: meter {served.meter} was never read; a dial is "
            "entered with cloud-ingest self-read"
        )
    lock_elections(conn)
    months = _months_around(named.at, store.zone)
    start, end = midnight(months[0], store.zone), midnight(next_month(months[-1]), store.zone)
    former = claims_of(conn, dial, start, end)
    rulings = RegisterRulings(conn, named, dial, store)
    if word.kind == "enter":
        ruled_at = rulings.enter(former, word, now)
    else:
        ruled_at = rulings.rule(former, word, now)
    suspects = [Suspect(dial.meter_id, dial.obis, month) for month in months]
    judge_suspects(conn, suspects, store, now)
    changed = claims_of(conn, dial, start, end)
    return _ruled(served, dial, ruled_at, former.elected, changed.elected)


def _months_around(at: datetime, zone: ZoneInfo) -> list[date]:
    month = day_of(at, zone).replace(day=1)
    return [previous_month(month), month, next_month(month)]


def _ruled(
    served: Assignment,
    dial: Dial,
    ts: int,
    former: Mapping[Moment, StoredClaim],
    elected: Mapping[Moment, StoredClaim],
) -> Ruled:
    def of_moment(claims: Mapping[Moment, StoredClaim]) -> tuple[Shown, ...]:
        own = {shown(dial, claim) for claim in claims.values() if claim.ts == ts}
        return tuple(sorted(own, key=lambda each: each.value))

    def apart(
        more: Mapping[Moment, StoredClaim], fewer: Mapping[Moment, StoredClaim]
    ) -> tuple[Shown, ...]:
        moments = sorted(more.keys() - fewer.keys(), key=lambda moment: moment[1])
        return tuple(shown(dial, more[moment]) for moment in moments if moment[1] != ts)

    return Ruled(
        meter=served,
        dial=dial,
        at=datetime.fromtimestamp(ts, UTC),
        before=of_moment(former),
        after=of_moment(elected),
        put_aside=apart(former, elected),
        put_back=apart(elected, former),
        contradicts=tuple(shown(dial, claim) for claim in _contradicted(dial, ts, elected)),
    )


def _contradicted(
    dial: Dial, ts: int, elected: Mapping[Moment, StoredClaim]
) -> Iterator[StoredClaim]:
    """Give the elected claims next to a moment between which and it a channel falls; pure."""
    for channel in dial.channels:
        own = elected.get((channel.channel_id, ts))
        if own is None:
            continue
        course = [each for each in elected.values() if each.channel_id == channel.channel_id]
        before = max((each for each in course if each.ts < ts), key=_ts, default=None)
        after = min((each for each in course if each.ts > ts), key=_ts, default=None)
        starts = [epoch.starts_at.timestamp() for epoch in channel.epochs]
        for first, last, other in ((before, own, before), (own, after, after)):
            if first is None or last is None or other is None:
                continue
            if last.raw < first.raw and not any(first.ts < at <= last.ts for at in starts):
                yield other


def _ts(claim: StoredClaim) -> int:
    return claim.ts
