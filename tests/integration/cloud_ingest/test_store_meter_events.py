# SPDX-License-Identifier: MIT
"""What meters noted in their own logs: stored once, replayed, listed; on both editions."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cloud_ingest.cli.events import meter_events_as_json, meter_events_as_table
from cloud_ingest.core.accept import Accepted
from cloud_ingest.errors import NotFound
from cloud_ingest.operate.review import meter_events
from cloud_ingest.store.commit import commit
from cloud_ingest.store.meter_events import list_meter_events
from cloud_ingest.store.quarantine import QuarantineState, list_entries, replay
from cloud_ingest.store.registry import load_registry
from shared_schema.catalogue import EVENT_PROFILES, GATEWAY_LOG, GatewayEvent, Unit
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.readings import (
    Block,
    CaptureChange,
    Column,
    MeterEvents,
    Observation,
    Observations,
    new_salt,
    reached_at,
)
from tests.support.gateway import MAKER
from tests.support.store import SOCIETY, Site, local, unit_line

START = local("2026-07-01 00:00")
LATER = START + timedelta(days=1)
KOLKATA = ZoneInfo("Asia/Kolkata")
POWER, COVER = EVENT_PROFILES[2], EVENT_PROFILES[5]


def log_line(serial: str, log: Obis, *rows: tuple[datetime, int]) -> bytes:
    return MeterEvents(
        salt=new_salt(),
        meter=MeterId(manufacturer=MAKER, serial=serial),
        log=log,
        columns=(Column(obis=Obis.parse("1.0.12.7.0.255"), scaler=-1, unit=Unit.VOLT),),
        rows=tuple((int(at.timestamp()), code, 2301) for at, code in rows),
    ).to_line()


def listed(site: Site, **wanted: object) -> list[tuple[str, str, datetime, int]]:
    found = list_meter_events(site.conn, SOCIETY, since=START, **wanted)  # type: ignore[arg-type]
    return [(each.serial, str(each.log), each.at, each.code) for each in found]


@pytest.fixture
def flat(site: Site) -> Site:
    site.units(unit_line("A-1204", "1"))
    return site


def test_events_are_stored_once_and_are_no_readings(flat: Site) -> None:
    end = START + timedelta(minutes=20)
    power = log_line("1", POWER, (START, 101), (end, 102), (end, 101))
    first = flat.gateway.seal(power, log_line("1", COVER, (START, 251)))
    again = flat.gateway.seal(log_line("1", POWER, (end, 102)))
    for payload in (first, again, first):
        result = commit(flat.conn, [flat.verdict(payload, LATER)])
        assert (result.new, result.quarantined) == (0, 0)
    assert listed(flat) == [
        ("1", str(POWER), end, 101),
        ("1", str(POWER), end, 102),
        ("1", str(POWER), START, 101),
        ("1", str(COVER), START, 251),
    ]
    assert listed(flat, codes=[251]) == [("1", str(COVER), START, 251)]
    assert listed(flat, serial="2") == []
    assert flat.one("SELECT count(*) FROM reading") == 0


def test_events_of_a_meter_that_is_not_imported_wait_for_it(flat: Site) -> None:
    commit(flat.conn, [flat.verdict(flat.gateway.seal(log_line("7", COVER, (START, 251))), LATER)])
    assert listed(flat) == []
    flat.units(unit_line("A-1205", "7"))
    (entry,) = list_entries(flat.conn, state=QuarantineState.OPEN)
    done = replay(flat.conn, load_registry(flat.conn), entry.quarantine_id, LATER)
    assert done.state is QuarantineState.REPLAYED
    assert listed(flat) == [("7", str(COVER), START, 251)]


def test_another_society_sees_none_of_them(flat: Site) -> None:
    commit(flat.conn, [flat.verdict(flat.gateway.seal(log_line("1", COVER, (START, 251))), LATER)])
    with pytest.raises(NotFound):
        list_meter_events(flat.conn, "Hill View", since=START)


def test_an_unknown_event_is_listed_by_its_number(flat: Site) -> None:
    line = log_line("1", COVER, (START, 251), (START, 60001))
    commit(flat.conn, [flat.verdict(flat.gateway.seal(line), LATER)])
    found = meter_events(flat.conn, SOCIETY, serial=None, codes=(), days=2, now=LATER)
    _head, known, unknown = meter_events_as_table(found, KOLKATA).splitlines()
    assert "2026-07-01 00:00:00" in known
    assert known.endswith("251    meter cover opened")
    assert unknown.endswith("60001  not in the catalogue")


def test_what_a_gateway_saw_is_listed_with_its_detail(
    flat: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = Obis.parse("1.0.99.1.0.255")
    change = CaptureChange(
        profile=profile, before="0" * 16, after="f" * 16, gained=(Obis.parse("1.0.2.29.0.255"),)
    )
    seen = (
        Observation(
            ts=int(START.timestamp()), code=GatewayEvent.CAPTURES_CHANGED, captures=(change,)
        ),
        Observation(
            ts=int(START.timestamp()) + 1,
            code=GatewayEvent.CLOCK_SET,
            offset_before_s=90.2,
            offset_s=0.0,
            left_out=2,
        ),
    )
    meter = MeterId(manufacturer=MAKER, serial="1")
    line = Observations(salt=new_salt(), meter=meter, seen=seen).to_line()
    payload = flat.gateway.seal(line)
    for _ in range(2):
        assert commit(flat.conn, [flat.verdict(payload, LATER)]).quarantined == 0
    monkeypatch.setenv("COLUMNS", "200")
    found = meter_events(flat.conn, SOCIETY, serial="1", codes=(), days=2, now=LATER)
    _head, was_set, changed = meter_events_as_table(found, KOLKATA).splitlines()
    assert was_set.endswith(
        "1003  clock set by the gateway: was +90 s off; is +0 s off; 2 more before it were left out"
    )
    assert changed.endswith(
        f"1001  capture list changed: {profile} from {'0' * 16} to {'f' * 16}, "
        "gained 1.0.2.29.0.255"
    )
    rows = json.loads(meter_events_as_json(found))
    assert [(each["log"], each["code"]) for each in rows] == [
        (str(GATEWAY_LOG), 1003),
        (str(GATEWAY_LOG), 1001),
    ]
    assert rows[0]["detail"] == {"offset_before_s": 90.2, "offset_s": 0.0, "left_out": 2}


def test_a_maximum_demand_and_its_time_are_two_channels(flat: Site) -> None:
    demand = Obis.parse("1.0.1.6.0.255")
    reached = int((START - timedelta(days=3)).timestamp())
    line = Block(
        salt=new_salt(),
        meter=MeterId(manufacturer=MAKER, serial="1"),
        profile=Obis.parse("1.0.98.1.0.255"),
        columns=(Column(obis=demand, scaler=0, unit=Unit.WATT), reached_at(demand)),
        rows=((int(START.timestamp()), None, 4711, reached),),
    ).to_line()
    verdict = flat.verdict(flat.gateway.seal(line), LATER)
    assert isinstance(verdict, Accepted)
    assert commit(flat.conn, [verdict]).new == 2
    assert flat.all(
        "SELECT obis, unit, kind, raw FROM reading JOIN channel USING (channel_id) ORDER BY unit"
    ) == [
        (str(demand), Unit.SECOND, "status", reached),
        (str(demand), Unit.WATT, "instantaneous", 4711),
    ]
    assert datetime.fromtimestamp(reached, UTC) == START - timedelta(days=3)
