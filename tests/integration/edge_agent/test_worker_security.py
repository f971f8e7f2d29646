# SPDX-License-Identifier: GPL-2.0-only
"""A bus at work with ciphered meters: one key for all of them, a wrong key, a restart."""

import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.health import Health
from edge_agent.settings.gateway import AgentSettings
from edge_agent.spool.spool import Spool
from edge_agent.virtual.estate import Estate, parse_estate, serve
from edge_agent.worker.adapter import StoppableBus
from edge_agent.worker.schedule import CYCLE_S, DELAY_S
from edge_agent.worker.shared import Shared
from edge_agent.worker.worker import BusWorker
from shared_schema.message import MeterId
from tests.support.desk import idle_desk

EK, AK = "000102030405060708090A0B0C0D0E0F", "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"
OTHER = "EEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEE"
START = 1_773_124_200.0 // CYCLE_S * CYCLE_S + DELAY_S
ADDRESSES = (17, 18, 19)


class Site:
    """Three meters with one key, which a gateway reads as three kinds of clients."""

    def __init__(self, folder: Path, estate: Estate, port: Path) -> None:
        self.folder = folder
        self.estate = estate
        self.now = START
        self.sent: list[bytes] = []
        for name, text in (("pw", "12345678"), ("ek", EK), ("ak", AK), ("other", EK)):
            self.keep(name, text)
        keys = {"encryption_key_file": folder / "ek", "authentication_key_file": folder / "ak"}
        password = {"password_file": folder / "pw"}
        ciphered = {**password, **keys, "security": "lls-ae"}
        meters = [
            {"label": "m17", "address": 17, **ciphered},
            {"label": "m18", "address": 18, **keys, "client": 48},
            {
                "label": "m19",
                "address": 19,
                **ciphered,
                "encryption_key_file": folder / "other",
            },
        ]
        self.settings = AgentSettings.model_validate(
            {
                "gateway": "gw-1",
                "spool": folder / "spool.db",
                "key_file": "k",
                "cloud_key_file": "k",
                "broker": {"host": "b"},
                "bus": [
                    {
                        "name": "riser-1",
                        "port": port,
                        "turnaround_s": 0.5,
                        "meter": [{"model": "is16444", **each} for each in meters],
                    }
                ],
            }
        )

    def keep(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text + "\n")
        path.chmod(0o600)
        # A file that is written twice within a tick of the clock has one time.
        stamp = path.stat().st_mtime_ns + len(self.sent) + 1
        os.utime(path, ns=(stamp, stamp))

    def runs(self, spool: Spool, cycles: int = 1) -> None:
        """Let a worker that was just started work for so many capture periods."""
        (config,) = self.settings.buses
        shared = Shared(
            self.settings,
            spool,
            Health(meter.label for meter in config.meters),
            lambda: True,
            idle_desk(self.settings, spool),
        )
        bus = StoppableBus(config)
        send = bus.send

        def counted(data: bytes) -> None:
            self.sent.append(data)
            send(data)

        bus.send = counted  # type: ignore[method-assign]
        worker = BusWorker(
            shared, config, bus=bus, wall=lambda: self.now, monotonic=lambda: self.now
        )
        until = self.now + cycles * CYCLE_S
        try:
            while self.now < until:
                self.now += min(max(worker.step(), 0.01), until - self.now)
        finally:
            bus.close()

    def aarqs(self, address: int) -> list[int]:
        """Return the clients of the associations that this meter was asked for."""
        return [
            each[5] >> 1
            for each in self.sent
            if each[4] >> 1 == address and each[9:13] == b"\xe6\xe6\x00\x60"
        ]

    def nonces(self) -> list[bytes]:
        """Return system title and counter of each ciphered request, as it was first sent."""
        found: list[bytes] = []
        titles: dict[int, bytes] = {}
        for each in dict.fromkeys(self.sent):
            apdu = each[12:-3]
            if apdu[:1] == b"\x60" and (at := apdu.find(b"\xa6\x0a\x04\x08")) >= 0:
                titles[each[4]] = apdu[at + 4 : at + 12]
                apdu = apdu[apdu.index(b"\x21\x1f\x30") :]
            if apdu[:1] in (b"\x21", b"\xc8", b"\xcb"):
                head = 3 if apdu[1] < 0x80 else 3 + (apdu[1] & 0x7F)
                found.append(titles[each[4]] + apdu[head : head + 4])
        return found


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    meters = [
        {
            "label": f"m{address}",
            "serial": f"E{address}",
            "manufacturer": "GSE",
            "model": "single_phase",
            "address": address,
            "load": {"kind": "flat"},
            "profile_days": 2,
            "security": {"encryption_key": EK, "authentication_key": AK},
        }
        for address in ADDRESSES
    ]
    estate = parse_estate({"bus": [{"name": "a", "link": "a", "meter": meters}]})
    here: list[Site] = []

    def now() -> datetime:
        return datetime.fromtimestamp(here[0].now if here else START, UTC)

    with serve(estate, tmp_path / "buses", baud=None, now=now) as ports:
        here.append(Site(tmp_path, estate, ports["a"]))
        yield here[0]


def read(spool: Spool) -> set[str]:
    """Return the serial numbers of the meters whose rows are in the spool."""
    serials = (f"E{address}" for address in ADDRESSES)
    return {
        serial for serial in serials if spool.watermarks(MeterId(manufacturer="GSE", serial=serial))
    }


def test_meters_with_one_key_never_see_one_nonce_twice(site: Site) -> None:
    with Spool.open(site.settings.spool) as spool:
        site.runs(spool, 2)
        assert read(spool) == {"E17", "E18", "E19"}
    with Spool.open(site.settings.spool) as spool:
        site.runs(spool)
    for address, client in ((17, 32), (18, 48), (19, 32)):
        first, *others = site.aarqs(address)
        assert first == 16
        assert len(others) >= 3
        assert set(others) == {client}
    nonces = site.nonces()
    assert len(nonces) > 60
    assert len(set(nonces)) == len(nonces)


def test_a_meter_with_a_wrong_key_is_left_alone_until_there_is_another(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    site.keep("other", OTHER)
    with Spool.open(site.settings.spool) as spool:
        site.runs(spool, 3)
        assert read(spool) == {"E17", "E18"}
        assert site.aarqs(19) == [16, 32]
    with Spool.open(site.settings.spool) as spool:
        site.runs(spool, 2)
        assert site.aarqs(19) == [16, 32]
        site.keep("other", EK)
        site.runs(spool)
        assert site.aarqs(19)[:4] == [16, 32, 16, 32]
        assert 16 not in site.aarqs(19)[4:]
        assert read(spool) == {"E17", "E18", "E19"}
    said = "\n".join(str(vars(record)) for record in caplog.records)
    assert "cannot decipher: the keys of client 32 are not the meter's" in said
    for secret in (EK, AK, OTHER, "12345678"):
        assert secret.lower() not in said.lower()
