# SPDX-License-Identifier: MIT
"""What meets a border, what does not and why; each case is worked out by hand.

Quarter hours of 10 Wh; the register reads 1,000,000 Wh at 00:00 of 1 July.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.border import Border, Cut, Known, NotElected, Rules, Why, cuts_of
from cloud_ingest.core.border_choice import choose_border, choose_borders, register_at
from cloud_ingest.core.claim import Rule
from cloud_ingest.core.month import month_of
from cloud_ingest.core.placing import Interval
from cloud_ingest.core.register import Epoch, Epochs, Register, normalised
from shared_schema.billing import EstimateMethod
from shared_schema.quality import Origin, Reason

JULY = month_of(2026, 7, ZoneInfo("Asia/Kolkata"))
AT = JULY.start
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
QUARTER = 15 * MINUTE
CHANNEL = 7
BEGIN = 1_000_000
RULES = Rules(most_per_hour=Decimal(72))
A_MONTH = Cut(AT, is_month=True)


def reading(ts: datetime, raw: int, origin: Origin = Origin.METER, channel: int = 7) -> Register:
    return Register(channel, ts, raw, origin, -3)


def row(minutes: float) -> Register:
    """The true row so many minutes after the border, of 10 Wh a quarter hour."""
    return reading(AT + minutes * MINUTE, BEGIN + round(minutes * 10 / 15))


def known(*sound: Register, aside: Sequence[NotElected] = (), **more: object) -> Known:
    return Known(list(sound), not_elected=aside, rules=RULES, **more)  # type: ignore[arg-type]


def false_row(ts: datetime = AT, raw: int = 0) -> NotElected:
    return NotElected(reading(ts, raw), Rule.FALL)


def kwh(wh: int | str) -> Decimal:
    return Decimal(wh).scaleb(-3)


def stated(border: Border) -> tuple[int | None, Decimal | None, Decimal | None, set[Reason]]:
    raw = None if border.chosen is None else border.chosen.raw
    return raw, border.low, border.high, set(border.reasons)


def whys(border: Border) -> dict[int, Why]:
    """By the raw value of the claim."""
    return {each.claim.raw: each.why for each in border.passed_over}


EXACT = (BEGIN, kwh(BEGIN), kwh(BEGIN), set[Reason]())


def test_the_reading_of_the_moment_meets_it() -> None:
    border = choose_border(known(row(-15), row(0), row(15)), A_MONTH)
    assert stated(border) == EXACT
    assert whys(border) == {BEGIN - 10: Why.FARTHER, BEGIN + 10: Why.AFTER}


def test_a_false_row_at_the_border_is_placed_by_time() -> None:
    border = choose_border(known(row(-15), row(15), aside=[false_row()]), A_MONTH)
    assert stated(border) == (BEGIN, kwh(BEGIN - 10), kwh(BEGIN + 10), {Reason.BORDER_PLACED})
    assert border.placed_by is EstimateMethod.LINEAR
    assert border.chosen is not None
    assert (border.chosen.ts, border.chosen.origin) == (AT, Origin.ESTIMATE)
    assert whys(border) == {0: Why.UNSOUND, BEGIN - 10: Why.BESIDE, BEGIN + 10: Why.BESIDE}


def test_a_row_that_a_person_set_aside_is_placed_too() -> None:
    aside = NotElected(reading(AT, BEGIN + 5), is_set_aside=True)
    border = choose_border(known(row(-15), row(15), aside=[aside]), A_MONTH)
    assert stated(border)[0] == BEGIN
    assert whys(border)[BEGIN + 5] is Why.SET_ASIDE


def test_a_missing_row_is_met_by_the_one_before() -> None:
    border = choose_border(known(row(-15), row(15)), A_MONTH)
    assert stated(border) == (BEGIN - 10, kwh(BEGIN - 10), kwh(BEGIN + 10), {Reason.NEAR_BORDER})


def test_the_ceiling_bounds_what_nothing_else_does() -> None:
    """72 kW for a quarter of an hour are 18 kWh."""
    border = choose_border(known(row(-15)), A_MONTH)
    assert stated(border)[1:3] == (kwh(BEGIN - 10), kwh(BEGIN - 10 + 18_000))


def test_without_a_ceiling_nothing_bounds_it() -> None:
    border = choose_border(Known([row(-15)]), A_MONTH)
    assert (border.low, border.high) == (kwh(BEGIN - 10), None)


def test_a_false_row_with_nothing_behind_it_is_met_from_before() -> None:
    border = choose_border(known(row(-15), aside=[false_row()]), A_MONTH)
    assert stated(border)[0] == BEGIN - 10
    assert border.reasons == {Reason.NEAR_BORDER}


@pytest.mark.parametrize("seconds", [-60, -1, 1, 60])
def test_the_jitter_of_a_poll_is_no_missing_border(seconds: int) -> None:
    near = reading(AT + timedelta(seconds=seconds), BEGIN)
    border = choose_border(known(reading(AT - QUARTER - MINUTE, BEGIN - 10), near), A_MONTH)
    assert stated(border) == EXACT


@pytest.mark.parametrize(("minutes", "meets"), [(-16, True), (-16.5, False), (1.5, False)])
def test_a_poll_beyond_the_jitter_meets_nothing(minutes: float, meets: bool) -> None:
    border = choose_border(known(row(minutes)), A_MONTH)
    assert (border.chosen is not None) is meets


def test_a_late_poll_is_taken_before_anything_is_placed() -> None:
    late = reading(AT + timedelta(seconds=30), BEGIN)
    border = choose_border(known(row(-15), late, row(15), aside=[false_row()]), A_MONTH)
    assert border.chosen == late


def test_a_dial_meets_a_border_at_its_own_time() -> None:
    dial = reading(AT + 2 * DAY, BEGIN + 1920, Origin.SELF_READ)
    border = choose_border(known(row(-60 * 24 * 2), dial), A_MONTH)
    assert stated(border) == (BEGIN + 1920, None, None, {Reason.SELF_READ})


def test_a_border_that_nobody_read_is_bounded_by_its_neighbours() -> None:
    border = choose_border(known(row(-120), row(90)), A_MONTH)
    assert stated(border) == (None, kwh(BEGIN - 80), kwh(BEGIN + 60), set())
    assert whys(border) == {BEGIN - 80: Why.OUT_OF_REACH, BEGIN + 60: Why.AFTER}
    assert (border.before, border.after) == (row(-120), row(90))


HANDOVER = Cut(AT + 7 * MINUTE, is_month=False, begins=True, ends=True)


def test_a_handover_is_placed_between_two_rows() -> None:
    """7 of 15 minutes of 10 Wh are 4.67 Wh: 5 whole steps of the register."""
    border = choose_border(known(row(0), row(15)), HANDOVER)
    assert stated(border) == (BEGIN + 5, kwh(BEGIN), kwh(BEGIN + 10), {Reason.BORDER_PLACED})


def test_a_dial_of_the_handover_itself_is_exact() -> None:
    dial = reading(HANDOVER.at, BEGIN + 3, Origin.SELF_READ)
    border = choose_border(known(row(0), dial, row(15)), HANDOVER)
    assert stated(border) == (BEGIN + 3, kwh(BEGIN + 3), kwh(BEGIN + 3), set())


def test_intervals_place_a_handover() -> None:
    """8 Wh in the first five minutes, then 1 Wh in each: 8 and 2 of the 5 minutes' 0.4."""
    ends = [AT + n * 5 * MINUTE for n in range(4)]
    used = [kwh(8), kwh(1), kwh(1)]
    intervals = [Interval(*each) for each in zip(ends, ends[1:], used, strict=False)]
    border = choose_border(known(row(0), row(15), intervals=intervals), HANDOVER)
    assert stated(border)[0] == BEGIN + 8  # 8.4, to whole steps
    assert border.placed_by is EstimateMethod.INTERVALS
    holed = known(row(0), row(15), intervals=intervals[1:])
    assert choose_border(holed, HANDOVER).placed_by is EstimateMethod.LINEAR


