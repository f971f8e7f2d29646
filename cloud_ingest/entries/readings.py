# SPDX-License-Identifier: MIT
"""A person's word on a reading: set it aside, restore it, or enter what the register showed.

A person names a unit, a service and a local time, never a channel. If several claims share the
moment, the value tells them apart. What is said is kept beside the claim, with author and reason;
then the register is judged again, and the days whose readings have changed are marked. What is
set aside is never elected. What is restored or entered is vouched for: validation never sets it
aside, and the readings around it have to fit.

In: a named reading, a word, who says it and why. Out: what is elected before and after, within the
caller's transaction. Never: a claim that is deleted, a guess between two claims.

Raises: ReadingRefused.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.judgement import Claims, Moment, RulingKind, StoredClaim
from cloud_ingest.core.month import DAY, day_of, midnight, next_month
from cloud_ingest.core.plausible import in_steps, is_dial_value
from cloud_ingest.core.register import billing_exponent
from cloud_ingest.entries.meter import find_meter
from cloud_ingest.errors import ReadingRefused
from cloud_ingest.store.assignments import (
    Assignment,
    assignments_between,
    assignments_of_subject,
)
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.judgements import (
    SERVICE_OF,
    Dial,
    Suspect,
    claims_of,
    dials_of,
    lock_elections,
)
from cloud_ingest.store.migrate import Store, open_store
from cloud_ingest.store.readings_read import (
    Window,
    boundary_readings,
    neighbours,
    newest_channel,
)
from cloud_ingest.store.readings_write import (
    ORIGIN_NUMBERS,
    ORIGINS,
    NewReading,
    store_readings,
)
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.rulings import ListedClaim, listed_claims, store_rulings
from cloud_ingest.validation.judge import judge_suspects
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import BILLED_REGISTER, Service
from shared_schema.quality import Origin

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
YEAR = timedelta(days=366)
MOST_CANDIDATES = 6

State = Literal["unsound", "set_aside", "rival", "restored", "entered"]


@dataclass(frozen=True, slots=True)
class NamedReading:
    """How a person names a reading."""

    subject: str
    service: Service
    at: datetime
    """Aware."""
    within: timedelta = MINUTE
    """How much the time leaves open: a minute where no second was said."""
    value: Decimal | None = None
    """In kWh or kL, as the module's register shows it."""
    source: str | None = None
    serial: str | None = None
    """Of the meter, where a subject has or had several."""
    subject_type: SubjectKind = "unit"


