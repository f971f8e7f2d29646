# SPDX-License-Identifier: MIT
"""The whole gateway: virtual meters on a pty bus, the agent, a real broker, a small cloud."""

import os
import signal
import subprocess
import sys
import time
import tomllib
from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.errors import ConfigurationError
from edge_agent.spool.succession import took_over
from edge_agent.virtual.estate import parse_estate, serve
from edge_agent.virtual.meter import VirtualMeter
from shared_schema.catalogue import ACTIVE_IMPORT, BLOCK_LOAD_PROFILE
from shared_schema.readings import KeyChange, open_batch
from shared_schema.signing import generate_key, key_id, private_key_to_pem, raw_public_key
from tests.support.agent_place import (
    ESTATE,
    Place,
    mosquitto,
    place,
    running,
    secret,
    stored,
    users,
)
from tests.support.small_cloud import GATEWAY_KEY, until

__all__ = ["mosquitto", "place", "users"]

METER = """
[[bus.meter]]
label = "{label}"
address = {address}
model = "is16444"
password_file = "meter.password"
"""


def held(meter: VirtualMeter, at: datetime) -> set[int]:
    """When the rows of its load profile are of; the end of a quarter hour takes the oldest away."""
    return {int(row.ts.timestamp()) for row in meter.buffered(BLOCK_LOAD_PROFILE, at)}


def test_every_row_that_the_meter_has_reaches_the_cloud(place: Place) -> None:
    begun_at = datetime.now(UTC)
    with place.cloud.online(), place.bus(), running(place.agent()) as stop:
        until(
            lambda: (
                bool(place.cloud.statuses)
                and place.cloud.statuses[-1].meters_answering == 1
                and place.cloud.statuses[-1].meters_behind == 0
                and place.cloud.statuses[-1].spooled == 0
            ),
            "all history read and receipted",
            60,
        )
        status = place.cloud.statuses[-1]
        assert (status.meters, status.clock_synchronised) == (3, True)
        begun = time.monotonic()
        stop.set()
        until(lambda: place.cloud.statuses[-1].state == "offline", "the goodbye", 6)
        assert time.monotonic() - begun < 6

    blocks = stored(place.cloud)
    assert {block.meter.serial for block in blocks} == {"10000001"}, "the others do not answer"
    profile = [block for block in blocks if block.profile == BLOCK_LOAD_PROFILE]
    times = {row[0] for block in profile for row in block.rows}
    meter = place.estate.meter("10000001")
    truth = held(meter, begun_at) & held(meter, datetime.now(UTC))
    assert len(truth) > 19 * 96
    assert truth <= times
    registers = [block for block in blocks if block.profile is None]
    place_of = [column.obis for column in registers[0].columns].index(ACTIVE_IMPORT)
    ts, raw = registers[0].rows[0][0], registers[0].rows[0][2 + place_of]
    assert ts is not None
    at = datetime.fromtimestamp(ts, UTC)
    assert raw == meter.register_at(ACTIVE_IMPORT, at)


def test_a_restart_reads_on_from_the_watermark(place: Place) -> None:
    with place.bus():
        first = place.agent()

        def has_history() -> bool:
            known = first.spool.known_meter("riser-1", 17)
            return known is not None and BLOCK_LOAD_PROFILE in first.spool.watermarks(known)

        with running(first):
            until(has_history, "some history read")
        agent = place.agent()
        known = agent.spool.known_meter("riser-1", 17)
        assert known is not None
        before = agent.spool.watermarks(known)[BLOCK_LOAD_PROFILE]
        last = agent.spool.due(1)[0].seq

        def newest() -> int:
            profile = (each for each in stored(place.cloud) if each.profile == BLOCK_LOAD_PROFILE)
            return max((row[0] or 0 for block in profile for row in block.rows), default=0)

        with place.cloud.online(), running(agent):
            until(
                lambda: (
                    bool(place.cloud.statuses)
                    and place.cloud.statuses[-1].spooled == 0
                    and newest() > before
                ),
                "rows after the watermark, and all receipted",
                60,
            )
    assert len(place.cloud.stored) == 1, "one stream"
    assert max(place.cloud.arrived) > last


def test_a_next_key_takes_over_once_it_is_receipted(place: Place) -> None:
    key = generate_key()
    secret(place.folder / "gateway.key.next", private_key_to_pem(key))
    spool = place.folder / "spool.db"
    agent = place.agent()
    with place.cloud.online(), running(agent):
        until(lambda: key_id(key.public_key()) in took_over(spool), "it signs", 30)
    (batches,) = place.cloud.stored.values()
    (named,) = [
        block
        for payload in batches.values()
        for block in open_batch(payload, lambda *_: GATEWAY_KEY.public_key()).blocks()
    ]
    assert isinstance(named, KeyChange)
    assert named.successor == raw_public_key(key.public_key()).hex()