def test_nothing_is_placed_across_a_break() -> None:
    fallen = reading(AT + QUARTER, 5)
    jumped = reading(AT + QUARTER, BEGIN + 10**9)
    for after in (fallen, jumped):
        border = choose_border(known(row(0), after), HANDOVER)
        assert (border.chosen, border.high) == (row(0), kwh(BEGIN + 8_400))


def test_an_epoch_joins_what_a_border_is_placed_between() -> None:
    epochs: Epochs = {CHANNEL: [Epoch(AT + QUARTER, BEGIN)]}
    border = choose_border(known(row(0), reading(AT + QUARTER, 10), epochs=epochs), HANDOVER)
    assert stated(border)[0] == BEGIN + 5
    early: Epochs = {CHANNEL: [Epoch(AT + MINUTE, BEGIN)]}
    border = choose_border(known(row(0), reading(AT + QUARTER, 10), epochs=early), HANDOVER)
    assert stated(border)[0] == 5
    assert border.chosen is not None
    assert normalised(border.chosen, early) == kwh(BEGIN + 5)


PUT_IN = Cut(AT, is_month=True, begins=True)
TAKEN_OUT = Cut(AT + HOUR, is_month=False, ends=True)


def test_a_new_meter_opens_with_its_first_reading() -> None:
    """Eighteen hours later it says 500 Wh: it cannot have begun below 0."""
    first = reading(AT + 18 * HOUR, 500)
    border = choose_border(known(first), PUT_IN)
    assert stated(border) == (500, Decimal(0), kwh(500), {Reason.INCOMPLETE})


