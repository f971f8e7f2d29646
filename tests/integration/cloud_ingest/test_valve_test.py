# SPDX-License-Identifier: MIT
"""The valve test asks the gateway twice, and judges nothing but what came for it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from cloud_ingest.core.flag import Finding, served_unit
from cloud_ingest.core.rules.valve import Shown
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.errors import SelfReadRefused, UserError
from cloud_ingest.operate.send_command import World
from cloud_ingest.operate.valve_test import valve_test
from cloud_ingest.store.commands import answer, issued_commands
from cloud_ingest.store.event_changes import put_finding
from shared_schema.catalogue import WATER_VOLUME, Service, Unit
from shared_schema.events import EventKind, Severity, Subject, SubjectType
from shared_schema.evidence import LeakEvidence
from shared_schema.gateway import Outcome, Result
from shared_schema.readings import Column
from shared_schema.signing import generate_key
from tests.support.store import SOCIETY, Site, local, unit_line

NOW = local("2026-07-01 12:00")
LITRES = Column(obis=WATER_VOLUME, scaler=-3, unit=Unit.CUBIC_METRE)
NAMED = NamedMeter("A-1", Service.WATER)
KEY = generate_key()


@dataclass
class Riser:
    """A flat whose gateway answers when the test waits for it."""

    site: Site
    answers: Outcome | None = Outcome.DONE
    delivers: bool = True
    litres: int = 5000
    now: datetime = NOW
    told: list[str] = field(default_factory=list)
    seen_l_per_h: Decimal | None = None
    column: Column = LITRES
    step_litres: Decimal | None = None

    def pause(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        (newest, *_) = issued_commands(self.site.conn, SOCIETY)
        if self.answers is None or newest.outcome is not None:
            return
        if self.delivers:
            self.deliver()
        result = Result(
            gateway="gw-a",
            command=newest.command_id,
            outcome=self.answers,
            reason="the line is cut",
            at=self.now,
        )
        assert answer(self.site.conn, result, self.now)

    def deliver(self) -> None:
        self.site.deliver("1", [(self.now, self.litres)], column=self.column)

    def test(self, between: Callable[[], None] = lambda: None) -> tuple[bool, Decimal]:
        def wait(before: Shown, seen_l_per_h: Decimal | None) -> None:
            self.seen_l_per_h, self.step_litres = seen_l_per_h, before.step_litres
            self.now += timedelta(minutes=10)
            between()

        world = World(KEY, "meera", lambda: self.now, self.pause, self.told.append)
        found = valve_test(self.site.conn, SOCIETY, NAMED, world, wait)
        return found.stands_still, found.moved_litres


@pytest.fixture
def riser(site: Site) -> Riser:
    site.units(unit_line("A-1", "1", service="water"))
    found = Riser(site)
    found.now -= timedelta(minutes=5)
    found.deliver()
    found.now = NOW
    return found


def test_a_register_that_stands_still(riser: Riser) -> None:
    assert riser.test() == (True, Decimal(0))
    asked = issued_commands(riser.site.conn, SOCIETY)
    assert [each.kind for each in asked] == ["read_now", "read_now"]
    assert len(riser.told) == 2


def test_a_register_that_moves(riser: Riser) -> None:
    def run() -> None:
        riser.litres += 7

    assert riser.test(run) == (False, Decimal(7))


def test_the_wait_is_told_what_an_open_flag_saw(riser: Riser) -> None:
    riser.test()
    assert riser.seen_l_per_h is None
    leak = LeakEvidence(manufacturer="LNT", serial="1", lowest_hour_litres=Decimal("4.5"))
    about = Subject(type=SubjectType.UNIT, id="A-1")
    finding = Finding(
        kind=EventKind.LEAK,
        society_id=riser.site.one("SELECT society_id FROM society"),
        society=SOCIETY,
        severity=Severity.ALARM,
        subject=about,
        unit=served_unit("unit", "A-1", None),
        service=Service.WATER,
        since=NOW,
        message="Water has not stopped.",
        evidence=leak,
    )
    put_finding(riser.site.conn, finding, NOW)
    riser.test()
    assert riser.seen_l_per_h == Decimal("4.5")


def test_a_step_is_what_one_pulse_is_worth(riser: Riser) -> None:
    riser.column = LITRES.model_copy(update={"weight": 10})
    riser.test()
    assert riser.step_litres == 10


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.REFUSED, Outcome.EXPIRED])
def test_a_gateway_that_cannot_read_it(riser: Riser, outcome: Outcome) -> None:
    riser.answers = outcome
    with pytest.raises(UserError, match=f"gw-a did not read the meter: {outcome}, the line is cut"):
        riser.test()


def test_a_gateway_that_does_not_answer(riser: Riser) -> None:
    riser.answers = None
    with pytest.raises(UserError, match="did not answer within 5 minutes"):
        riser.test()


def test_an_answer_without_a_newer_reading_is_no_verdict(riser: Riser) -> None:
    riser.delivers = False
    with pytest.raises(UserError, match="no reading from then came"):
        riser.test()


def test_a_reading_from_before_it_was_asked_is_no_verdict(riser: Riser) -> None:
    """It was on its way when the gateway was asked."""
    riser.delivers = False

    def arrive(seconds: float) -> None:
        late = [(NOW - timedelta(minutes=2), riser.litres - 9)]
        riser.site.deliver("1", late, column=riser.column)
        riser.pause(seconds)

    world = World(KEY, "meera", lambda: riser.now, arrive, riser.told.append)
    with pytest.raises(UserError, match="no reading from then came"):
        valve_test(riser.site.conn, SOCIETY, NAMED, world, lambda *_: None)


@pytest.mark.parametrize(
    ("subject", "says"),
    [
        ("A-2", "no unit 'A-2' has water: check its label, or import it with its meter"),
        ("Garden", "no unit 'Garden' has water: the common area of that label has it"),
    ],
)
def test_a_subject_that_is_no_unit_with_water(riser: Riser, subject: str, says: str) -> None:
    riser.site.units(unit_line("Garden", "2", service="water", kind="common"))
    world = World(KEY, "meera", lambda: riser.now, riser.pause, riser.told.append)
    with pytest.raises(SelfReadRefused, match=f"^{says}$"):
        valve_test(
            riser.site.conn, SOCIETY, NamedMeter(subject, Service.WATER), world, lambda *_: None
        )
