# SPDX-License-Identifier: MIT
"""What stands of a meter never has any use twice, and none too little unless a change is held.

A register is read every six hours, but for a hole of weeks. Its months are closed. Then rows of the
hole come late, some of them false, and months are closed in between; a person accepts or keeps what
is held. After each closing all that stands with billing is laid end to end along the register.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloud_ingest.month.close import close_month
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.number_words import WordKind
from shared_schema.quality import Reason
from tests.support.lies import DEEPER
from tests.support.received import Received, read_received
from tests.support.store import SOCIETY, Site, Templates, local, unit_line
from tests.support.waiting import decide_on_waiting

MONTHS = ("2026-01", "2026-02", "2026-03", "2026-04")
STEP = timedelta(hours=6)
FIRST, LAST = local("2025-12-30 00:00"), local("2026-05-02 00:00")
BORDERS = tuple(local(f"2026-0{n}-01 00:00") for n in range(1, 6))
GRID = tuple(FIRST + n * STEP for n in range((LAST - FIRST) // STEP + 1))
NOW = local("2026-05-05 09:00")
DISPROVED = frozenset({Reason.REGISTER_DROP, Reason.IMPLAUSIBLE, Reason.HISTORY})
"""For these a month is withheld, whatever is held elsewhere."""


@dataclass(frozen=True, slots=True)
class Late:
    """A row of the hole that comes late."""

    at: datetime
    off_wh: int


@dataclass(frozen=True, slots=True)
class Close:
    """A month is closed again."""

    month: str


@dataclass(frozen=True, slots=True)
class Say:
    """A person decides on the first or the last of what waits."""

    kind: WordKind
    is_last: bool


Step = Late | Close | Say


@dataclass(frozen=True, slots=True)
class Tale:
    """A meter with a hole, and what happens to it."""

    watts: tuple[int, ...]
    """In each month since December."""
    hole: tuple[datetime, datetime]
    steps: tuple[Step, ...]

    def true_wh(self, at: datetime) -> int:
        """Return what the register truly said."""
        total, begin = 12_345_000, FIRST
        for end, watts in zip((*BORDERS, LAST), self.watts, strict=True):
            total += watts * int((min(at, end) - begin).total_seconds()) // 3600
            if at <= end:
                break
            begin = end
        return total


@st.composite
def tales(draw: st.DrawFn) -> Tale:
    """Draw a tale."""
    watts = tuple(draw(st.lists(st.sampled_from((1, 4, 40)), min_size=6, max_size=6)))
    begin = draw(st.sampled_from([n for n, at in enumerate(GRID) if at < BORDERS[2]]))
    days = draw(st.integers(2, 80))
    hole = (GRID[begin], min(GRID[begin] + days * 4 * STEP, BORDERS[4]))
    near = [at for at in GRID if hole[0] <= at < hole[1]]
    borders = [at for at in near if at in BORDERS] or near
    late = st.builds(
        Late,
        st.sampled_from(borders) | st.sampled_from(near),
        st.sampled_from((0, 0, 300, 2_240, 9_000, -300, -2_240)),
    )
    close = st.builds(Close, st.sampled_from(MONTHS))
    say = st.builds(Say, st.sampled_from(("accept", "keep")), st.booleans())
    steps = draw(st.lists(late | close | late | close | say, min_size=2, max_size=8))
    return Tale(watts, hole, tuple(steps))


def played(conn: Connection, folder: Path, tale: Tale) -> Iterator[tuple[Step | str, Received]]:
    """Let everything happen; give the received after each closing and word."""
    site, now = Site(conn, folder), NOW
    site.units(unit_line("A-1", "1", since="2025-12-01"))
    begin, end = tale.hole
    site.deliver("1", [(at, tale.true_wh(at)) for at in GRID if not begin <= at < end])
    for month in MONTHS:
        close_month(conn, SOCIETY, month, now)
    yield "the months are closed", read_received(conn)
    for each in (*tale.steps, *map(Close, MONTHS)):
        now += timedelta(minutes=1)
        match each:
            case Late(at, off_wh):
                site.deliver("1", [(at, tale.true_wh(at) + off_wh)])
                continue
            case Close(month):
                close_month(conn, SOCIETY, month, now)
            case Say(kind, is_last):
                decide_on_waiting(conn, kind, now, is_last=is_last)
        yield each, read_received(conn)


def faults(received: Received) -> Iterator[str]:
    """Say where what stands has some use twice, or lacks some without a change that is held."""
    yield from received.faults()
    yield from received.charged_twice()
    is_held = any(manifest.held for manifest in received.manifests.values())
    is_disproved = any(
        DISPROVED & set(each.reasons)
        for manifest in received.manifests.values()
        for each in manifest.withheld
    )
    for meter, own in received.stretches().items():
        for before, after in pairwise(own):
            is_open = before.closing.at < after.opening.at
            if is_open and not (is_held or is_disproved):
                yield f"in nobody's month: {meter}: {before}, {after}"


HOLE = (local("2026-01-30 12:00"), local("2026-03-10 00:00"))
TOO_HIGH, TRUE = Late(BORDERS[1], 3_024), Late(BORDERS[2], 0)
ALL = tuple(map(Close, MONTHS))
KNOWN = Tale((4,) * 6, HOLE, (TOO_HIGH, ALL[0], TRUE, ALL[0], ALL[2]))
"""January ends too high, as March shows later: a catch-up may not give February back."""
KEPT = Tale((4,) * 6, HOLE, (*KNOWN.steps, Say("keep", is_last=False), *ALL))
ACCEPTED = Tale((4,) * 6, HOLE, (*KNOWN.steps, Say("accept", is_last=True), *ALL))


def hold_tales(server: str, templates: Templates, folder: Path, examples: int) -> None:
    @settings(max_examples=examples)
    @given(tales())
    @example(KNOWN)
    @example(KEPT)
    @example(ACCEPTED)
    def hold(tale: Tale) -> None:
        with templates.copy(server) as dsn, connect(dsn) as conn:
            for step, received in played(conn, folder, tale):
                assert list(faults(received)) == [], step

    hold()


def test_use_is_charged_once(store_server: str, templates: Templates, tmp_path: Path) -> None:
    hold_tales(store_server, templates, tmp_path, 5 * DEEPER)