def test_a_first_reading_within_a_period_is_near_the_border() -> None:
    """72 kW for a quarter of an hour: 18 kWh may have passed before it."""
    border = choose_border(known(row(15), aside=[false_row()]), PUT_IN)
    low, high = kwh(BEGIN + 10 - 18_000), kwh(BEGIN + 10)
    assert stated(border) == (BEGIN + 10, low, high, {Reason.NEAR_BORDER})


def test_a_first_reading_after_days_opens_a_new_meter() -> None:
    """Two days later: 48 hours of 72 kW at most were counted before it."""
    first = row(60 * 48)
    border = choose_border(known(first), PUT_IN)
    low = kwh(first.raw) - 48 * 72
    assert stated(border) == (first.raw, max(low, Decimal(0)), kwh(first.raw), {Reason.INCOMPLETE})


def test_a_late_first_reading_opens_no_handover() -> None:
    handed_over = Cut(AT + HOUR, is_month=False, begins=True, ends=True)
    border = choose_border(known(row(60 * 48)), handed_over)
    assert border.chosen is None
    assert border.reasons == {Reason.INCOMPLETE}


def test_a_meter_closes_with_its_last_reading() -> None:
    """Read last at 22:30, taken out at 01:00: 72 kW for two and a half hours are 180 kWh."""
    border = choose_border(known(row(-90)), TAKEN_OUT)
    last = BEGIN - 60
    assert stated(border) == (last, kwh(last), kwh(last + 180_000), {Reason.INCOMPLETE})


def test_a_published_closing_opens_the_next_month() -> None:
    closed_at = register_at(known(row(-15), row(0)), AT - QUARTER, kwh(BEGIN - 10), Origin.METER)
    assert closed_at == row(-15)
    border = choose_border(known(row(-15), row(0), row(15)), A_MONTH, closed_at)
    assert stated(border) == (BEGIN - 10, kwh(BEGIN - 10), kwh(BEGIN), {Reason.NEAR_BORDER})
    assert whys(border)[BEGIN] is Why.CLOSED_ELSEWHERE


def test_a_placed_closing_opens_the_next_month() -> None:
    around = known(row(-15), row(15), aside=[false_row()])
    placed = register_at(around, AT, kwh(BEGIN + 3), Origin.ESTIMATE)
    assert placed == Register(CHANNEL, AT, BEGIN + 3, Origin.ESTIMATE, -3)
    border = choose_border(around, A_MONTH, placed)
    assert stated(border) == (
        BEGIN + 3, kwh(BEGIN - 10), kwh(BEGIN + 10), {Reason.BORDER_PLACED},
    )  # fmt: skip


def test_a_rival_of_the_moment_is_told() -> None:
    rivals = [
        NotElected(reading(AT, BEGIN + 1)),
        NotElected(reading(AT, BEGIN + 2, Origin.SELF_READ)),
        NotElected(reading(AT + QUARTER, BEGIN + 3)),
    ]
    border = choose_border(known(row(0), aside=rivals), A_MONTH)
    assert whys(border) == {
        BEGIN + 1: Why.RIVAL,
        BEGIN + 2: Why.WORSE_ORIGIN,
        BEGIN + 3: Why.NOT_ELECTED,
    }


def test_no_cut_is_met_before_the_one_ahead_of_it() -> None:
    """The month opens at the dial of the 2nd; a handover before it opens there, too."""
    dial = reading(AT + 36 * HOUR, BEGIN + 1440, Origin.SELF_READ)
    rows = [row(24 * 60 - 15), row(24 * 60 + 15)]
    cuts = [A_MONTH, Cut(AT + DAY, is_month=False, begins=True, ends=True)]
    borders = choose_borders(known(dial, *rows), cuts)
    assert [borders[cut.at].chosen for cut in cuts] == [dial, dial]


def test_the_cuts_of_a_month() -> None:
    ninth, tenth = AT + 9 * DAY, AT + 10 * DAY
    former, later = AT - DAY, JULY.end + DAY
    spans = [(former, ninth), (ninth, JULY.end), (tenth, None), (later, None)]
    assert cuts_of(JULY.start, JULY.end, spans) == [
        Cut(AT, is_month=True, others=(former, ninth, tenth, JULY.end, later)),
        Cut(ninth, is_month=False, begins=True, ends=True),
        Cut(tenth, is_month=False, begins=True),
        Cut(JULY.end, is_month=True, ends=True, others=(former, ninth, tenth, later)),
    ]