def test_many_meters_are_few_batches_after_a_restart_too(place: Place) -> None:
    """What was gathered when an agent ended is sealed, and sent by the next one."""
    begun_at = datetime.now(UTC)
    serials = [str(10000001 + number) for number in range(8)]
    settings = place.config.read_text().replace("gather_s = 1", "gather_s = 60")
    settings = settings.partition("[[bus.meter]]")[0]
    meters = []
    for address, serial in enumerate(serials, 17):
        settings += METER.format(label=serial, address=address)
        meters.append(
            {
                "label": serial,
                "serial": serial,
                "manufacturer": "LNT",
                "model": "single_phase",
                "address": address,
                "password": "12345678",
                "installed_at": begun_at - timedelta(hours=6),
                "load": {"kind": "flat"},
            }
        )
    place.config.write_text(settings)
    bus = {"name": "riser-1", "link": "riser-1.tty", "meter": meters}
    place.estate = parse_estate({"zone": "Asia/Kolkata", "bus": [bus]})
    with place.bus():
        first = place.agent()
        with running(first):
            until(
                lambda: (
                    first.health.summary().answering == len(serials)
                    and not first.health.summary().behind
                ),
                "all meters read",
                60,
            )
            polls = first.health.summary().polls
            assert first.spool.due(99) == [], "it waits for others"
            waiting = first.spool.pending().total
        with place.cloud.online(), running(place.agent()):
            until(
                lambda: sum(map(len, list(place.cloud.stored.values()))) >= waiting,
                "all stored",
                60,
            )
    assert polls >= len(serials)
    sent = [batch for batches in place.cloud.stored.values() for batch in batches.values()]
    assert len(sent) < polls / 2
    for serial in serials:
        times = {
            row[0]
            for block in stored(place.cloud)
            if (block.meter.serial, block.profile) == (serial, BLOCK_LOAD_PROFILE)
            for row in block.rows
        }
        assert held(place.estate.meter(serial), begun_at) <= times


def test_a_bus_that_comes_late_is_waited_for(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    with place.cloud.online(), running(place.agent()):
        until(
            lambda: any("no such device" in str(vars(each)) for each in caplog.records),
            "the missing port is told",
        )
        with place.bus():
            until(lambda: bool(stored(place.cloud)), "the meter is read", 40)


def test_an_adapter_lost_in_a_back_fill_costs_nothing(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    def told(action: str) -> bool:
        return any(getattr(record, "action", "") == action for record in caplog.records)

    caplog.set_level("INFO")
    agent = place.agent()
    with place.cloud.online(), running(agent):
        with place.bus(baud=19200):
            until(lambda: agent.health["A-101"].behind, "history waits")
        until(lambda: told("bus_lost"), "the loss is told")
        with place.bus():
            until(lambda: told("bus_back"), "the adapter is back")
            until(
                lambda: agent.health["A-101"].answers and not agent.health["A-101"].behind,
                "all history read",
                60,
            )
    assert agent.health["A-101"].failed_polls == 0


def test_the_command_runs_checks_and_stops(place: Place) -> None:
    program = [sys.executable, "-m", "edge_agent.cli.app", "run", "--config", str(place.config)]
    with place.bus():
        checked = subprocess.run([*program, "--check"], capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, "")
        assert "takes the login" in checked.stdout
        assert "riser-1.tty opens, 3 meters" in checked.stdout
        assert not list(place.folder.glob("spool.db*")), "a check makes nothing"
        with place.cloud.online():
            agent = subprocess.Popen(
                [*program, "--log-format", "json"], stderr=subprocess.PIPE, text=True
            )
            try:
                until(lambda: bool(stored(place.cloud)), "the meter is read", 40)
                beside = subprocess.run(
                    [*program, "--check"], capture_output=True, text=True, check=False
                )
                assert (beside.returncode, beside.stderr) == (0, "")
                assert "an agent that runs uses it" in beside.stdout
                begun = time.monotonic()
                os.kill(agent.pid, signal.SIGTERM)
                _, log = agent.communicate(timeout=10)
            finally:
                agent.kill()
                agent.wait()
        assert time.monotonic() - begun < 7
        assert agent.returncode == 0
        assert '"action": "meter_refused"' in log
        assert "12345678" not in log
        assert "Traceback" not in log
    gone = subprocess.run([*program, "--check"], capture_output=True, text=True, check=False)
    assert gone.returncode == 2
    assert gone.stderr.count("\n") == 1
    assert "no such device" in gone.stderr


def test_a_second_agent_on_the_same_spool_is_refused(place: Place) -> None:
    agent = place.agent()
    try:
        with pytest.raises(ConfigurationError, match="another edge-agent"):
            place.agent()
    finally:
        agent.spool.close()


RISER_2 = """
[[bus]]
name = "riser-2"
{line}
[[bus.meter]]
label = "B-101"
address = 17
{meter}
"""


def test_two_buses_are_read_independently(place: Place) -> None:
    second = RISER_2.format(
        line='link = "riser-2.tty"',
        meter='serial = "20000001"\nmanufacturer = "LNT"\nmodel = "single_phase"\n'
        'password = "12345678"\nprofile_days = 2\nload = { kind = "flat" }',
    )
    read = RISER_2.format(
        line='port = "bus/riser-2.tty"\nturnaround_s = 0.3',
        meter='model = "is16444"\npassword_file = "meter.password"',
    )
    place.config.write_text(place.config.read_text() + read)

    def serials() -> set[str]:
        return {block.meter.serial for block in stored(place.cloud) if block.profile is None}

    def now() -> datetime:
        return datetime.now(UTC)

    folder = place.folder / "bus"
    begun = now()
    with place.cloud.online(), running(place.agent()):
        with serve(parse_estate(tomllib.loads(second)), folder, baud=None, now=now):
            until(lambda: serials() == {"20000001"}, "one is read without the other", 30)
        both = parse_estate(tomllib.loads(ESTATE + second))
        with serve(both, folder, baud=None, now=now):
            until(lambda: serials() == {"10000001", "20000001"}, "both are read", 60)
    profiles = {
        serial: {
            row[0]
            for block in stored(place.cloud)
            if block.profile == BLOCK_LOAD_PROFILE and block.meter.serial == serial
            for row in block.rows
        }
        for serial in ("10000001", "20000001")
    }
    for serial, times in profiles.items():
        meter = both.meter(serial)
        assert times <= held(meter, begun) | held(meter, now()), serial
    assert profiles["20000001"], "its history was read as well"
