# SPDX-License-Identifier: MIT
"""What becomes of a change: what asks for it, what it follows from, what goes with it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from cloud_ingest.core.door import Way
from cloud_ingest.core.month import month_of
from cloud_ingest.month.boundaries import MeterKey
from cloud_ingest.month.changes import changes_of
from cloud_ingest.month.closing import Closing, SubjectKey
from cloud_ingest.month.heard import Heard, Sent, StandingEnd, number_key
from cloud_ingest.store.months import KeptNumber
from cloud_ingest.store.number_words import Act, NumberWord, WordKind
from shared_schema.billing import BoundaryReading, MonthlyConsumption, Withheld
from shared_schema.catalogue import Service
from shared_schema.quality import Origin, Reason
from tests.support.july import CLOSED, JULY, KEY, KOLKATA, METER, number

NOW = datetime(2026, 8, 20, tzinfo=UTC)
CLOSING = Closing(
    1, "Lake View", JULY, KOLKATA, NOW, timedelta(days=3), progress=lambda _text: None
)
OTHER = SubjectKey("unit", "A-2", Service.ELECTRICITY)
NOBODY = Heard({}, {}, 0, {})
SENT = 5
"""What was entered up to here was known when the number was sent."""
BEFORE, AFTER, LATER = 5, 6, 7


def act(entry: int, at: datetime = JULY.start) -> Act:
    """Return an entry; its own clock says that it was long before the closing."""
    long_ago = CLOSED - timedelta(days=900)
    return Act(*METER, "self-read", "caretaker", "a dial", long_ago, at, at, entry_order=entry)


def way(
    former: MonthlyConsumption,
    now: MonthlyConsumption | Withheld | None,
    heard: Heard = NOBODY,
) -> Way | None:
    sent = Sent({KEY: KeptNumber(former, b"", "", SENT)}, {})
    made = {} if now is None else {KEY: now}
    return changes_of(CLOSING, sent, made, {KEY: frozenset({METER})}, heard).ways.get(KEY)


def heard(*acts: Act, looked: int = 0) -> Heard:
    return Heard({METER: acts}, {}, looked, {})


def said(kind: WordKind, quantity: int, entry: int = LATER) -> Heard:
    word = NumberWord(
        "2026-07", number_key(KEY), kind, Decimal(quantity), "treasurer", "it is so", CLOSED, entry
    )
    return Heard({METER: [act(AFTER)]}, {word.key: [word]}, 0, {})


def test_the_same_number_is_no_change() -> None:
    assert way(number(30), number(30)) is None


def marked(*reasons: Reason) -> MonthlyConsumption:
    return number(30).model_copy(update={"reasons": reasons})


def test_other_remarks_of_a_remarked_number_are_no_change() -> None:
    former, now = marked(Reason.SELF_READ), marked(Reason.SELF_READ, Reason.STUCK)
    assert way(former, now) is None
    assert way(now, former) is None


def test_the_first_remark_is_a_change_and_so_is_none() -> None:
    assert way(marked(), marked(Reason.STUCK)) is Way.SEND
    assert way(marked(Reason.STUCK), marked()) is Way.SEND


def test_the_same_remarks_of_another_quantity_are_a_change() -> None:
    other = number(31).model_copy(update={"reasons": (Reason.STUCK,)})
    assert way(marked(Reason.STUCK), other) is not None


def test_a_change_that_nobody_asked_for_is_held() -> None:
    assert way(number(30), number(50)) is Way.HOLD


def test_a_number_without_a_meter_is_taken_back() -> None:
    assert way(number(30), None) is Way.SEND


def test_what_was_entered_since_it_was_sent_asks() -> None:
    assert way(number(30), number(50), heard(act(AFTER))) is Way.SEND
    assert way(number(30), number(50), heard(act(BEFORE))) is Way.HOLD


def test_what_a_closing_has_seen_asks_no_more() -> None:
    seen = heard(act(AFTER), looked=AFTER)
    assert way(number(30), number(50), seen) is Way.HOLD


def test_what_was_entered_of_another_season_does_not_ask() -> None:
    far = heard(act(AFTER, JULY.start - timedelta(days=40)))
    assert way(number(30), number(50), far) is Way.HOLD


def test_a_kept_quantity_stands_whatever_is_entered() -> None:
    assert way(number(30), number(50), said("keep", 50)) is Way.KEEP
    assert way(number(30), number(51), said("keep", 50)) is Way.SEND


def test_a_word_is_of_what_stood_then() -> None:
    old = said("keep", 50, BEFORE)
    assert way(number(30), number(50), old) is Way.SEND


def test_a_disproved_number_is_held_until_it_is_asked_for() -> None:
    withheld = Withheld(
        subject=number(1).subject, service=Service.ELECTRICITY, reasons=(Reason.REGISTER_DROP,)
    )
    assert way(number(30), withheld) is Way.HOLD
    assert way(number(30), withheld, heard(act(AFTER))) is Way.SEND


def test_a_number_follows_where_the_month_before_ends() -> None:
    moved = number(50, opening=980)
    before = MeterKey("unit", "A-1", Service.ELECTRICITY, "grid", *METER)
    follows = Heard({}, {}, 0, {before: moved.parts[0].opening})
    assert way(number(30), moved, follows) is Way.SEND
    assert way(number(30), moved) is Way.HOLD


def test_a_catch_up_shrinks_with_the_months_that_leave_it() -> None:
    """Were it held, the months that have their own numbers now would be charged twice."""
    may = month_of(2026, 5, KOLKATA).start
    june = month_of(2026, 6, KOLKATA).start
    former = number(90, opening=940, since="2026-05", begin=may)
    assert way(former, number(60, opening=970, since="2026-06", begin=june)) is Way.SEND
    assert way(former, number(30)) is Way.SEND


def test_a_catch_up_keeps_months_that_are_withheld() -> None:
    """Whoever asks: what was used in them would be in nobody's month."""
    may = month_of(2026, 5, KOLKATA).start
    former = number(90, opening=940, since="2026-05", begin=may)
    for heard_of in (NOBODY, heard(act(AFTER))):
        still = replace(heard_of, withheld={"2026-06": frozenset({KEY})})
        assert way(former, number(30), still) is Way.HOLD
        other = replace(heard_of, withheld={"2026-06": frozenset({OTHER})})
        assert way(former, number(30), other) is Way.SEND


