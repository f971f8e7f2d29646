# SPDX-License-Identifier: GPL-2.0-only
"""What leaves a gateway is byte for byte what an earlier version sent."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from edge_agent.commands.desk import CommandDesk
from edge_agent.commands.log import CommandLog
from edge_agent.decode.rows import MeterRows
from edge_agent.gateway_clock import Timekeeper
from edge_agent.health import Health, MeterHealth
from edge_agent.operate import own_status
from edge_agent.settings.bus import BusConfig, MeterConfig
from edge_agent.settings.gateway import AgentSettings
from edge_agent.spool import room, unsealed
from edge_agent.spool.gateway_events import Observer
from edge_agent.spool.spool import Spool
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    BILLING_PROFILE,
    BLOCK_LOAD_PROFILE,
    EVENT_PROFILES,
    PROFILE_STATUS,
    WATER_VOLUME,
    GatewayEvent,
    StatusEvent,
)
from shared_schema.gateway import Command, CommandArguments, CommandKind, Machine, PollFailure
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.readings import CaptureChange, Column, Observation, reached_at
from shared_schema.signing import (
    SigningKey,
    key_id,
    private_key_to_pem,
    public_key_to_pem,
    sign_message,
)
from tests.support.samples import as_sample, count_for_random, sample

KEY = SigningKey.from_private_bytes(bytes(range(32)))
CLOUD_KEY = SigningKey.from_private_bytes(bytes(range(32, 64)))
NOW = datetime(2026, 11, 24, 0, 15, 7, 250_000, tzinfo=UTC)
TS = int(datetime(2026, 11, 24, tzinfo=UTC).timestamp())
ONE = MeterId(manufacturer="LNT", serial="26100001")
TWO = MeterId(manufacturer="Größe & Söhne", serial='W "7"')
DEMAND = Obis.parse("1.0.1.6.0.255")
VOLTAGE = Column(obis=Obis.parse("1.0.12.27.0.255"), scaler=-2, unit=35)
ENERGY = Column(obis=ACTIVE_IMPORT, scaler=1, unit=30)
LOAD = MeterRows(
    BLOCK_LOAD_PROFILE,
    900,
    (ENERGY, VOLTAGE),
    ((TS - 900, None, 1234, 23011), (TS, 4, 1235, None)),
)
REGISTERS = MeterRows(None, 0, (ENERGY,), ((TS + 421, None, -(2**63)),))
BILLING = MeterRows(
    BILLING_PROFILE,
    0,
    (ENERGY, Column(obis=DEMAND, scaler=0, unit=27), reached_at(DEMAND)),
    ((TS - 86_400, None, 1200, 4711, TS - 90_000),),
)
PULSES = MeterRows(
    None, 0, (Column(obis=WATER_VOLUME, scaler=-1, unit=19, weight=25),), ((TS, None, 2500),)
)
VOLTAGE_LOG = MeterRows(EVENT_PROFILES[0], 0, (ENERGY,), ((TS - 500, 7, 1234), (TS - 500, 8, None)))
CABLE = MeterRows(PROFILE_STATUS, 0, (), ((TS - 900, StatusEvent.CABLE_CUT),))
SEEN = (
    Observation(
        ts=TS,
        code=GatewayEvent.CAPTURES_CHANGED,
        captures=(
            CaptureChange(
                profile=BLOCK_LOAD_PROFILE,
                before="0" * 16,
                after="f" * 16,
                lost=(VOLTAGE.obis,),
                gained=(),
            ),
        ),
    ),
    Observation(
        ts=TS + 1,
        code=GatewayEvent.CLOCK_JUMPED,
        offset_before_s=-1.5,
        offset_s=3600,
        drift_s_per_day=0.25,
    ),
)


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spool]:
    count_for_random(monkeypatch)
    with Spool.open(tmp_path / "spool.db") as opened:
        yield opened


def append(
    spool: Spool, meter: MeterId, *rows: MeterRows, after_s: int = 0, historical: bool = False
) -> None:
    at = NOW + timedelta(seconds=after_s)
    spool.append(meter, rows, watermarks={}, at=at, historical=historical)


def seal(spool: Spool) -> list[tuple[str, bytes]]:
    sealed = [spool.get(seq) for seq in spool.seal(gateway="gw-a", key=KEY).seqs]
    return [(f"batch {each.seq}", each.payload) for each in sealed if each is not None]


def test_batches_keep_their_bytes(spool: Spool) -> None:
    append(spool, ONE, LOAD, REGISTERS)
    append(spool, TWO, PULSES, after_s=2)
    append(spool, ONE, BILLING, historical=True)
    first = seal(spool)
    append(spool, ONE, VOLTAGE_LOG, CABLE, after_s=60)
    Observer(spool).note(ONE, SEEN)
    assert as_sample([*first, *seal(spool)]) == sample("batches.txt")


def test_a_loss_keeps_its_bytes(spool: Spool) -> None:
    for _ in range(3):
        append(spool, ONE, REGISTERS)
        seal(spool)
    append(spool, TWO, PULSES, after_s=9)
    with spool.transaction() as database:
        losses = room.drop_oldest(database, 2)
        made = unsealed.seal(database, "gw-a", KEY, losses)
    found = [spool.get(seq) for seq in made]
    messages = [(f"batch {each.seq}", each.payload) for each in found if each is not None]
    assert as_sample(messages) == sample("loss.txt")


@pytest.fixture
def settings(tmp_path: Path) -> AgentSettings:
    for name, pem in (
        ("gateway.key", private_key_to_pem(KEY)),
        ("cloud.pem", public_key_to_pem(CLOUD_KEY.public_key())),
        ("password", b"12345678"),
    ):
        (tmp_path / name).write_bytes(pem)
        (tmp_path / name).chmod(0o600)
    meters = [
        {"label": f"A-{n}", "address": n, "password_file": tmp_path / "password"} for n in (17, 18)
    ]
    return AgentSettings.model_validate(
        {
            "gateway": "gw-a",
            "spool": tmp_path / "spool.db",
            "key_file": tmp_path / "gateway.key",
            "cloud_key_file": tmp_path / "cloud.pem",
            "assume_synchronised_clock": True,
            "broker": {"host": "b"},
            "bus": [{"name": "riser-1", "port": tmp_path / "p", "meter": meters}],
        }
    )


def test_birth_life_and_last_will_keep_their_bytes(
    settings: AgentSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            assert tz is UTC
            return NOW

    session = UUID(int=7)
    health = Health(["A-17", "A-18"])
    machine = Machine(
        disk_free_bytes=3_000_000_000,
        disk_total_bytes=8_000_000_000,
        memory_bytes=41_943_040,
        agent_up_s=60,
        machine_up_s=90,
    )
    monkeypatch.setattr(own_status, "datetime", Clock)
    monkeypatch.setattr(own_status, "version", lambda _name: "0.1.0")
    monkeypatch.setattr(own_status, "look", lambda *_: machine)
    monkeypatch.setattr(own_status, "spool_bytes", lambda _path: 65_536)
    clock = Timekeeper(assume_synchronised=True)
    with Spool.open(settings.spool) as spool:
        status = own_status.OwnStatus(settings, spool, health, clock).make
        birth = status(session, "online").to_line()
        health.read("A-17", NOW.timestamp(), caught_up=True)
        health.failed("A-18", "no answer", PollFailure.NO_ANSWER)
        assert isinstance(health["A-17"], MeterHealth)
        append(spool, ONE, REGISTERS)
        life = status(session, "online").to_line()
        will = status(session, "offline").to_line()
    messages = [("birth", birth), ("life", life), ("last will", will)]
    assert as_sample(messages) == sample("status.txt")


class Asked:
    """A desk of commands, and the cloud that asks."""

    def __init__(self, settings: AgentSettings, spool: Spool) -> None:
        self.log = CommandLog(spool)
        self.now = NOW
        self.number = 0
        self.desk = CommandDesk(
            settings,
            CLOUD_KEY.public_key(),
            self.log,
            known=self.known,
            is_synchronised=lambda: True,
            seal=lambda: None,
            now=lambda: self.now,
        )

    @staticmethod
    def known(_bus: BusConfig, meter: MeterConfig) -> MeterId | None:
        return ONE if meter.address == 17 else None

    def ask(self, kind: CommandKind, gateway: str = "gw-a") -> None:
        self.number += 1
        is_window = kind is CommandKind.BACKFILL
        command = Command(
            gateway=gateway,
            key=key_id(CLOUD_KEY.public_key()),
            id=UUID(int=self.number),
            kind=kind,
            arguments=CommandArguments(
                since=NOW - timedelta(days=9) if is_window else None,
                until=NOW - timedelta(days=8) if is_window else None,
            ),
            issued_at=NOW,
            expires_at=NOW + timedelta(hours=1),
        )
        self.desk.take(sign_message(command.to_line(), CLOUD_KEY))

    def work(self, *outcomes: tuple[bool, str]) -> None:
        for worked, detail in outcomes:
            job = self.desk.next("riser-1", only_urgent=False)
            assert job is not None
            self.desk.done("riser-1", job, worked=worked, detail=detail)


def test_results_of_commands_keep_their_bytes(settings: AgentSettings, spool: Spool) -> None:
    asked = Asked(settings, spool)
    asked.ask(CommandKind.READ_NOW)
    asked.work((True, "3 rows"), (True, ""))
    asked.ask(CommandKind.READ_NOW)
    asked.work((True, "3 rows"), (False, "no answer"))
    asked.ask(CommandKind.SET_CLOCK)
    asked.ask(CommandKind.READ_EVENTS, gateway="gw-b")
    asked.ask(CommandKind.BACKFILL)
    asked.now = NOW + timedelta(hours=2)
    asked.work()
    assert asked.desk.next("riser-1", only_urgent=False) is None
    asked.now = NOW
    asked.ask(CommandKind.READ_EVENTS)
    Asked(settings, spool).desk.recover()
    messages = [
        (f"result {command.int}", payload) for command, payload in asked.log.unsent(limit=99)
    ]
    assert as_sample(sorted(messages)) == sample("results.txt")
