# SPDX-License-Identifier: MIT
"""The proof of a number that was sent, or of why none was.

The number is the message that billing has, byte for byte. Its borders are found in what gateways
signed, its epochs are those that it knew; what persons entered stands beside it. Nothing in it is
of anybody else.

In: a society, a subject, a service, a closed month. Out: a `Proof`. Never: a write, a sentence.

Raises: ProofRefused, NotFound, CloseRefused.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from cloud_ingest.core.border import MERELY_FARTHER, SELF_READ_WINDOW
from cloud_ingest.errors import ProofRefused
from cloud_ingest.month.explain import Asked, explain
from cloud_ingest.month.explanation import (
    Entry,
    ExplainedBorder,
    ExplainedMeter,
    Explanation,
    NumberWord,
    Told,
)
from cloud_ingest.month.published import ShownNumber
from cloud_ingest.prove.evidence import Evidence, Said
from cloud_ingest.prove.neighbours import Neighbours, neighbours_of
from cloud_ingest.settings import EstimatesRule
from cloud_ingest.store.assignment_versions import AssignmentVersion, assignment_versions
from cloud_ingest.store.assignments import assignments_of_meters
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.explained import meter_ids
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.number_words import NumberKey
from cloud_ingest.store.proved import SentMessage, names_in_society, sent_message
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.seals import SealsSeen, seals_seen
from shared_schema.billing import BoundaryReading, MeterMonth, MonthlyConsumption
from shared_schema.message import MeterId, format_utc
from shared_schema.proof import pack
from shared_schema.proof.pack import Proof
from shared_schema.quality import Origin

MOST_SHOWN = 24
"""Readings at the borders and near them."""
_EVER = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Case:
    """What one proof is made from."""

    conn: Connection
    found: Explanation
    number: ShownNumber
    sent: SentMessage | None
    versions: Sequence[AssignmentVersion]
    seals: Sequence[SealsSeen]
    neighbours: Neighbours
    evidence: Evidence


@translating
def prove(
    conn: Connection,
    asked: Asked,
    now: datetime,
    *,
    self_read_window: timedelta = SELF_READ_WINDOW,
    estimates: EstimatesRule = "shown",
) -> Proof:
    """Return the proof of one subject's month.

    Raises:
        ProofRefused: the month is open, or the subject has no number of its own.
        NotFound: no such society or subject.
        CloseRefused: that is no month.
    """
    if asked.subject_type == "bulk":
        raise ProofRefused(
            f"{asked.subject!r} is a bulk meter: it has no number of its own; cloud-ingest towers "
            "shows what its tower was reconciled with"
        )
    found = explain(conn, asked, now, self_read_window=self_read_window, estimates=estimates)
    what = f"{asked.subject!r}, {asked.service.value}, {asked.month}"
    if found.closed_at is None:
        raise ProofRefused(
            f"{what}: the month is not closed, so that no number was sent; cloud-ingest explain "
            "says what would be counted now"
        )
    if found.number is None:
        raise ProofRefused(
            f"{what}: the closed month says nothing of it; close it again (cloud-ingest "
            f"close-month {asked.month})"
        )
    return _proof(_case(conn, asked, found, found.number), now)


def _case(conn: Connection, asked: Asked, found: Explanation, number: ShownNumber) -> _Case:
    society_id = find_society(conn, asked.society)
    key = NumberKey(asked.subject_type, asked.subject, asked.service)
    sent = None
    if number.state == "published" and number.version is not None:
        sent = sent_message(conn, society_id, asked.month, key, number.version)
    versions = [
        each
        for each in assignment_versions(conn, society_id, asked.subject)
        if (each.assignment.subject_type, each.assignment.subject, each.assignment.service) == key
    ]
    named = {each.assignment.meter for each in versions}
    if sent is not None:
        named |= {part.meter for part in MonthlyConsumption.from_line(sent.message).parts}
    meters = meter_ids(conn, society_id, named)
    neighbours = neighbours_of(
        key,
        assignments_of_meters(conn, meters, *_EVER),
        names_in_society(conn, society_id),
        {asked.subject, *(v.assignment.label for v in versions), *(m.serial for m in named)},
    )
    evidence = Evidence(
        conn,
        society_id,
        asked.service,
        meters=meters,
        neighbours=neighbours,
        heard=None if sent is None else sent.heard_order,
    )
    seals = seals_seen(conn, society_id, list(meters))
    return _Case(conn, found, number, sent, versions, seals, neighbours, evidence)


def _proof(case: _Case, now: datetime) -> Proof:
    found, sent = case.found, case.sent
    message = None if sent is None else MonthlyConsumption.from_line(sent.message)
    parts = tuple(_parts(case, () if message is None else message.parts))
    others = tuple(_others(case, parts))
    return Proof(
        schema_name="metering.proof/1",
        society=found.society,
        zone=open_store(case.conn).zone.key,
        month=found.month,
        subject=pack.Whose.model_validate({"type": found.subject_type, "id": found.subject}),
        service=found.service.value,
        unit="kWh" if found.unit == "kWh" else "kL",
        made_at=format_utc(now),
        state=case.number.state,
        reasons=tuple(each.value for each in case.number.reasons),
        number=None
        if sent is None
        else pack.Number(message=sent.message.decode(), sha256=sent.sha256),
        held=None
        if case.number.held is None
        else pack.Held(quantity=_amount(case.number.held.quantity)),
        parts=parts,
        others=others,
        epochs=case.evidence.epochs((*_readings(parts), *others)),
        keys=case.evidence.keys(),
        batches=case.evidence.batches(),
        entries=tuple(_entries(case)),
        meters=tuple(_served(case)),
        seals=tuple(_seals(case)),
    )


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _parts(case: _Case, parts: Sequence[MeterMonth]) -> Iterator[pack.Part]:
    """Give what each meter counted, each border with what proves it."""
    for part in parts:
        opening, closing = _said(part.meter, part.opening), _said(part.meter, part.closing)
        if opening.origin is Origin.ESTIMATE:  # it may count as the other end does
            end = _border(case, closing)
            yield pack.Part(opening=_border(case, opening, end), closing=end)
        else:
            begin = _border(case, opening)
            yield pack.Part(opening=begin, closing=_border(case, closing, begin))


def _said(meter: MeterId, told: BoundaryReading) -> Said:
    return Said(meter, told.at, told.register_value, told.origin)


def _border(case: _Case, said: Said, other_end: pack.Reading | None = None) -> pack.Border:
    before = after = None
    if said.origin is Origin.ESTIMATE:
        explained = next(_explained_borders(case, said), None)
        if explained is not None:
            before, after = (
                _own(case, said.meter, each) for each in (explained.before, explained.after)
            )
    reading = case.evidence.reading(said, like=before or after or other_end)
    return pack.Border(**dict(reading), before=before, after=after)


def _explained_borders(case: _Case, said: Said) -> Iterator[ExplainedBorder]:
    """Give the explained border in which a reading stands now as it did when it was sent."""
    for meter, border in _borders(case.found.meters):
        taken = border.taken
        told = None if taken is None else (taken.at, taken.value, taken.origin)
        if meter.meter == said.meter and told == (said.at, said.value, said.origin):
            yield border


def _borders(meters: Iterable[ExplainedMeter]) -> Iterator[tuple[ExplainedMeter, ExplainedBorder]]:
    for meter in meters:
        for border in (meter.begin, meter.end):
            if border is not None:
                yield meter, border


def _own(case: _Case, meter: MeterId, told: Told | None) -> pack.Reading | None:
    """Return a reading beside a border; None: there is none, or the meter served another then."""
    if told is None or case.neighbours.has_time(meter, told.at):
        return None
    return case.evidence.reading(Said(meter, told.at, told.value, told.origin))


def _others(case: _Case, parts: Sequence[pack.Part]) -> Iterator[pack.Reading]:
    """Give readings near the borders that do not stand for them."""
    shown = {
        (MeterId(**dict(each.meter)), each.at, each.register_value) for each in _readings(parts)
    }
    meters = {each.assignment.meter for each in case.versions}
    for meter, border in _borders(case.found.meters):
        for told in _beside(border) if meter.meter in meters else ():
            key = (meter.meter, format_utc(told.at), f"{told.value:f}")
            if key in shown or len(shown) >= MOST_SHOWN:
                continue
            found = _own(case, meter.meter, told)
            if found is not None:
                shown.add(key)
                yield found


def _readings(parts: Iterable[pack.Part]) -> Iterator[pack.Reading]:
    """Give the borders and what lies beside them."""
    for part in parts:
        for side in (part.opening, part.closing):
            yield from (each for each in (side, side.before, side.after) if each is not None)


def _beside(border: ExplainedBorder) -> Iterator[Told]:
    """Give what was said near a border: what was not believed, and where nobody signed it, more."""
    for each in border.not_taken:
        if each.why not in MERELY_FARTHER:
            yield each.reading
    if border.taken is None or border.taken.origin is not Origin.METER:
        for told in (border.before, border.after):
            if told is not None and told.origin is not Origin.ESTIMATE:
                yield told


def _entries(case: _Case) -> Iterator[pack.Entry]:
    """Give what persons entered of the subject's meters while they were its own."""
    found = case.found
    entries = [entry for meter in found.meters for entry in meter.entries]
    entries += [entry for version in found.versions for entry in version.entries]
    entries += [] if found.now is None else found.now.entries
    words = [*found.words, *(word for version in found.versions for word in version.words)]
    told = [*(_entry(case, each) for each in entries), *(_word(case, each) for each in words)]
    once = dict.fromkeys(each for each in told if each is not None)
    yield from sorted(once, key=lambda each: (each.recorded_at, each.kind))