def ends_at(value: int, *epochs: datetime) -> Heard:
    """A number of June that stands although it would change."""
    closing = BoundaryReading(
        at=JULY.start - timedelta(days=1), register_value=Decimal(value), origin=Origin.METER
    )
    end = StandingEnd(closing, epochs)
    return replace(heard(act(AFTER)), ends={(*METER, KEY.service): [end]})


def test_a_number_waits_for_one_that_closed_above_it() -> None:
    assert way(number(30), number(50), ends_at(1001)) is Way.HOLD
    assert way(number(30), number(50), ends_at(1000)) is Way.SEND
    assert way(number(30), number(50), ends_at(1001, JULY.start)) is Way.SEND
    made = {KEY: number(50)}
    changes = changes_of(CLOSING, Sent({}, {}), made, {KEY: frozenset({METER})}, ends_at(1001))
    assert changes.stops(KEY)


def test_a_first_number_waits_for_a_held_one_of_its_meter() -> None:
    sent = Sent({KEY: KeptNumber(number(30), b"", "", SENT)}, {})
    made = {KEY: number(50), OTHER: number(10, subject="A-2")}
    own = {KEY: frozenset({METER}), OTHER: frozenset({METER})}
    changes = changes_of(CLOSING, sent, made, own, NOBODY)
    assert (changes.ways, changes.stops(OTHER)) == ({KEY: Way.HOLD}, True)
    apart = changes_of(CLOSING, sent, made, {**own, OTHER: frozenset({("LNT", "2")})}, NOBODY)
    assert not apart.stops(OTHER)