@dataclass(frozen=True, slots=True)
class Word:
    """What a person says of a reading, who, and why."""

    kind: RulingKind
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A claim as people see it."""

    at: datetime
    value: Decimal
    origin: Origin


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


@dataclass(frozen=True, slots=True)
class Listed:
    """A claim that was set aside, that has a rival, or that a person vouched for."""

    subject: str | None
    service: Service
    meter: str
    at: datetime
    value: Decimal
    origin: Origin
    state: State
    is_elected: bool
    rule: str | None
    by: str | None
    """None: validation decided."""
    reason: str | None
    decided_at: datetime | None
    parameters: Mapping[str, str] | None
    elected: Decimal | None
    """What is elected at the same moment."""
    before: Shown | None
    """The sound reading before it."""
    after: Shown | None


def find_served(conn: Connection, society_id: int, named: NamedReading) -> Assignment:
    """Return the meter whose reading a person names.

    Raises:
        ReadingRefused: there are several, or none of that serial number.
        SelfReadRefused: there is none.
    """
    if named.serial is not None:
        return _by_serial(conn, society_id, named)
    chosen = find_meter(
        conn,
        society_id,
        named.subject,
        named.service,
        at=named.at,
        source=named.source,
        subject_type=named.subject_type,
    )
    serving = assignments_of_subject(
        conn,
        society_id,
        named.subject,
        named.service,
        subject_type=named.subject_type,
        at=named.at,
    )
    meters = {str(each.meter) for each in serving if each.source == chosen.source}
    if len(meters) > 1:
        raise ReadingRefused(
            f"{named.subject} changed its {named.service} meter at that time: give --meter with "
            f"the serial number, of {', '.join(sorted(meters))}"
        )
    return chosen


def _by_serial(conn: Connection, society_id: int, named: NamedReading) -> Assignment:
    own = [
        each
        for each in assignments_between(
            conn,
            society_id,
            named.at - YEAR,
            named.at + YEAR,
            subject_type=named.subject_type,
            subject=named.subject,
        )
        if each.service is named.service
    ]
    found = [each for each in own if each.meter.serial == named.serial]
    if not found:
        known = ", ".join(sorted({str(each.meter) for each in own})) or "none"
        raise ReadingRefused(
            f"{named.subject} has no {named.service} meter with serial number {named.serial!r} "
            f"around that time: there is {known}"
        )
    serving = [
        each
        for each in found
        if each.valid_from <= named.at and (each.valid_to is None or each.valid_to >= named.at)
    ]
    return (serving or found)[-1]


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
    if not word.by.strip() or not word.reason.strip():
        raise ReadingRefused(f"{named.subject} {named.service}: say who and why: --by, --reason")
    served = find_served(conn, society_id, named)
    dial = dials_of(conn, [served.meter_id]).get(
        (served.meter_id, str(BILLED_REGISTER[named.service]))
    )
    if dial is None:
        raise ReadingRefused(
            f"{named.subject} {named.service}: meter {served.meter} was never read; a dial is "
            "entered with cloud-ingest self-read"
        )
    lock_elections(conn)
    months = _months_around(named.at, store.zone)
    start, end = midnight(months[0], store.zone), midnight(next_month(months[-1]), store.zone)
    former = claims_of(conn, dial, start, end)
    desk = _Desk(conn, named, dial, store)
    if word.kind == "enter":
        ruled_at = desk.enter(former, word, now)
    else:
        ruled_at = desk.rule(former, word, now)
    suspects = [Suspect(dial.meter_id, dial.obis, month) for month in months]
    judge_suspects(conn, suspects, store, now)
    changed = claims_of(conn, dial, start, end)
    return _ruled(served, dial, ruled_at, former.elected, changed.elected)


def _months_around(at: datetime, zone: ZoneInfo) -> list[date]:
    month = day_of(at, zone).replace(day=1)
    return [(month - DAY).replace(day=1), month, next_month(month)]


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


def shown(dial: Dial, claim: StoredClaim) -> Shown:
    """Return a claim of a register as people see it; pure."""
    exponents = {channel.channel_id: channel.exponent for channel in dial.channels}
    value = Decimal(claim.raw).scaleb(exponents[claim.channel_id])
    return Shown(datetime.fromtimestamp(claim.ts, UTC), value, ORIGINS[claim.origin])


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where a word on one register is taken."""

    conn: Connection
    named: NamedReading
    dial: Dial
    store: Store

    @property
    def what(self) -> str:
        return f"{self.named.subject} {self.named.service}"

    def rule(self, claims: Claims, word: Word, now: datetime) -> int:
        """Set claims aside or restore them; return the moment."""
        own = self._named(claims)
        last = {
            (each.channel_id, each.ts, each.origin, each.raw): each.kind for each in claims.rulings
        }
        elected = {claim.key for claim in claims.elected.values()}
        if word.kind == "set_aside":
            open_ = [claim for claim in own if last.get(claim.key) != "set_aside"]
            fault = "was set aside already"
        else:
            open_ = [claim for claim in own if claim.key not in elected] or [
                claim for claim in own if last.get(claim.key) not in {"restore", "enter"}
            ]
            fault = "is elected, and a person vouched for it already"
        if not open_:
            raise ReadingRefused(f"{self._line(own[0])} {fault}")
        values = {shown(self.dial, claim).value for claim in open_}
        if len(values) > 1:
            raise ReadingRefused(
                f"{self.what}: several readings share that moment: give --value, one of "
                + self._candidates(open_)
            )
        store_rulings(self.conn, open_, word.kind, by=word.by, reason=word.reason, now=now)
        return open_[0].ts

    def _named(self, claims: Claims) -> list[StoredClaim]:
        """Return the claims that the person may mean, all of one moment."""
        named = self.named
        every = [*claims.elected.values(), *claims.beside]
        first, last = named.at, named.at + named.within
        own = [claim for claim in every if first.timestamp() <= claim.ts < last.timestamp()]
        if named.value is not None:
            own = [claim for claim in own if shown(self.dial, claim).value == named.value]
        if not own:
            near = sorted(every, key=lambda claim: abs(claim.ts - first.timestamp()))
            candidates = self._candidates(near[:MOST_CANDIDATES])
            told = f"the nearest are {candidates}" if near else "its meter was not read around it"
            value = "" if named.value is None else f" of {named.value:f}"
            raise ReadingRefused(
                f"{self.what}: there is no reading{value} at {self._time(first)}: {told}"
            )
        if len({claim.ts for claim in own}) > 1:
            raise ReadingRefused(
                f"{self.what}: several readings lie in that minute: give --at with its seconds, "
                f"one of {self._candidates(own)}"
            )
        return own

    def enter(self, claims: Claims, word: Word, now: datetime) -> int:
        """Store what a person says that the register showed; return the moment."""
        named, value = self.named, self.named.value
        unit = BILLING_UNITS[named.service]
        if value is None or not is_dial_value(value):
            raise ReadingRefused(f"{self.what}: give --value, what its register showed, in {unit}")
        if named.at > now:
            raise ReadingRefused(f"{self.what}: {self._time(named.at)} has not come yet")
        ts = int(named.at.timestamp())
        channel_id, raw = self._place(claims, ts, value)
        claim = StoredClaim(channel_id, ts, raw, ORIGIN_NUMBERS[Origin.EDIT])
        elected = claims.elected.get(claim.moment)
        if elected is not None and elected.key == claim.key:
            raise ReadingRefused(f"{self._line(claim)} is elected already, as an edit")
        store_readings(
            self.conn,
            [NewReading(channel_id, ts, raw, None, Origin.EDIT)],
            source=f"entered by {word.by}",
            at=now,
        )
        store_rulings(self.conn, [claim], "enter", by=word.by, reason=word.reason, now=now)
        return ts

    def _place(self, claims: Claims, ts: int, value: Decimal) -> tuple[int, int]:
        """Return the channel that takes a value, and its raw integer there."""
        exponents = {channel.channel_id: channel.exponent for channel in self.dial.channels}
        of_moment = [
            claim.channel_id
            for claim in (*claims.elected.values(), *claims.beside)
            if claim.ts == ts
        ]
        newest = newest_channel(self.conn, exponents)
        finest = sorted(exponents, key=lambda channel_id: exponents[channel_id])
        for channel_id in (*of_moment, *([] if newest is None else [newest]), *finest):
            raw = in_steps(value, exponents[channel_id])
            if raw is not None:
                return channel_id, raw
        step = Decimal(1).scaleb(exponents[finest[0]])
        unit = BILLING_UNITS[self.named.service]
        raise ReadingRefused(
            f"{self.what}: the register counts in steps of {step:f} {unit}, {value:f} is finer"
        )

    def _candidates(self, claims: Iterable[StoredClaim]) -> str:
        lines = sorted({(claim.ts, self._claim(claim)) for claim in claims})
        return "; ".join(line for _, line in lines)

    def _claim(self, claim: StoredClaim) -> str:
        each = shown(self.dial, claim)
        unit = BILLING_UNITS[self.named.service]
        return f"{self._time(each.at)} {each.value:f} {unit} ({each.origin.value})"

    def _line(self, claim: StoredClaim) -> str:
        return f"{self.what}: {self._claim(claim)}"

    def _time(self, at: datetime) -> str:
        text = f"{at.astimezone(self.store.zone):%Y-%m-%d %H:%M:%S}"
        return text.removesuffix(":00") if at.second == 0 else text


