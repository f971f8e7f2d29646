# SPDX-License-Identifier: MIT
"""Whatever the cloud's clock says, neighbours share their border.

Months of a meter are closed while the clock goes forth and back by a year. Meanwhile true and false
rows come late, a person enters dials and decides on what waits, and the list of units says that the
meter was handed over.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_ingest.core.judgement import RulingKind
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.named_reading import NamedReading, Word
from cloud_ingest.errors import ImportRefused, ReadingRefused, SelfReadRefused
from cloud_ingest.month.close import close_month
from cloud_ingest.month.correction import correct_reading
from cloud_ingest.settings import EstimatesRule
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.number_words import WordKind
from shared_schema.catalogue import Service
from tests.support.lies import DEEPER
from tests.support.received import Received, read_received
from tests.support.store import SOCIETY, Site, Templates, local, unit_line
from tests.support.waiting import decide_on_waiting

MONTHS = ("2026-01", "2026-02", "2026-03")
BORDERS = tuple(local(f"2026-0{n}-01 00:00") for n in range(1, 5))
HOURS = range(-3, 4)
RULES: Final[tuple[EstimatesRule, ...]] = ("shown", "sent")
FIRST, NOW = local("2025-12-30 00:00"), local("2026-05-01 09:00")
GRID = tuple(
    sorted(
        {FIRST + n * timedelta(days=1) for n in range(98)}
        | {border + n * timedelta(hours=1) for border in BORDERS for n in HOURS}
    )
)
AHEAD = st.sampled_from((0, 0, 1, 365, -30, -365))
"""By so many days the clock is wrong; no month is closed before its end."""


@dataclass(frozen=True, slots=True)
class Late:
    """A row comes late, true or false."""

    at: datetime
    off_wh: int


@dataclass(frozen=True, slots=True)
class Enter:
    """A person says what the register showed, or that a reading is false, or true."""

    kind: RulingKind
    at: datetime
    off_wh: int


@dataclass(frozen=True, slots=True)
class Close:
    """A month is closed, and the clock is so many days ahead."""

    month: str
    ahead: int


@dataclass(frozen=True, slots=True)
class Hand:
    """The list of units says that the meter is another one's from a day on."""

    on: str
    ahead: int


@dataclass(frozen=True, slots=True)
class Say:
    """A person decides on what waits."""

    kind: WordKind


Step = Late | Enter | Close | Hand | Say


def true_wh(at: datetime) -> int:
    return 12_345_000 + 40 * int((at - FIRST).total_seconds()) // 3600


@st.composite
def steps(draw: st.DrawFn) -> tuple[Step, ...]:
    near = [border + n * timedelta(hours=1) for border in BORDERS[:3] for n in (-1, 0, 1)]
    at = st.sampled_from(BORDERS[:3]) | st.sampled_from(near)
    off = st.sampled_from((0, 0, 30, -30, 5_000, -5_000))
    close = st.builds(Close, st.sampled_from(MONTHS), AHEAD)
    late = st.builds(Late, at, off)
    enter = st.builds(Enter, st.sampled_from(("enter", "set_aside", "restore")), at, off)
    say = st.builds(Say, st.sampled_from(("accept", "keep")))
    days = st.sampled_from(("2026-01-15", "2026-02-01", "2026-02-15"))
    hand = st.builds(Hand, days, AHEAD)
    one = close | late | close | enter | close | say | hand
    return tuple(draw(st.lists(one, min_size=4, max_size=12)))


def holes() -> st.SearchStrategy[set[datetime]]:
    """Draw weeks in which the gateway was away."""
    ends = st.tuples(st.integers(0, len(GRID) - 30), st.integers(5, 60))
    return ends.map(lambda hole: set(GRID[hole[0] : hole[0] + hole[1]]))


def played(
    conn: Connection,
    folder: Path,
    missing: set[datetime],
    told: tuple[Step, ...],
    rule: EstimatesRule,
) -> Iterator[tuple[Step, Received]]:
    site, now = Site(conn, folder), NOW
    site.units(unit_line("A-1", "1", since="2025-12-01"))
    site.deliver("1", [(at, true_wh(at)) for at in GRID if at not in missing])
    for each in told:
        now += timedelta(minutes=1)
        match each:
            case Late(at, off_wh):
                site.deliver("1", [(at, true_wh(at) + off_wh)])
            case Enter():
                enter(conn, each, now)
            case Close(month, ahead):
                end = BORDERS[MONTHS.index(month) + 1] + timedelta(hours=1)
                close_month(
                    conn, SOCIETY, month, max(now + timedelta(days=ahead), end), estimates=rule
                )
            case Hand(on, ahead):
                hand_over(site, on, max(now + timedelta(days=ahead), NOW - timedelta(days=60)))
            case Say(kind):
                decide_on_waiting(conn, kind, now)
        yield each, read_received(conn)


def hand_over(site: Site, on: str, now: datetime) -> None:
    own = unit_line("A-1", "1", since="2025-12-01", until=on)
    try:
        site.units(own, unit_line("B-1", "1", since=on), now=now)
    except ImportRefused:
        return  # it was handed over on another day already


def enter(conn: Connection, each: Enter, now: datetime) -> None:
    value = Decimal(true_wh(each.at) + each.off_wh).scaleb(-3) if each.kind == "enter" else None
    named = NamedReading(NamedMeter("A-1", Service.ELECTRICITY), each.at, value=value)
    try:
        correct_reading(
            conn, SOCIETY, named, Word(each.kind, "caretaker", "the dial"), now, apply=True
        )
    except (ReadingRefused, SelfReadRefused):
        return  # there is no such reading, or the meter is another one's


def test_months_share_their_border_whatever_the_clock_says(
    store_server: str, templates: Templates, tmp_path: Path
) -> None:
    @settings(max_examples=10 * DEEPER)
    @given(st.sets(st.sampled_from(BORDERS[:3])) | holes(), steps(), st.sampled_from(RULES))
    def hold(missing: set[datetime], told: tuple[Step, ...], rule: EstimatesRule) -> None:
        with templates.copy(store_server) as dsn, connect(dsn) as conn:
            for step, received in played(conn, tmp_path, missing, told, rule):
                assert [*received.faults(), *received.charged_twice()] == [], step

    hold()
