# SPDX-License-Identifier: GPL-2.0-only
"""The tap test: the meter that moves more than by itself is the flat's, or the two are crossed."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import AgentError, BusTimeout, ProtocolViolation
from edge_agent.install.lockout import Lockout
from edge_agent.install.tap_test import (
    Look,
    Moved,
    Outcome,
    least_run,
    moved,
    said,
    verdict,
)
from edge_agent.install.tap_visit import TapTest, Visit, tap_test
from edge_agent.settings.bus import BusConfig, MeterConfig
from edge_agent.virtual.cosem import AccessResult
from shared_schema.catalogue import SERIAL_NUMBER, WATER_VOLUME, Service
from tests.unit.edge_agent.wire import Wire, meter, password_file

LITRE = Decimal("0.001")


def a_meter(label: str, litres: int, idle: int = 0, step: Decimal = LITRE) -> Moved:
    return Moved(label, litres * LITRE, idle * LITRE, step, "m³")


@pytest.mark.parametrize(
    ("meters", "all_read", "outcome", "mover"),
    [
        ([a_meter("A", 20), a_meter("B", 0)], True, Outcome.RIGHT, "A"),
        ([a_meter("A", 20), a_meter("B", 0)], False, Outcome.RIGHT, "A"),
        ([a_meter("A", 20), a_meter("B", 9)], True, Outcome.RIGHT, "A"),
        ([a_meter("A", 20), a_meter("B", 11)], True, Outcome.UNCLEAR, None),
        ([a_meter("A", 0), a_meter("B", 20)], True, Outcome.CROSSED, "B"),
        ([a_meter("A", 1), a_meter("B", 20)], True, Outcome.CROSSED, "B"),
        ([a_meter("A", 6), a_meter("B", 20)], True, Outcome.UNCLEAR, "B"),
        ([a_meter("A", 1), a_meter("B", 1)], True, Outcome.STILL, None),
        ([a_meter("A", 1), a_meter("B", 1)], False, Outcome.UNCLEAR, None),
        # what runs all the time at a neighbour's moves its meter by itself
        ([a_meter("A", 20), a_meter("B", 31, idle=30)], True, Outcome.RIGHT, "A"),
        ([a_meter("A", 30, idle=30), a_meter("B", 20)], True, Outcome.CROSSED, "B"),
        # on a register of 10 L one step is no movement
        ([a_meter("A", 10, step=10 * LITRE), a_meter("B", 0)], True, Outcome.STILL, None),
        ([a_meter("A", 20, step=10 * LITRE), a_meter("B", 0)], True, Outcome.RIGHT, "A"),
    ],
)
def test_a_verdict(
    meters: list[Moved], all_read: bool, outcome: Outcome, mover: str | None
) -> None:
    found = verdict("A", meters, all_read=all_read)
    assert (found.outcome, found.mover) == (outcome, mover)
    sentence, next_step = said("A", found, meters)
    assert sentence
    assert bool(next_step) == (outcome is not Outcome.RIGHT)


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=9))
def test_a_meter_is_blamed_only_if_its_own_moved(many: list[tuple[int, int]]) -> None:
    meters = [a_meter(str(number), *each) for number, each in enumerate(many)]
    found = verdict("0", meters, all_read=True)
    if found.outcome in {Outcome.RIGHT, Outcome.CROSSED}:
        mover = next(each for each in meters if each.label == found.mover)
        assert mover.has_moved
        assert (mover.label == "0") == (found.outcome is Outcome.RIGHT)
        assert all(2 * each.more <= mover.more for each in meters if each is not mover)


def test_what_a_meter_moves_by_itself_follows_the_time() -> None:
    looks = [
        Look(Decimal(value), Decimal(1), "L", at) for value, at in ((0, 0), (6, 60), (32, 180))
    ]
    found = moved("A", *looks)
    assert [int(each) for each in (found.moved, found.idle, found.more)] == [26, 12, 14]


def test_a_register_that_goes_back_is_no_movement() -> None:
    looks = [Look(Decimal(value), Decimal(1), "L", at) for value, at in ((9, 0), (9, 60), (8, 180))]
    with pytest.raises(ProtocolViolation, match="went back"):
        moved("A", *looks)


@pytest.mark.parametrize(
    ("step", "unit", "least"),
    [("0.001", "m³", "5 L"), ("0.01", "m³", "50 L"), ("10", "L", "50 L"), ("10", "Wh", "50 Wh")],
)
def test_a_person_is_asked_for_five_steps(step: str, unit: str, least: str) -> None:
    assert least_run(Look(Decimal(7), Decimal(step), unit, 0)) == least


# --- on a line

WATER = {"model": "water", "load": {"kind": "water"}}
METERS = (
    meter(1, 17, **WATER),
    meter(2, 18, **WATER),
    meter(3, 19),
    meter(4, 20, **WATER),
)


def labelled(number: int, model: str, folder: Path) -> MeterConfig:
    return MeterConfig(
        label=f"A-{number}", address=16 + number, model=model, password_file=password_file(folder)
    )


class Riser:
    """A line of three water meters and one of electricity; a test lets litres run through them."""

    def __init__(self, folder: Path) -> None:
        self.wire = Wire(meters=METERS)
        models = ("water", "generic", "is16444", "water")
        meters = tuple(labelled(at, model, folder) for at, model in enumerate(models, 1))
        self.bus = BusConfig(name="a", port=Path("/dev/null"), meters=meters)
        self.told: list[str] = []
        self.now_s = 0.0
        self._refused = Lockout(folder / "refused.jsonl", Path("a"))

    def run(self, serial: str, litres: int) -> None:
        counter = self.wire.estate.meter(serial)._counter
        counter._base += litres

    def test(
        self,
        named: int,
        tap: Mapping[str, int],
        rest: Callable[[], None] = lambda: None,
    ) -> TapTest:
        @contextmanager
        def opened(_bus: BusConfig) -> Iterator[Wire]:
            yield self.wire

        def now_s() -> float:
            self.now_s += 1
            return self.now_s

        def open_tap(service: Service, _look: Look) -> None:
            assert service is Service.WATER
            for serial, litres in tap.items():
                self.run(serial, litres)

        visit = Visit(opened, lambda _bus: self._refused, now_s, rest, open_tap, self.told.append)
        places = [(self.bus, each) for each in self.bus.meters]
        return tap_test(places, places[named - 1], visit)


@pytest.fixture
def riser(tmp_path: Path) -> Riser:
    return Riser(tmp_path)


@pytest.mark.parametrize("named", [1, 2])
def test_the_named_meter_moves(riser: Riser, named: int) -> None:
    found = riser.test(named, {f"E{named}": 20})
    assert found.verdict.outcome is Outcome.RIGHT
    assert [each.label for each in found.meters] == ["A-1", "A-2", "A-4"]
    assert not found.silent


def test_crossed_meters_are_told(riser: Riser) -> None:
    found = riser.test(1, {"E4": 20})
    assert (found.verdict.outcome, found.verdict.mover) == (Outcome.CROSSED, "A-4")
    assert [each.moved for each in found.meters] == [0, 0, Decimal("0.020")]


def test_water_that_runs_anyway_moves_nothing(riser: Riser) -> None:
    found = riser.test(1, {"E4": 20}, rest=lambda: riser.run("E4", 20))
    assert found.verdict.outcome is Outcome.STILL


def test_a_meter_that_is_silent_is_named(riser: Riser) -> None:
    riser.wire.estate.meter("E4").faults[WATER_VOLUME] = AccessResult.TEMPORARY_FAILURE
    found = riser.test(1, {})
    assert list(found.silent) == ["A-4"]
    assert found.verdict.outcome is Outcome.UNCLEAR
    assert any(said.startswith("A-4: ") for said in riser.told)


def test_without_the_named_meter_there_is_no_test(riser: Riser) -> None:
    riser.wire.estate.meter("E1").faults[SERIAL_NUMBER] = AccessResult.TEMPORARY_FAILURE
    with pytest.raises(AgentError, match="A-1"):
        riser.test(1, {"E1": 20})


def test_a_meter_that_falls_silent_meanwhile_is_named(riser: Riser) -> None:
    def fall_silent() -> None:
        riser.wire.estate.meter("E2").faults[SERIAL_NUMBER] = AccessResult.HARDWARE_FAULT

    found = riser.test(1, {"E1": 20}, rest=fall_silent)
    assert list(found.silent) == ["A-2"]
    assert not isinstance(found.silent["A-2"], BusTimeout)
    assert found.verdict.outcome is Outcome.RIGHT