@translating
def listed_readings(conn: Connection, society: str, subject: str | None) -> list[Listed]:
    """Return what was set aside, what has a rival, and what persons vouched for.

    Args:
        conn: The store.
        society: The society's name.
        subject: The label of one unit, common area or bulk meter; None: of all.

    Raises:
        NotFound: no such society.
    """
    society_id = find_society(conn, society)
    told = [
        (claim, exponent)
        for claim in listed_claims(conn, society_id, subject)
        if (exponent := billing_exponent(SERVICE_OF[claim.obis], claim.unit, claim.scaler))
        is not None
    ]
    if not told:
        return []
    exponents = {claim.channel_id: exponent for claim, exponent in told}
    times = [datetime.fromtimestamp(claim.ts, UTC) for claim, _ in told]
    windows = [Window(claim.channel_id, at, at) for (claim, _), at in zip(told, times, strict=True)]
    elected = {
        (channel_id, int(reading.ts.timestamp())): (reading.raw, reading.origin)
        for channel_id, readings in boundary_readings(
            conn, last_in=windows, first_in=(), by_hand_in=(), exponents=exponents
        ).items()
        for reading in readings
    }
    served = assignments_between(conn, society_id, min(times) - DAY, max(times) + DAY)
    return [
        found
        for claim, exponent in told
        if (found := _listed(conn, claim, exponent, elected, served)) is not None
    ]


