# SPDX-License-Identifier: MIT
"""Where a number comes from: its borders, every claim at them, what was entered, each version.

The meters of the subject are counted as closing counts them, so that each border says what stands
there and why no other claim does. Beside that stands what was sent, version after version: which
border moved, and what persons entered between two of them. Of an open month it is what would be
counted now.

In: a society, a month, a subject and a service. Out: one `Explanation`. Never: a write, a sentence.

Raises: NotFound, CloseRefused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.border import PROMPT, SELF_READ_WINDOW, Border
from cloud_ingest.core.dial_check import against_month
from cloud_ingest.core.month import Month, previous_month
from cloud_ingest.core.nearest import nearest_labels
from cloud_ingest.core.rating import UNRATED
from cloud_ingest.errors import NotFound
from cloud_ingest.month.boundaries import Closings, SubjectService, closings, month_channels
from cloud_ingest.month.closing import Closing, SubjectKey, by_subject
from cloud_ingest.month.count import Counted, count_assigned
from cloud_ingest.month.explain_change import (
    apart,
    billed_meters,
    changes_now,
    decided_first,
    is_unmoved,
    total,
)
from cloud_ingest.month.explain_parts import (
    Entries,
    Sent,
    explained_meter,
    ordered,
    said_of_number,
    versions_of,
)
from cloud_ingest.month.explanation import ExplainedMeter, Explanation, Now
from cloud_ingest.month.number import doubted_quantity, number_of
from cloud_ingest.month.past import daily_means
from cloud_ingest.month.published import ShownMonth, ShownNumber, shown_month
from cloud_ingest.month.report import Delivery, deliveries
from cloud_ingest.month.to_show import month_to_show
from cloud_ingest.month.unread import with_unread
from cloud_ingest.settings import EstimatesRule
from cloud_ingest.store.assignments import Assignment, assignments_between, subjects
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.dial_points import dial_points
from cloud_ingest.store.explained import (
    entries_of_meters,
    heard_of_subject,
    meter_ids,
    sent_of_subject,
)
from cloud_ingest.store.manifests import closed_at
from cloud_ingest.store.migrate import Store, open_store
from cloud_ingest.store.number_words import (
    NumberKey,
    NumberWord,
    accepted_quantities,
    number_words,
)
from cloud_ingest.store.outbox import billing_ack_key
from cloud_ingest.store.published import published_month
from cloud_ingest.store.ratings import ratings_of
from cloud_ingest.store.readings_read import neighbours
from cloud_ingest.store.register_breaks import breaks_of
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.witness_reads import witness_reads
from shared_schema.billing import BILLING_UNITS, MonthlyConsumption, Withheld
from shared_schema.catalogue import BILLED_REGISTER, Service
from shared_schema.message import MeterId


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose month is explained."""

    society: str
    month: str
    subject: str
    service: Service
    subject_type: SubjectKind = "unit"


@dataclass(frozen=True, slots=True)
class _Case:
    """What one explanation is made from."""

    conn: Connection
    asked: Asked
    society_id: int
    span: Month
    store: Store
    closing: Closing
    assigned: Sequence[Assignment]

    @property
    def meters(self) -> dict[int, MeterId]:
        """The meters by their ids."""
        return {each.meter_id: each.meter for each in self.assigned}


@translating
def explain(
    conn: Connection,
    asked: Asked,
    now: datetime,
    *,
    self_read_window: timedelta = SELF_READ_WINDOW,
    estimates: EstimatesRule = "shown",
) -> Explanation:
    """Explain one subject's month.

    Raises:
        NotFound: no such society or subject, or the month says nothing of it.
        CloseRefused: that is no month, or it is open and has not begun.
    """
    store = open_store(conn)
    society_id = find_society(conn, asked.society)
    span = month_to_show(conn, society_id, asked.month, store.zone, now)
    assigned = _assigned(conn, society_id, span, asked)
    closing = Closing(
        society_id, asked.society, span, store.zone, now, self_read_window, estimates=estimates
    )
    case = _Case(conn, asked, society_id, span, store, closing, assigned)
    shown = _shown(case)
    sent = sent_of_subject(conn, society_id, asked.month, _key(asked))
    number = _number(shown, asked)
    if not assigned and not sent and number is None:
        raise NotFound(_why_nothing(case))
    entries, words, counted = _entries(case, sent), _words(case), _counted(case)
    found = _now(case, counted, number, sent, entries)
    return Explanation(
        society=asked.society,
        month=asked.month,
        subject_type=asked.subject_type,
        subject=asked.subject,
        service=asked.service,
        unit=BILLING_UNITS[asked.service],
        closed_at=None if shown is None else shown.closed_at,
        number=number,
        versions=versions_of(sent, entries, words, _delivered(conn, sent)),
        meters=_explained(case, counted, entries),
        now=found,
        words=tuple(map(said_of_number, words)),
        billed=billed_meters(sent),
        waits_for=_waits_for(case, number, found),
        witnessed=tuple(witness_reads(conn, society_id, _key(asked), *_near(case))),
    )