def _entry(case: _Case, each: Entry) -> pack.Entry | None:
    is_anothers = each.subject is not None and each.subject != case.found.subject
    if is_anothers or case.neighbours.has_time(each.meter, each.at):
        return None
    masked = case.neighbours.masked
    return pack.Entry(
        kind=each.kind,
        meter=str(each.meter),
        at=format_utc(each.at),
        value=_amount(each.value),
        by=masked(each.word.by),
        why=masked(each.word.why),
        recorded_at=format_utc(each.word.at),
    )


def _word(case: _Case, each: NumberWord) -> pack.Entry:
    masked = case.neighbours.masked
    return pack.Entry(
        kind=each.kind,
        meter=None,
        at=None,
        value=_amount(each.quantity),
        by=masked(each.word.by),
        why=masked(each.word.why),
        recorded_at=format_utc(each.word.at),
    )


def _served(case: _Case) -> Iterator[pack.Served]:
    """Give which meters served the subject, as it is known now."""
    for each in case.versions:
        said = each.assignment
        if each.superseded_at is None:
            yield pack.Served(
                meter=pack.Meter(manufacturer=said.meter.manufacturer, serial=said.meter.serial),
                source=said.source,
                tower=said.tower,
                since=format_utc(said.valid_from),
                until=None if said.valid_to is None else format_utc(said.valid_to),
                legacy=said.legacy,
                by=case.neighbours.masked(said.author),
                why=case.neighbours.masked(said.reason),
                recorded_at=format_utc(said.recorded_at),
            )


def _seals(case: _Case) -> Iterator[pack.Sealed]:
    """Give which seals were seen on the subject's meters, but while they were somebody else's."""
    masked = case.neighbours.masked
    for each in case.seals:
        meter = MeterId(manufacturer=each.manufacturer, serial=each.serial)
        if not case.neighbours.has_time(meter, each.seen_at):
            yield pack.Sealed(
                meter=pack.Meter(manufacturer=each.manufacturer, serial=each.serial),
                seen_at=format_utc(each.seen_at),
                seals=tuple(each.seals),
                by=masked(each.author),
                why=masked(each.reason),
                recorded_at=format_utc(each.recorded_at),
            )
