# SPDX-License-Identifier: GPL-2.0-only
"""A changed capture list: its event moves with the list, once, and is no flood."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.decode.layout import Captured
from edge_agent.decode.rows import MeterRows
from edge_agent.errors import SpoolFull
from edge_agent.poll.poll import PollResult
from edge_agent.settings.bus import MeterConfig
from edge_agent.spool.gateway_events import DAY_S, MOST_A_DAY, Observer
from edge_agent.spool.spool import Spool
from edge_agent.worker.book import Booking
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    BLOCK_LOAD_PROFILE,
    DAILY_LOAD_PROFILE,
    WATER_VOLUME,
    GatewayEvent,
)
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.readings import CaptureChange, Column, Observation
from shared_schema.signing import generate_key
from tests.support.observed import observations

KEY = generate_key()
START = 1_773_124_200
E1 = MeterId(manufacturer="GSE", serial="E1")
METER = MeterConfig(label="A-1", address=17, model="is16444")
FIRST = Captured("0" * 16, (ACTIVE_IMPORT,))
OTHER = Captured("f" * 16, (WATER_VOLUME,))


class Book:
    """A bus's booking over a spool, as after each restart."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool

    def keep(self, at: int, old: bool = False, **captures: Captured) -> bool:
        """Keep a poll that found profiles ``block`` and ``daily`` to capture this."""
        row = (at - 86400 if old else at, None, 5)
        rows = MeterRows(None, 0, (Column(obis=ACTIVE_IMPORT, scaler=0, unit=30),), (row,))
        names = {"block": BLOCK_LOAD_PROFILE, "daily": DAILY_LOAD_PROFILE}
        result = PollResult(
            meter=E1,
            live=(rows,),
            backlog=(rows,) if old else (),
            watermarks={},
            rewound=frozenset(),
            captures={names[name]: captured for name, captured in captures.items()},
            caught_up=True,
            findings=(),
            clock_offset_s=None,
            exchanges=0,
            bytes_sent=0,
            bytes_received=0,
        )
        booking = Booking(self.spool, Observer(self.spool), "riser-1")
        return booking.keep(METER, result, float(at))

    @property
    def seen(self) -> list[Observation]:
        return observations(self.spool, KEY)

    def captured(self, profile: Obis = BLOCK_LOAD_PROFILE) -> Captured:
        return self.spool.captures(E1)[profile]


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    with Spool.open(tmp_path / "spool.db") as spool:
        yield Book(spool)


@pytest.mark.parametrize("old", [False, True])
def test_a_changed_list_is_one_event_with_both_hashes(book: Book, old: bool) -> None:
    book.keep(START, block=FIRST, daily=FIRST)
    assert book.seen == []
    book.keep(START + 900, old, block=OTHER, daily=FIRST)
    book.keep(START + 1800, block=OTHER)
    assert book.seen == [
        Observation(
            ts=START + 900,
            code=GatewayEvent.CAPTURES_CHANGED,
            captures=(
                CaptureChange(
                    profile=BLOCK_LOAD_PROFILE,
                    before="0" * 16,
                    after="f" * 16,
                    lost=(ACTIVE_IMPORT,),
                    gained=(WATER_VOLUME,),
                ),
            ),
        )
    ]
    assert book.spool.pending().backlog == int(old), "the event does not wait with the history"


def test_other_columns_of_the_same_list_are_no_event(book: Book) -> None:
    book.keep(START, block=FIRST)
    book.keep(START + 900, block=Captured(FIRST.digest, (WATER_VOLUME,)))
    assert book.seen == []


def test_two_profiles_that_changed_are_one_event(book: Book) -> None:
    book.keep(START, block=FIRST, daily=FIRST)
    book.keep(START + 900, daily=OTHER, block=OTHER)
    (event,) = book.seen
    assert [each.profile for each in event.captures] == [BLOCK_LOAD_PROFILE, DAILY_LOAD_PROFILE]


def test_list_and_event_are_kept_together_or_not_at_all(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.keep(START, block=FIRST)
    sift = Observer.sift
    for error in (SpoolFull("full"), KeyboardInterrupt()):
        with monkeypatch.context() as patch:

            def failing(
                self: Observer, meter: MeterId, seen: Any, error: BaseException = error
            ) -> Any:
                def crash(_database: object) -> None:
                    raise error

                return sift(self, meter, seen, crash)

            patch.setattr(Observer, "sift", failing)
            if isinstance(error, SpoolFull):
                assert not book.keep(START + 900, block=OTHER)
            else:
                with pytest.raises(KeyboardInterrupt):
                    book.keep(START + 900, block=OTHER)
        assert (book.captured(), book.seen) == (FIRST, [])
    book.keep(START + 1800, block=OTHER)
    assert [each.ts for each in book.seen] == [START + 1800]


def test_a_list_that_flaps_does_not_fill_the_stream(book: Book) -> None:
    book.keep(START, block=FIRST)
    for hour in range(1, 21):
        book.keep(START + 3600 * hour, block=OTHER if hour % 2 else FIRST)
    assert len(book.seen) == MOST_A_DAY
    assert book.captured() == FIRST, "rows are read by the list as it is"
    book.keep(START + 3600 + DAY_S, block=OTHER)
    assert [each.left_out for each in book.seen] == [0] * MOST_A_DAY + [20 - MOST_A_DAY]