def _listed(
    conn: Connection,
    claim: ListedClaim,
    exponent: int,
    elected: Mapping[Moment, tuple[int, Origin]],
    served: Sequence[Assignment],
) -> Listed | None:
    at = datetime.fromtimestamp(claim.ts, UTC)
    chosen = elected.get((claim.channel_id, claim.ts))
    state = _state(claim, chosen)
    if state is None:
        return None
    at_that_time = [
        each.subject
        for each in served
        if each.meter_id == claim.meter_id
        and each.valid_from <= at
        and (each.valid_to is None or each.valid_to >= at)
    ]
    before, after = _beside(conn, claim, exponent, at)
    by_person = claim.kind is not None
    return Listed(
        subject=at_that_time[-1] if at_that_time else None,
        service=SERVICE_OF[claim.obis],
        meter=f"{claim.manufacturer} {claim.serial}",
        at=at,
        value=Decimal(claim.raw).scaleb(exponent),
        origin=ORIGINS[claim.origin],
        state=state,
        is_elected=chosen == (claim.raw, ORIGINS[claim.origin]),
        rule=claim.rule,
        by=claim.author,
        reason=claim.reason,
        decided_at=claim.ruled_at if by_person else claim.judged_at,
        parameters=claim.parameters,
        elected=None if chosen is None else Decimal(chosen[0]).scaleb(exponent),
        before=before,
        after=after,
    )


def _state(claim: ListedClaim, elected: tuple[int, Origin] | None) -> State | None:
    """Say why a claim is listed; None: it says what the elected one says; pure."""
    if claim.kind is not None:
        states: dict[RulingKind, State] = {
            "set_aside": "set_aside",
            "restore": "restored",
            "enter": "entered",
        }
        return states[claim.kind]
    if claim.rule is not None:
        return "unsound"
    return "rival" if elected is not None and elected[0] != claim.raw else None


def _beside(
    conn: Connection, claim: ListedClaim, exponent: int, at: datetime
) -> tuple[Shown | None, Shown | None]:
    """Return the elected readings of a claim's channel on its two sides."""
    exponents = {claim.channel_id: exponent}
    before, _ = neighbours(conn, exponents, at - SECOND)
    _, after = neighbours(conn, exponents, at)
    first, last = (
        None if each is None else Shown(each.ts, each.value, each.origin)
        for each in (before, after)
    )
    return first, last
