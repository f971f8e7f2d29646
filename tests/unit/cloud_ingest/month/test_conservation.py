# SPDX-License-Identifier: MIT
"""What a meter counted for all and for nobody is what its register moved, whatever is known."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.border import JITTER, Border, Known, NotElected, Rules, cuts_of
from cloud_ingest.core.border_choice import choose_borders
from cloud_ingest.core.claim import Rule
from cloud_ingest.core.consumption import Measured, measure
from cloud_ingest.core.month import month_of
from cloud_ingest.core.quality import quality_of
from cloud_ingest.core.rating import UNRATED
from cloud_ingest.core.register import Epoch, Register
from cloud_ingest.errors import NotConserved
from cloud_ingest.month.boundaries import MeterRows
from cloud_ingest.month.conservation import require_conserved, unassigned_of
from cloud_ingest.store.assignments import Assignment
from shared_schema.catalogue import Service
from shared_schema.message import MeterId
from shared_schema.quality import Origin, Quality, Reason

MONTH = month_of(2026, 2, ZoneInfo("Asia/Kolkata"))
CHANNEL, MOST = 7, Decimal(72)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BEGIN = MONTH.start - 3 * DAY
"""Since then the course of a register is known, minute by minute."""
METER = MeterId(manufacturer="LNT", serial="1")

Span = tuple[datetime, datetime | None]


def assignment(span: Span, subject: str = "A-1", tower: str = "T1") -> Assignment:
    return Assignment(
        assignment_id=1,
        tower=tower,
        subject_type="unit",
        subject=subject,
        label=subject,
        service=Service.ELECTRICITY,
        source="grid",
        legacy=False,
        valid_from=span[0],
        valid_to=span[1],
        meter_id=1,
        meter=METER,
        last_reading_at=None,
        author="me",
        reason="list",
        recorded_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


@dataclass(frozen=True)
class Told:
    """One meter's month: how its register really went, what is known of it, whom it served."""

    knots: list[tuple[datetime, int]]
    """When the load changed, and what the register had counted until then, in mWh."""
    rows: MeterRows

    def true(self, at: datetime) -> Decimal:
        """What the register had really counted, in kWh; between two knots the load is even."""
        place = bisect_right(self.knots, (at, 10**18)) - 1
        (start, before), (end, after) = self.knots[place : place + 2]
        share = Decimal((at - start) // timedelta(seconds=1)) / Decimal((end - start).seconds or 1)
        return (before + (after - before) * share) / 1_000_000

    def counted(self, begin: Border, end: Border) -> Decimal:
        """What the register had really counted between two borders, each at its poll's time."""
        return self.true(polled_at(end)) - self.true(polled_at(begin))


def polled_at(border: Border) -> datetime:
    """Return when a border was read: a poll of a month's 00:00 may miss it by its jitter."""
    chosen = border.chosen
    if chosen is None or chosen.origin is Origin.ESTIMATE:
        return border.at
    is_poll = border.at in {MONTH.start, MONTH.end} and abs(chosen.ts - border.at) <= JITTER
    return chosen.ts if is_poll else border.at


@st.composite
def told(draw: st.DrawFn) -> Told:
    """A register with lies, holes, a rollover and dials; a meter with gaps and odd handovers."""
    counted, knots = 0, []
    at = BEGIN
    while at <= MONTH.end + 3 * DAY:
        knots.append((at, counted))
        counted += 900_000 * draw(st.integers(0, 9)) if len(knots) < 500 else 1_000
        at += timedelta(seconds=900) if _is_near(at) else timedelta(hours=6)
    spans = draw(st.lists(st.integers(0, 28 * 24 * 60), min_size=1, max_size=5, unique=True))
    moments = [MONTH.start + minutes * MINUTE for minutes in sorted(spans)]
    bounds: list[datetime | None] = [MONTH.start - 60 * DAY, *moments, None]
    served = [
        assignment((start, end), subject=f"A-{n}")
        for n, (start, end) in enumerate(pairwise(bounds))
        if start is not None and draw(st.integers(0, 3)) > 0
    ]
    if not served:
        served = [assignment((MONTH.start - 60 * DAY, None))]
    turn = draw(st.one_of(st.none(), st.sampled_from(moments)))
    return Told(knots, MeterRows(
        meter=METER, service=Service.ELECTRICITY, channels=(), cuts=cuts_of(
            MONTH.start, MONTH.end, [(each.valid_from, each.valid_to) for each in served]
        ), known=_known(draw, knots, moments, turn), opening=None, served=served, days=(),
        step=Decimal("0.001"), rating=UNRATED, has_absurd_scaler=False,
    ))  # fmt: skip


def _is_near(at: datetime) -> bool:
    return min(abs(at - MONTH.start), abs(at - MONTH.end)) <= 3 * HOUR


def _known(
    draw: st.DrawFn,
    knots: list[tuple[datetime, int]],
    moments: list[datetime],
    turn: datetime | None,
) -> Known:
    sound: list[Register] = []
    aside: list[NotElected] = []
    offset = 0
    story = Told(knots, None)  # type: ignore[arg-type]
    times = {at for at, _ in knots[:-1]}
    for moment in moments:
        for minutes in (-17, -2, 0, 13):
            if draw(st.integers(0, 3)) == 0:
                times.add(moment + minutes * MINUTE)
    for at in sorted(times):
        raw = int(story.true(at) * 1000)
        if turn is not None and at >= turn and offset == 0:
            offset = raw
        fate = draw(st.integers(0, 19))
        if fate == 0:
            aside.append(NotElected(Register(CHANNEL, at, 5, Origin.METER, -3), Rule.FALL))
        elif fate > 2:
            origin = Origin.SELF_READ if at in moments and fate < 8 else Origin.METER
            sound.append(Register(CHANNEL, at, raw - offset, origin, -3))
    first = next((each.ts for each in sound if turn is not None and each.ts >= turn), None)
    epochs = {} if first is None else {CHANNEL: [Epoch(first, offset)]}
    return Known(sound, epochs, aside, rules=Rules(most_per_hour=MOST))


def measured(rows: MeterRows) -> tuple[dict[datetime, Border], list[Measured]]:
    borders = choose_borders(rows.known, rows.cuts)
    own = []
    for each in rows.served:
        start = max(each.valid_from, MONTH.start)
        end = MONTH.end if each.valid_to is None else min(each.valid_to, MONTH.end)
        if start < end:
            own.append(measure(borders[start], borders[end], rows.known.epochs, MONTH))
    return borders, own


@given(told())
def test_nothing_is_charged_twice_or_to_nobody(story: Told) -> None:
    borders, own = measured(story.rows)
    unassigned = list(unassigned_of(story.rows, borders))
    require_conserved("2026-02", story.rows, borders, [m.quantity for m in own], unassigned)
    chosen = [border.chosen for border in borders.values()]
    if all(each is not None for each in chosen) and all(m.quantity is not None for m in own):
        first, last = chosen[0], chosen[-1]
        assert first is not None
        assert last is not None
        offset = sum(
            each.offset_raw for each in story.rows.known.epochs.get(CHANNEL, ())
            if first.ts < each.starts_at <= last.ts
        )  # fmt: skip
        moved = Decimal(last.raw - first.raw + offset).scaleb(-3)
        given = sum((m.quantity for m in own if m.quantity is not None), Decimal(0))
        assert given + sum((each.quantity for each in unassigned), Decimal(0)) == moved


@given(told())
def test_the_truth_lies_in_the_bounds(story: Told) -> None:
    _, own = measured(story.rows)
    for each in own:
        if each.quantity is None or each.begin is None or each.end is None:
            continue
        if Reason.SELF_READ in each.reasons:  # it counts from one reading to another
            continue
        truth = story.counted(each.begin, each.end)
        assert each.lower is not None
        assert each.upper is not None
        step = Decimal("0.001")
        assert each.lower - step <= truth <= each.upper + step
        assert each.lower <= each.quantity <= each.upper


@given(told())
def test_what_is_not_exact_is_marked(story: Told) -> None:
    marks = {Reason.BORDER_PLACED, Reason.NEAR_BORDER, Reason.INCOMPLETE, Reason.SELF_READ}
    for each in measured(story.rows)[1]:
        if each.quantity is None or each.reasons & marks:
            continue
        assert each.begin is not None
        assert each.end is not None
        truth = story.counted(each.begin, each.end)
        assert abs(each.quantity - truth) < Decimal("0.002"), "each end hides less than a step"
        assert quality_of(each) is Quality.VALIDATED


def test_a_poll_of_a_month_counts_from_its_own_time() -> None:
    """Handed over at 00:01; a poll at 23:59, and 3 Wh until the next one."""
    rows = rows_of(
        [row(-1, 897), row(1, 900), row(END, 900)], [assignment((BEGIN, MONTH.start + MINUTE))]
    )
    _, (own,) = measured(rows)
    assert own.begin is not None
    assert polled_at(own.begin) == MONTH.start - MINUTE
    assert own.lower == own.quantity == Decimal("0.003")


def row(minutes: int, raw: int) -> Register:
    return Register(CHANNEL, MONTH.start + minutes * MINUTE, raw, Origin.METER, -3)


def rows_of(sound: Sequence[Register], served: Sequence[Assignment]) -> MeterRows:
    spans = [(each.valid_from, each.valid_to) for each in served]
    return MeterRows(
        METER, Service.ELECTRICITY, (), cuts_of(MONTH.start, MONTH.end, spans), Known(sound),
        None, served, (), Decimal("0.001"), UNRATED, has_absurd_scaler=False,
    )  # fmt: skip


END = 28 * 24 * 60


def test_a_stretch_for_nobody_is_told_with_its_tower() -> None:
    """A until 14:37 of the 1st, 5 of the 10 Wh from 14:30 to 14:45; B from 02:00 of the 2nd."""
    handed, taken = MONTH.start + 877 * MINUTE, MONTH.start + 26 * HOUR
    served = [assignment((BEGIN, handed), "A-1"), assignment((taken, None), "B-1", "T2")]
    sound = [row(0, 0), row(870, 580), row(885, 590), row(1560, 1040), row(END, 26_880)]
    rows = rows_of(sound, served)
    borders, own = measured(rows)
    assert [m.quantity for m in own] == [Decimal("0.585"), Decimal("25.840")]
    (nobody,) = unassigned_of(rows, borders)
    assert (nobody.quantity, nobody.tower) == (Decimal("0.455"), "T1")
    assert (nobody.opening.at, nobody.closing.at) == (handed, taken)
    assert nobody.opening.origin is Origin.ESTIMATE


def test_overlapping_assignments_close_nothing() -> None:
    noon = MONTH.start + 12 * HOUR
    served = [assignment((BEGIN, noon + HOUR), "A-1"), assignment((noon, None), "B-1")]
    rows = rows_of([row(0, 0), row(720, 480), row(780, 520), row(END, 26_880)], served)
    borders, own = measured(rows)
    with pytest.raises(NotConserved, match=r"LNT 1 moved 26\.880 kWh, .* 26\.920 kWh: look for"):
        require_conserved("2026-02", rows, borders, [m.quantity for m in own], [])