def _assigned(conn: Connection, society_id: int, span: Month, who: Asked) -> list[Assignment]:
    """Return the assignments of the subject's meters in a month."""
    found = assignments_between(
        conn, society_id, span.start, span.end, subject_type=who.subject_type, subject=who.subject
    )
    return [each for each in found if each.service is who.service]


def _explained(
    case: _Case, counted: Sequence[Counted], entries: Entries
) -> tuple[ExplainedMeter, ...]:
    """Explain what each meter counted."""
    breaks, points = breaks_of(case.conn, case.meters), dial_points(case.conn, case.meters)
    channels = month_channels(case.conn, case.assigned, BILLED_REGISTER).channels
    weights = {channel.channel_id: channel.weight for channel in channels}
    ratings = ratings_of(case.conn, case.meters)
    found: list[ExplainedMeter] = []
    for each in counted:
        meter_id, service = each.assignment.meter_id, each.assignment.service
        read, broken = points.get((meter_id, service), ()), breaks.get(meter_id, ())
        rating = ratings.get(meter_id, UNRATED)
        against = against_month(each.measured, read, service, weights, broken, ratios=rating.ratios)
        near = _with_neighbours(case, each)
        found.append(explained_meter(near, entries, broken, against, rating))
    return tuple(found)


def _shown(case: _Case) -> ShownMonth | None:
    """Return the month as it was published; None: it is open."""
    asked = case.asked
    try:
        return shown_month(
            case.conn,
            case.society_id,
            case.span,
            case.store.zone,
            subject_type=asked.subject_type,
            subject=asked.subject,
            self_read_window=case.closing.self_read_window,
        )
    except NotFound:  # it is closed, and says nothing of the subject
        at = closed_at(case.conn, case.society_id, asked.month)
        return None if at is None else ShownMonth(at, (), ())


def _number(shown: ShownMonth | None, asked: Asked) -> ShownNumber | None:
    numbers = () if shown is None else shown.numbers
    return next((each for each in numbers if each.service is asked.service), None)


def _why_nothing(case: _Case) -> str:
    """Say why there is nothing to explain, and what to do."""
    asked = case.asked
    what = f"{asked.subject!r} had no {asked.service.value} meter in {asked.month}"
    known = subjects(case.conn, case.society_id, asked.service, asked.subject_type)
    if asked.subject in known:
        return f"{what}: its meters served it at another time, see the list of units"
    told = nearest_labels(asked.subject, known)
    return f"{what}: look at its label and --subject-type; {told}"


def _entries(case: _Case, sent: Sequence[Sent]) -> Entries:
    """Return what was entered of the meters that serve the subject now, or did when it was sent."""
    former = {
        part.meter for each in sent if isinstance(each, MonthlyConsumption) for part in each.parts
    }
    meters = case.meters | meter_ids(case.conn, case.society_id, former)
    return Entries(
        entries_of_meters(case.conn, meters, *_near(case)),
        month_channels(case.conn, case.assigned, BILLED_REGISTER).exponents,
        meters,
        heard_of_subject(case.conn, case.society_id, case.asked.month, _key(case.asked)),
    )


def _near(case: _Case) -> tuple[datetime, datetime]:
    """Return from when to when something is near enough to the month to be told with it."""
    around = max(PROMPT, case.closing.self_read_window)
    return case.span.start - around, case.span.end + around


