# SPDX-License-Identifier: MIT
"""A replay of many entries: one that fails stops no other, a store that is away stops all."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from cloud_ingest.errors import (
    ConfigurationError,
    NotFound,
    NotStorable,
    StoreError,
    StoreUnavailable,
    UserError,
)
from cloud_ingest.operate import review
from cloud_ingest.store import quarantine
from cloud_ingest.store.quarantine import QuarantineState, Replay


class FakeQuarantine:
    """Replays entries; ``faults`` says which fail and how."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.faults: dict[int, Exception] = {}
        monkeypatch.setattr(review, "load_registry", lambda _conn: None)
        monkeypatch.setattr(quarantine, "replay", self.replay)

    def replay(self, _conn: object, _registry: object, number: int, _now: datetime) -> Replay:
        if number in self.faults:
            raise self.faults[number]
        return Replay(number, QuarantineState.REPLAYED, 3, "")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> FakeQuarantine:
    return FakeQuarantine(monkeypatch)


def replay(*numbers: int) -> Iterator[Replay]:
    return review.replay(None, numbers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fault", [NotStorable("a value"), StoreError("a fault"), UserError("closed"), NotFound("none")]
)
def test_an_entry_that_fails_stops_no_other(store: FakeQuarantine, fault: Exception) -> None:
    store.faults[2] = fault
    replays = replay(1, 2, 3)
    assert [next(replays) for _ in range(3)] == [
        Replay(1, QuarantineState.REPLAYED, 3, ""),
        Replay(2, QuarantineState.OPEN, 0, str(fault)),
        Replay(3, QuarantineState.REPLAYED, 3, ""),
    ]
    with pytest.raises(UserError, match="1 of 3 entries could not be tried"):
        next(replays)


@pytest.mark.parametrize("fault", [StoreUnavailable("it is away"), ConfigurationError("no right")])
def test_a_store_that_goes_away_ends_the_replay(store: FakeQuarantine, fault: Exception) -> None:
    store.faults[2] = fault
    replays = replay(1, 2, 3)
    assert next(replays).quarantine_id == 1
    with pytest.raises(type(fault)):
        next(replays)
