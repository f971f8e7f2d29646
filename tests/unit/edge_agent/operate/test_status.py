# SPDX-License-Identifier: GPL-2.0-only
"""How a gateway stands: told from its spool alone, while an agent uses it and after."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from rich.cells import cell_len

from edge_agent.cli.operate import show_status
from edge_agent.clock.samples import ClockSamples
from edge_agent.clock_policy import Sample
from edge_agent.decode.rows import MeterRows
from edge_agent.errors import ConfigurationError
from edge_agent.gateway_clock import Stand
from edge_agent.operate.status import gateway_status, is_held
from edge_agent.settings.gateway import AgentSettings, TlsConfig
from edge_agent.spool import own_clock
from edge_agent.spool.spool import Spool
from edge_agent.spool.stream import leave
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    BILLING_PROFILE,
    BLOCK_LOAD_PROFILE,
    DAILY_LOAD_PROFILE,
    EVENT_PROFILES,
)
from shared_schema.certificates import PEM, Issuer, new_tls_key
from shared_schema.gateway import Receipt
from shared_schema.message import MeterId
from shared_schema.readings import Column
from shared_schema.signing import generate_key, key_id

NOW = datetime(2026, 11, 24, 0, 15, tzinfo=UTC)
KEY = generate_key()
ONE, TWO = (MeterId(manufacturer="LNT", serial=f"E{number}") for number in (1, 2))
ROWS = MeterRows(
    None, 0, (Column(obis=ACTIVE_IMPORT, scaler=0, unit=30),), ((int(NOW.timestamp()), None, 5),)
)


@pytest.fixture
def settings(tmp_path: Path) -> AgentSettings:
    meters = [{"label": f"A-{number}", "address": 16 + number} for number in (1, 2, 3)]
    return AgentSettings.model_validate(
        {
            "gateway": "gw-1",
            "spool": tmp_path / "spool.db",
            "key_file": "k",
            "cloud_key_file": "c",
            "broker": {"host": "b"},
            "bus": [{"name": "riser-1", "port": "p", "meter": meters}],
        }
    )


def put(spool: Spool, meter: MeterId, at: datetime, *, historical: bool = False) -> None:
    ts = int(at.timestamp())
    spool.append(
        meter,
        [ROWS],
        watermarks={BLOCK_LOAD_PROFILE: ts - 900, DAILY_LOAD_PROFILE: ts}
        | dict.fromkeys((BILLING_PROFILE, *EVENT_PROFILES), ts - 86400 * 40),
        at=at,
        historical=historical,
    )


@pytest.mark.parametrize("is_earlier_program", [False, True])
def test_a_clone_is_told(
    settings: AgentSettings, capsys: pytest.CaptureFixture[str], is_earlier_program: bool
) -> None:
    with Spool.open(settings.spool) as spool:
        put(spool, ONE, NOW - timedelta(minutes=15))
        with spool.transaction() as database:
            leave(database, NOW)
            if is_earlier_program:
                database.execute("DROP TABLE left_stream")
    found = gateway_status(settings, NOW)
    assert found.forked_at == (None if is_earlier_program else NOW)
    show_status(found)
    told = "another gateway used this key" in " ".join(capsys.readouterr().out.split())
    assert told != is_earlier_program


def test_the_status_of_a_running_agent(
    settings: AgentSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    with Spool.open(settings.spool) as spool:
        for minutes in (60, 30, 15):
            put(spool, ONE, NOW - timedelta(minutes=minutes), historical=minutes == 60)
            spool.seal(gateway="gw-1", key=KEY)
        put(spool, TWO, NOW - timedelta(hours=2))
        spool.remember_meter(ONE, "riser-1", 17)
        spool.remember_meter(TWO, "riser-1", 18)
        with spool.transaction() as database:
            database.execute("INSERT INTO refusal VALUES ('riser-1', 1, 19, x'00', x'00')")
            database.execute("INSERT INTO reason VALUES ('riser-1', 1, 18, 'A-2 does not answer')")
        at = NOW - timedelta(minutes=5)
        spool.apply_receipt(
            Receipt(
                gateway="gw-1",
                store=uuid4(),
                stream=spool.stream,
                ranges=((1, 2),),
                at=at,
                key=key_id(KEY.public_key()),
            )
        )
        found = gateway_status(settings, NOW)
        assert found.running
        assert str(spool.stream) == found.stream
    assert gateway_status(settings, NOW).running is False
    assert (found.waiting_live, found.waiting_backlog) == (2, 0)
    assert found.last_receipt == at
    one, two, three = found.meters
    assert (one.meter, one.last_read) == ("LNT E1", NOW - timedelta(minutes=15))
    assert one.rows_until == NOW - timedelta(minutes=30)
    assert (two.meter, two.last_read) == ("LNT E2", NOW - timedelta(hours=2))
    assert (three.meter, three.last_read, three.rows_until) == (None, None, None)
    assert [each.behind for each in found.meters] == [False, True, True]
    assert [each.refused for each in found.meters] == [False, False, True]
    show_status(found)
    assert "behind: A-2 does not answer" in capsys.readouterr().out
    document = found.document()
    assert document["meters"][1]["reason"] == "A-2 does not answer"
    assert document["meters"][0]["last_read"] == "2026-11-24T00:00:00+00:00"


def test_a_clock_that_nobody_keeps_stands_in_the_status(
    settings: AgentSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    show_status(gateway_status(settings, NOW, synchronised=False))
    assert "clock    not synchronised: the agent reads no meter" in capsys.readouterr().out
    show_status(gateway_status(settings, NOW, synchronised=True))
    assert "synchronised" not in capsys.readouterr().out


def test_a_certificate_that_ends_soon_stands_in_the_status(
    settings: AgentSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    issuer = Issuer.make("Our authority", NOW, timedelta(days=900))
    own = issuer.issue("gw-1", new_tls_key().public_key(), NOW, timedelta(days=60))
    (tmp_path / "tls.pem").write_bytes(own.public_bytes(PEM))
    tls = TlsConfig(cert=tmp_path / "tls.pem", key=tmp_path / "tls.key")
    broker = settings.broker.model_copy(update={"tls": tls})
    settings = settings.model_copy(update={"broker": broker})
    show_status(gateway_status(settings, NOW))
    assert "certificate" not in capsys.readouterr().out
    show_status(gateway_status(settings, NOW + timedelta(days=40)))
    told = " ".join(capsys.readouterr().out.split())
    assert "tls.pem is valid until 2027-01-23; a new one: edge-agent request" in told


@pytest.mark.parametrize("jump_s", [-86400.0, 90.0])
def test_a_clock_that_jumped_stands_in_the_status(
    settings: AgentSettings, jump_s: float, capsys: pytest.CaptureFixture[str]
) -> None:
    with Spool.open(settings.spool) as spool:
        own_clock.keep(spool, Stand("boot", 100.0))
    found = gateway_status(settings, NOW, stand=Stand("boot", 100.0 + jump_s))
    assert (found.synchronised, found.clock_jump_s) == (False, jump_s)
    show_status(found)
    assert f"it jumped by {jump_s:+.0f} s: the agent reads no meter" in capsys.readouterr().out
    assert gateway_status(settings, NOW, stand=Stand("boot", 101.0)).clock_jump_s is None
    assert gateway_status(settings, NOW, stand=Stand("next", 100.0 + jump_s)).synchronised


def test_a_clock_behind_the_newest_reading_stands_in_the_status(settings: AgentSettings) -> None:
    with Spool.open(settings.spool) as spool:
        put(spool, ONE, NOW)
    found = gateway_status(settings, NOW - timedelta(hours=1), stand=Stand("next", 0.0))
    assert (found.synchronised, found.clock_jump_s) == (False, -3600.0)


def test_before_the_first_start(settings: AgentSettings) -> None:
    found = gateway_status(settings, NOW)
    assert (found.running, found.stream, found.waiting_live) == (False, None, 0)
    assert [each.label for each in found.meters] == ["A-1", "A-2", "A-3"]
    assert not settings.spool.exists()


def test_security_that_no_meter_has_proven_is_said(
    settings: AgentSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    meter = {"label": "A-1", "address": 17, "client": 48, "password_file": "p", "security": "hls"}
    bus = {"name": "riser-1", "port": "p", "meter": [meter]}
    changed = AgentSettings.model_validate({**settings.model_dump(by_alias=True), "bus": [bus]})
    Spool.open(settings.spool).close()
    found = gateway_status(changed, NOW)
    assert [each.unproven for each in found.meters] == ["security hls"]
    show_status(found)
    assert "unproven: security hls" in capsys.readouterr().out


def test_the_meters_of_a_gateway_fit_80_columns(
    settings: AgentSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    label = "अ-१२०४ विद्युत मीटर, पूर्वी भवन, दूसरी मंज़िल"
    (bus,) = settings.buses
    meters = [each.model_copy(update={"label": f"{label} {each.label}"}) for each in bus.meters]
    buses = (bus.model_copy(update={"meters": tuple(meters)}),)
    show_status(gateway_status(settings.model_copy(update={"buses": buses}), NOW))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(cell_len, lines)) <= 80
    assert any("never answered" in line for line in lines)


def test_what_is_no_spool_is_said(settings: AgentSettings) -> None:
    sqlite3.connect(settings.spool).execute("CREATE TABLE x (y)").connection.close()
    with pytest.raises(ConfigurationError, match="is no spool of edge-agent"):
        gateway_status(settings, NOW)
    settings.spool.write_bytes(b"x" * 4096)
    with pytest.raises(ConfigurationError, match="cannot read the spool"):
        gateway_status(settings, NOW)


def test_where_locks_cannot_be_seen_nothing_is_claimed(tmp_path: Path) -> None:
    spool = tmp_path / "spool.db"
    assert is_held(spool) is False
    (tmp_path / "spool.db.lock").touch()
    assert is_held(spool, tmp_path / "none") is None
    assert is_held(spool) is False


def test_a_clock_that_drifts_stands_with_its_drift(settings: AgentSettings) -> None:
    start = NOW.timestamp() - 2 * 86400
    with Spool.open(settings.spool) as spool:
        spool.remember_meter(ONE, "riser-1", 17)
        spool.remember_meter(TWO, "riser-1", 18)
        book = ClockSamples(spool)
        for day in range(3):
            book.note(ONE, Sample(start + 86400 * day, 9.0 * day))
            book.note(TWO, Sample(start + 86400 * day, 2.0))
    one, two, three = gateway_status(settings, NOW).meters
    assert (one.clock_offset_s, one.clock_drift_s_per_day) == (18.0, 9.0)
    assert one.clock_remark == "gains 9.0 s a day"
    assert (two.clock_offset_s, two.clock_drift_s_per_day, two.clock_remark) == (2.0, 0.0, "")
    assert (three.clock_offset_s, three.clock_drift_s_per_day) == (None, None)