@st.composite
def claims(draw: st.DrawFn) -> tuple[list[Register], list[NotElected]]:
    """Claims around a border, some of them of one moment."""
    sound: list[Register] = []
    aside: list[NotElected] = []
    for _ in range(draw(st.integers(0, 7))):
        minutes = draw(st.sampled_from([-3000, -900, -61, -16, -15, -1, 0, 1, 7, 15, 40, 2000]))
        origin = draw(st.sampled_from([Origin.METER, Origin.SELF_READ, Origin.EDIT]))
        raw = BEGIN + minutes + draw(st.integers(-3, 3))
        claim = reading(AT + minutes * MINUTE, raw, origin, draw(st.sampled_from([7, 8])))
        kind = draw(st.integers(0, 3))
        if kind < 2:
            if all((each.channel_id, each.ts) != (claim.channel_id, claim.ts) for each in sound):
                sound.append(claim)
        else:
            aside.append(NotElected(claim, Rule.FALL if kind == 2 else None, draw(st.booleans())))
    return sound, aside


CUTS = st.builds(Cut, st.just(AT), is_month=st.booleans(), begins=st.booleans(), ends=st.booleans())


@given(claims(), CUTS, st.randoms())
def test_no_order_of_the_claims_matters(
    said: tuple[list[Register], list[NotElected]], cut: Cut, dice: object
) -> None:
    sound, aside = said
    once = choose_border(known(*sound, aside=aside), cut)
    shuffle: Callable[[list[object]], None] = dice.shuffle  # type: ignore[attr-defined]
    mixed, mixed_aside = [*sound, *sound[:2]], list(aside)
    shuffle(mixed)  # type: ignore[arg-type]
    shuffle(mixed_aside)  # type: ignore[arg-type]
    assert choose_border(known(*mixed, aside=mixed_aside), cut) == once


@given(claims(), CUTS)
def test_each_claim_is_taken_or_has_a_reason(
    said: tuple[list[Register], list[NotElected]], cut: Cut
) -> None:
    sound, aside = said
    border = choose_border(known(*sound, aside=aside), cut)
    near = [each for each in sound if abs(each.ts - AT) <= 3 * DAY and each != border.chosen]
    near += [each.claim for each in set(aside) if abs(each.claim.ts - AT) <= 3 * DAY]
    assert sorted(map(repr, near)) == sorted(repr(each.claim) for each in border.passed_over)


def test_a_border_that_its_meter_doubts_is_marked() -> None:
    border = choose_border(known(row(-15), row(0), doubted=frozenset({row(0)})), A_MONTH)
    assert stated(border) == (BEGIN, None, None, {Reason.METER_STATUS})


def test_a_border_placed_beside_a_doubted_reading_is_marked() -> None:
    said = known(row(-15), row(15), aside=[false_row()], doubted=frozenset({row(15)}))
    border = choose_border(said, A_MONTH)
    assert border.is_placed
    assert border.reasons == {Reason.BORDER_PLACED, Reason.METER_STATUS}


def test_a_border_that_a_person_restored_is_marked() -> None:
    border = choose_border(known(row(-15), row(0), overruled=frozenset({row(0)})), A_MONTH)
    assert stated(border) == (BEGIN, kwh(BEGIN), kwh(BEGIN), {Reason.RESTORED})


def test_doubts_beside_a_sound_border_do_not_mark_it() -> None:
    said = known(row(-15), row(0), row(15), doubted=frozenset({row(-15), row(15)}))
    assert stated(choose_border(said, A_MONTH)) == EXACT


def coarse(minutes: int, raw: int) -> Register:
    """A row of a newer channel that counts in whole kWh."""
    return Register(CHANNEL + 1, AT + minutes * MINUTE, raw, Origin.METER, 0)


def test_the_finest_steps_of_a_moment_meet_a_border() -> None:
    border = choose_border(known(row(-15), row(0), coarse(0, 1000), row(15)), A_MONTH)
    assert stated(border) == (BEGIN, kwh(BEGIN), kwh(BEGIN), set())


def test_a_coarse_row_is_bounded_by_its_step() -> None:
    late = [row(minutes) for minutes in (-15, 15)]
    border = choose_border(known(coarse(0, 1000), *late), A_MONTH)
    assert stated(border) == (1000, kwh(BEGIN), kwh(BEGIN + 999), set())


def test_a_coarse_row_below_a_finer_one_meets_nothing() -> None:
    before, after = reading(AT - QUARTER, BEGIN + 750), reading(AT + QUARTER, BEGIN + 770)
    border = choose_border(known(before, coarse(0, 1000), after), A_MONTH)
    assert border.chosen == before
    assert (border.low, border.high) == (kwh(BEGIN + 750), kwh(BEGIN + 770))


def test_coarse_rows_alone_are_exact() -> None:
    border = choose_border(known(coarse(-15, 999), coarse(0, 1000), coarse(15, 1000)), A_MONTH)
    assert stated(border) == (1000, Decimal(1000), Decimal(1000), set())
