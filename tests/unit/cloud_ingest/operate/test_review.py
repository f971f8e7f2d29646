# SPDX-License-Identifier: MIT
"""What an operator sees of a replay of many entries."""

import json
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


def run(*numbers: int, said: list[str], as_json: bool = False) -> None:
    review.replay_quarantine(
        None,  # type: ignore[arg-type]
        numbers,
        everything=False,
        as_json=as_json,
        say=said.append,
    )


@pytest.mark.parametrize(
    "fault", [NotStorable("a value"), StoreError("a fault"), UserError("closed"), NotFound("none")]
)
def test_an_entry_that_cannot_be_tried_stays_open_and_the_rest_goes_on(
    store: FakeQuarantine, fault: Exception
) -> None:
    store.faults[2] = fault
    said: list[str] = []
    with pytest.raises(UserError, match="1 of 3 entries could not be tried"):
        run(1, 2, 3, said=said)
    assert said == [
        "1: replayed, 3 new readings",
        f"2: still open: {fault}",
        "3: replayed, 3 new readings",
    ]


def test_json_names_every_entry_too(store: FakeQuarantine) -> None:
    store.faults[1] = NotStorable("a value")
    said: list[str] = []
    with pytest.raises(UserError):
        run(1, 2, said=said, as_json=True)
    (text,) = said
    assert [(each["quarantine_id"], each["state"]) for each in json.loads(text)] == [
        (1, "open"),
        (2, "replayed"),
    ]


@pytest.mark.parametrize("fault", [StoreUnavailable("it is away"), ConfigurationError("no right")])
def test_a_store_that_goes_away_ends_it_after_what_was_done_is_said(
    store: FakeQuarantine, fault: Exception
) -> None:
    store.faults[2] = fault
    said: list[str] = []
    with pytest.raises(type(fault)):
        run(1, 2, 3, said=said)
    assert said == ["1: replayed, 3 new readings"]
