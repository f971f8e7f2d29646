# SPDX-License-Identifier: GPL-2.0-only
"""Polls over a pty bus with each kind of security: true values, or one clear error."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_agent.bus import Bus
from edge_agent.dlms.hdlc import check_sequence
from edge_agent.dlms.invocation_counter import Counters
from edge_agent.errors import (
    AssociationRefused,
    ConfigurationError,
    PasswordRefused,
    ProtocolViolation,
)
from edge_agent.poll.memory import Memory
from edge_agent.poll.poll import PollResult, poll
from edge_agent.poll.sessions import sessions
from edge_agent.settings.bus import BusConfig, MeterConfig
from edge_agent.spool.counters import SpoolCounters
from edge_agent.spool.spool import Spool
from edge_agent.virtual.estate import Estate, parse_estate, serve
from edge_agent.virtual.meter import VirtualMeter
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    BILLING_PROFILE,
    BLOCK_LOAD_PROFILE,
    DAILY_LOAD_PROFILE,
    EVENT_PROFILES,
    INSTANTANEOUS_PROFILE,
)
from shared_schema.obis import Obis
from shared_schema.readings import VALUE

NOW = datetime(2026, 3, 10, 6, 37, 20, tzinfo=UTC)
EK, AK = "000102030405060708090A0B0C0D0E0F", "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"
OTHER = "EEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEE"
PASSWORD = "P4ssw0rd"  # noqa: S105
MODES = [(32, "lls"), (32, "lls-ae"), (48, "hls-gmac")]


class World:
    """One served meter, and the gateway's side of its bus with a spool."""

    def __init__(self, estate: Estate, bus: Bus, folder: Path, client: int, mode: str) -> None:
        self.estate = estate
        self.bus = bus
        self.folder = folder
        self.client = client
        self.mode = mode
        self.now = NOW
        self.memory = Memory()
        self.rests: list[float] = []
        self.aarqs: list[int] = []
        self.keep("password", PASSWORD)
        self.keep("ek", EK)
        self.keep("ak", AK)
        send = bus.send

        def counted(data: bytes) -> None:
            if data[9:13] == b"\xe6\xe6\x00\x60":
                self.aarqs.append(data[5] >> 1)
            send(data)

        bus.send = counted  # type: ignore[method-assign]

    @property
    def meter(self) -> VirtualMeter:
        return self.estate.meter("E1")

    def keep(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text + "\n")
        path.chmod(0o600)

    def config(self) -> MeterConfig:
        return MeterConfig.model_validate(
            {
                "label": "meter E1",
                "address": 17,
                "model": "is16444",
                "client": self.client,
                "security": self.mode,
                "password_file": self.folder / "password",
                "encryption_key_file": self.folder / "ek",
                "authentication_key_file": self.folder / "ak",
            }
        )

    def poll(self) -> PollResult:
        """Poll as a gateway that was just started."""
        with Spool.open(self.folder / "spool.db") as spool:
            counters = Counters(SpoolCounters(spool), "gw-1", "a")
            return poll(
                sessions(self.bus, counters, sleep=self.rests.append),
                self.config(),
                lambda _meter: {},
                self.now,
                memory=self.memory,
                monotonic=lambda: 0.0,
            )


@contextmanager
def world(folder: Path, client: int = 32, mode: str = "lls-ae", **security: Any) -> Iterator[World]:
    keys = {"encryption_key": EK, "authentication_key": AK, "reader": "lls-ae", **security}
    if mode == "lls":
        keys["reader"] = "lls"
    meter = {
        "label": "meter E1",
        "serial": "E1",
        "manufacturer": "GSE",
        "model": "single_phase",
        "address": 17,
        "load": {"kind": "flat"},
        "password": PASSWORD,
        "security": keys,
    }
    estate = parse_estate({"bus": [{"name": "a", "link": "a", "meter": [meter]}]})
    here: list[World] = []

    def now() -> datetime:
        return here[0].now if here else NOW

    with serve(estate, folder / "buses", baud=None, now=now) as ports:
        config = BusConfig(name="a", port=ports["a"], baudrate=115200, turnaround_s=0.5)
        with Bus(config) as bus:
            here.append(World(estate, bus, folder, client, mode))
            yield here[0]


def cells(found: PollResult) -> dict[tuple[Obis | None, Obis, int], int | None]:
    """Return every value that a poll read and the meter keeps: (profile, code, time) -> raw."""
    return {
        (block.profile, column.obis, row[0] or 0): raw
        for block in found.rows
        if block.profile != INSTANTANEOUS_PROFILE
        for row in block.rows
        for column, raw in zip(block.columns, row[2:], strict=True)
        if column.attribute == VALUE
    }


def truth(meter: VirtualMeter, now: datetime) -> dict[tuple[Obis | None, Obis, int], object]:
    """Return the same of the meter's own buffers."""
    return {
        (profile, name, int(row.ts.timestamp())): value
        for profile in (BLOCK_LOAD_PROFILE, DAILY_LOAD_PROFILE, BILLING_PROFILE, *EVENT_PROFILES)
        for row in meter.buffered(profile, now)
        for (_, name, attribute), value in zip(meter.columns(profile)[1:], row.values, strict=True)
        if attribute == VALUE
    }


def assert_true(here: World, found: PollResult) -> None:
    known = truth(here.meter, here.now)
    read = cells(found)
    assert len(read) > 40
    for (profile, obis, ts), raw in read.items():
        if profile is None:
            assert raw == here.meter.register_at(obis, datetime.fromtimestamp(ts, UTC))
        else:
            assert raw == known[profile, obis, ts]


