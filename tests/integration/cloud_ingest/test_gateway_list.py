# SPDX-License-Identifier: MIT
"""One table of all gateways, by what each said last of itself."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.flags.gateways import refresh_clocks, refresh_disks
from cloud_ingest.ingest.small_messages import Received, store_status
from cloud_ingest.store.assignment_versions import Word
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.events import open_events
from cloud_ingest.store.gateway_keys import revoke_keys
from cloud_ingest.store.gateways import standings
from cloud_ingest.store.registry import enrol_gateway
from shared_schema.events import EventKind
from shared_schema.gateway import Machine, Status
from shared_schema.signing import generate_key, public_key_to_pem

NOW = datetime.now(UTC).replace(microsecond=0)
TODAYS: dict[str, Any] = {
    "version": "1.2.0",
    "meters": 4,
    "meters_answering": 3,
    "spooled": 7,
    "oldest_waiting_at": NOW - timedelta(hours=5),
    "certificate_ends_at": NOW + timedelta(days=200),
    "machine": Machine(
        disk_free_bytes=3 * 1024**3, disk_total_bytes=8 * 1024**3, agent_up_s=3 * 86400
    ),
}


@pytest.fixture
def town(plain_store_dsn: str) -> Iterator[tuple[Connection, str]]:
    with connect(plain_store_dsn) as conn:
        for name, society in (("gw-a", "Lake View"), ("gw-b", "Lake View"), ("gw-c", "Hill Top")):
            enrol(conn, name, society)
        yield conn, plain_store_dsn


def enrol(conn: Connection, name: str, society: str) -> None:
    key = public_key_to_pem(generate_key().public_key())
    enrol_gateway(conn, society=society, gateway=name, tower=None, public_key_pem=key)


def says(conn: Connection, gateway: str, *, retained: bool = False, **fields: Any) -> None:
    status = Status(
        gateway=gateway, session=UUID(int=1), **{"state": "online", "at": NOW, **fields}
    )
    topic = f"metering/v1/gw/{gateway}/status"
    store_status(conn, gateway, Received(topic, status.to_line(), retained), NOW)


def listed(dsn: str, *words: str) -> str:
    done = CliRunner().invoke(
        app, ["gateway", "list", *words], env={"IOT_UTILITY_DSN": dsn, "COLUMNS": "200"}
    )
    assert done.exit_code == 0, done.output
    return done.stdout


def test_one_table_tells_of_all_gateways(town: tuple[Connection, str]) -> None:
    conn, dsn = town
    says(conn, "gw-a", **TODAYS)
    says(conn, "gw-b", at=NOW + timedelta(minutes=3))
    heading, *lines = listed(dsn).splitlines()
    assert heading.split()[:2] == ["Gateway", "State"]
    assert [line.split()[0] for line in lines] == ["gw-c", "gw-a", "gw-b"]
    own = lines[1]
    assert "3/4" in own
    assert "7, oldest 5 h" in own
    assert "3.0 of 8.0 GB" in own
    assert f"{NOW + timedelta(days=200):%Y-%m-%d}" in own
    assert "+0.0 s" in own
    assert "3 d" in own
    assert "1.2.0" in own
    assert "readings wait; 1 of 4 meters are not read" in own
    assert "its clock is off" in listed(dsn, "--society", "Lake View")
    assert "never heard" in listed(dsn, "--society", "Hill Top")


def test_json_is_a_line_a_gateway_with_its_whole_status(town: tuple[Connection, str]) -> None:
    conn, dsn = town
    says(conn, "gw-a", **TODAYS)
    first, _ = map(json.loads, listed(dsn, "--society", "Lake View", "--json").splitlines())
    assert first["status"]["machine"]["agent_up_s"] == 3 * 86400
    assert (first["state"], first["clock_offset_s"]) == ("online", 0.0)


def told(conn: Connection, kind: EventKind) -> list[str]:
    refresh_disks(conn, NOW)
    refresh_clocks(conn, NOW)
    return [f"{each.event.severity}: {each.event.message}" for each in open_events(conn, kind)]


def test_a_disk_that_is_nearly_full_has_a_flag(town: tuple[Connection, str]) -> None:
    conn, _ = town
    for free_mb, severity in ((300, []), (200, ["watch"]), (60, ["alarm"])):
        machine = Machine(disk_free_bytes=free_mb * 1024**2, disk_total_bytes=8 * 1024**3)
        says(conn, "gw-a", machine=machine)
        found = [each.partition(" left")[0] for each in told(conn, EventKind.GATEWAY_DISK)]
        assert found == [f"{each}: The disk of gateway gw-a has {free_mb} MB" for each in severity]
    says(conn, "gw-a", state="offline")
    assert len(told(conn, EventKind.GATEWAY_DISK)) == 1, "nothing new is known of it"
    says(conn, "gw-a", machine=Machine(disk_free_bytes=1024**3))
    assert told(conn, EventKind.GATEWAY_DISK) == []


def test_a_clock_that_is_off_has_a_flag(town: tuple[Connection, str]) -> None:
    conn, _ = town
    says(conn, "gw-a", at=NOW - timedelta(minutes=7))
    assert told(conn, EventKind.GATEWAY_CLOCK) == [
        "watch: The clock of gateway gw-a is 7 minutes behind."
    ]
    says(conn, "gw-a", clock_synchronised=False, clock_jump_s=-420.0)
    (alarm,) = told(conn, EventKind.GATEWAY_CLOCK)
    assert alarm.startswith("alarm: ")
    assert "reads no meter" in alarm
    revoke_keys(conn, "gw-a", Word("A. Nair", "stolen", NOW))
    assert told(conn, EventKind.GATEWAY_CLOCK) == []


def test_a_revoked_gateway_does_not_stay_online(town: tuple[Connection, str]) -> None:
    conn, _ = town
    says(conn, "gw-a")
    revoke_keys(conn, "gw-a", Word("A. Nair", "stolen", NOW))
    says(conn, "gw-a", retained=True)  # as the broker keeps it for every worker that starts
    stored = conn.execute("SELECT state, back_at FROM gateway_status").fetchall()
    assert [tuple(each) for each in stored] == [("offline", None)]
    assert [each.state for each in standings(conn, NOW, "Lake View")] == [
        "taken back",
        "never heard",
    ]


def test_a_new_key_after_a_revocation_is_heard_again(town: tuple[Connection, str]) -> None:
    conn, _ = town
    says(conn, "gw-a")
    revoke_keys(conn, "gw-a", Word("A. Nair", "stolen", NOW))
    enrol(conn, "gw-a", "Lake View")
    says(conn, "gw-a", at=NOW + timedelta(seconds=5))
    assert standings(conn, NOW, "Lake View")[0].state == "online"