def _waits_for(case: _Case, number: ShownNumber | None, now: Now | None) -> tuple[str, ...]:
    if number is None or (number.state == "published" and number.held is None):
        return ()
    return decided_first(case.conn, case.society_id, case.asked.month, _key(case.asked), now)


def _words(case: _Case) -> list[NumberWord]:
    found = number_words(case.conn, case.society_id, case.asked.month)
    return [word for word in found if word.key == _key(case.asked)]


def _key(asked: Asked) -> NumberKey:
    return NumberKey(asked.subject_type, asked.subject, asked.service)


def _delivered(conn: Connection, sent: Sequence[Sent]) -> dict[int, Delivery]:
    by_key = deliveries(conn, [billing_ack_key(each) for each in sent])
    return {
        each.version: by_key[billing_ack_key(each)]
        for each in sent
        if billing_ack_key(each) in by_key
    }


def _counted(case: _Case) -> list[Counted]:
    """Count the subject's meters as closing would; nothing where their readings are gone."""
    kept_from = case.store.kept_from
    if not case.assigned or (kept_from is not None and case.span.start <= kept_from):
        return []
    counted = by_subject(
        count_assigned(
            case.conn,
            case.assigned,
            case.span,
            case.closing.zone,
            before=_closed_before(case),
            standing=frozenset({SubjectService(*_key(case.asked))}),
            past=daily_means(case.conn, case.society_id, case.span),
            self_read_window=case.closing.self_read_window,
        )
    )
    parts = with_unread(case.conn, case.closing, counted)
    return [part for own in parts.values() for part in own]


def _with_neighbours(case: _Case, counted: Counted) -> Counted:
    """Return what was counted; of a border that nothing meets with the readings on its sides."""
    measured = counted.measured
    begin, end = (_beside(case, counted, border) for border in (measured.begin, measured.end))
    return replace(counted, measured=replace(measured, begin=begin, end=end))


def _beside(case: _Case, counted: Counted, border: Border | None) -> Border | None:
    if border is None or border.chosen is not None:
        return border
    channels = month_channels(case.conn, [counted.assignment], BILLED_REGISTER)
    before, after = neighbours(case.conn, channels.exponents, border.at)
    return replace(border, before=before, after=after)


def _closed_before(case: _Case) -> Closings:
    """Return where the subject's month before was closed."""
    before = published_month(
        case.conn,
        case.society_id,
        f"{previous_month(case.span.first):%Y-%m}",
        subject_type=case.asked.subject_type,
        subject=case.asked.subject,
    )
    return closings(() if before is None else before.numbers)


def _now(
    case: _Case,
    counted: Sequence[Counted],
    number: ShownNumber | None,
    sent: Sequence[Sent],
    entries: Entries,
) -> Now | None:
    """Return what closing the month now would give."""
    if not counted:
        return None
    made = None if case.asked.subject_type == "bulk" else _made(case, counted)
    is_number = isinstance(made, MonthlyConsumption)
    quantity = (
        total([each.measured.quantity for each in counted])
        if made is None
        else made.quantity
        if isinstance(made, MonthlyConsumption)
        else None
    )
    return Now(
        quantity=quantity,
        bounds=made.bounds if isinstance(made, MonthlyConsumption) else None,
        since=made.since if isinstance(made, MonthlyConsumption) else None,
        estimate=made.estimate if isinstance(made, Withheld) else None,
        reasons=ordered(reason for each in counted for reason in each.measured.reasons),
        agrees=number is None
        or (number.quantity == quantity and (not is_number or is_unmoved(sent, counted))),
        entries=entries.since(sent[-1].version) if sent else (),
        apart=apart(sent, quantity),
        changes=changes_now(sent, counted),
    )


def _made(case: _Case, counted: Sequence[Counted]) -> MonthlyConsumption | Withheld:
    """Return the number that the subject's parts make, or what is said instead of one."""
    accepted = accepted_quantities(_words(case)).get(_key(case.asked), frozenset())
    key = SubjectKey(case.asked.subject_type, case.asked.subject, case.asked.service)
    is_accepted = doubted_quantity(counted) in accepted
    return number_of(case.closing, key, counted, is_accepted=is_accepted)