@pytest.mark.parametrize(("client", "mode"), MODES)
@pytest.mark.parametrize("general", [False, True], ids=["glo", "general-glo"])
def test_every_value_is_the_truth(tmp_path: Path, client: int, mode: str, general: bool) -> None:
    with world(tmp_path, client, mode, general=general) as here:
        found = here.poll()
        assert found.findings == ()
        assert found.meter.serial == "E1"
        assert_true(here, found)
        asked = [16, client] if mode != "lls" else [client]
        assert here.aarqs == asked
        here.now += timedelta(minutes=15)
        assert_true(here, here.poll())
        assert here.aarqs == [*asked, client]


@pytest.mark.parametrize(("client", "mode"), MODES[1:])
@pytest.mark.parametrize("explains", [True, False])
def test_a_counter_that_is_behind(tmp_path: Path, client: int, mode: str, explains: bool) -> None:
    with world(tmp_path, client, mode, explains=explains) as here:
        here.poll()
        assert here.meter.vault is not None
        here.meter.vault.taken[client] += 100_000
        ahead = here.meter.vault.taken[client]
        found = here.poll()
        assert found.findings == ()
        assert_true(here, found)
        assert here.aarqs[2:] == [client, 16, client]
        assert here.rests == [1.0, 1.0]
        assert here.meter.vault.taken[client] > ahead
        here.poll()
        assert here.aarqs[5:] == [client]


def test_a_spool_that_was_lost(tmp_path: Path) -> None:
    with world(tmp_path) as here:
        here.poll()
        for path in tmp_path.glob("spool.db*"):
            path.unlink()
        found = here.poll()
        assert found.findings == ()
        assert_true(here, found)
        assert here.aarqs == [16, 32, 16, 32]


@pytest.mark.parametrize(
    ("client", "mode", "wrong"),
    [
        (32, "lls", ("password", "Wr0ngOne")),
        (32, "lls-ae", ("password", "Wr0ngOne")),
        (32, "lls-ae", ("ek", OTHER)),
        (32, "lls-ae", ("ak", OTHER)),
        (48, "hls-gmac", ("ek", OTHER)),
        (48, "hls-gmac", ("ak", OTHER)),
    ],
)
def test_wrong_secrets_give_one_error_and_no_second_try(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    client: int,
    mode: str,
    wrong: tuple[str, str],
) -> None:
    name, text = wrong
    caplog.set_level(logging.DEBUG)
    with world(tmp_path, client, mode) as here:
        here.keep(name, text)
        with pytest.raises(PasswordRefused, match="meter E1") as caught:
            here.poll()
        assert [each for each in here.aarqs if each != 16] == [client]
        here.keep(name, {"password": PASSWORD, "ek": EK, "ak": AK}[name])
        assert_true(here, here.poll())
    said = str(caught.value) + caplog.text
    assert "\n" not in str(caught.value)
    for secret in (PASSWORD, "Wr0ngOne", EK, AK, OTHER, EK.lower(), AK.lower(), OTHER.lower()):
        assert secret not in said


@pytest.mark.parametrize(
    ("served", "client", "mode"),
    [("lls", 32, "lls-ae"), ("lls-ae", 32, "lls")],
)
def test_the_wrong_kind_of_security_is_refused(
    tmp_path: Path, served: str, client: int, mode: str
) -> None:
    with world(tmp_path, client, served) as here:
        here.mode = mode
        with pytest.raises(AssociationRefused, match="diagnostic 2"):
            here.poll()


def test_a_key_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    with world(tmp_path) as here:
        (tmp_path / "ek").chmod(0o644)
        with pytest.raises(ConfigurationError, match="chmod 600"):
            here.poll()
        assert here.aarqs == []


@pytest.mark.parametrize(("client", "mode"), MODES[1:])
@pytest.mark.parametrize("every", [1, 3, 7])
def test_what_was_changed_on_the_line_is_never_a_value(
    tmp_path: Path, client: int, mode: str, every: int
) -> None:
    with world(tmp_path, client, mode) as here:
        changed = _change(here.bus, every)
        for _ in range(3):
            try:
                found = here.poll()
            except ProtocolViolation:
                continue
            known = truth(here.meter, here.now)
            for (profile, obis, ts), raw in cells(found).items():
                if profile is None:
                    assert raw == here.meter.register_at(obis, here.now)
                else:
                    assert raw == known[profile, obis, ts]
        assert changed


def _change(bus: Bus, every: int) -> list[int]:
    """Change a byte of every so many ciphered answers, and make their check sequences good.

    Returns:
        The places of what was changed, so far.
    """
    receive, places = bus.receive, list[int]()
    count = 0
    waiting = b""

    def changed(timeout_s: float) -> bytes:
        nonlocal count, waiting
        waiting += receive(timeout_s)
        if not waiting.startswith(b"\x7e") or len(waiting) < 3:
            data, waiting = waiting, b""
            return data
        size = int.from_bytes(waiting[1:3], "big") & 0x7FF
        if len(waiting) < size + 2:
            return b""
        data, waiting = waiting[: size + 2], waiting[size + 2 :]
        if data[9:13] == b"\xe6\xe7\x00\xcc":
            count += 1
            if count % every == 0:
                place = 14 + count % (len(data) - 17)
                places.append(place)
                body = bytearray(data[1:-3])
                body[place - 1] ^= 1 << count % 8
                return b"\x7e" + bytes(body) + check_sequence(bytes(body)) + b"\x7e"
        return data

    bus.receive = changed  # type: ignore[method-assign]
    return places


def test_register_of_the_utility_client(tmp_path: Path) -> None:
    with world(tmp_path, 48, "hls-gmac") as here:
        found = cells(here.poll())
    assert found[None, ACTIVE_IMPORT, int(NOW.timestamp())] == here.meter.register_at(
        ACTIVE_IMPORT, NOW
    )
