# SPDX-License-Identifier: GPL-2.0-only
"""Back-fill across both changes of the year: of meters that write their zone, and that do not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge_agent.meters.model import load
from edge_agent.poll.memory import Memory
from edge_agent.poll.poll import poll
from edge_agent.poll.sessions import sessions
from edge_agent.settings.bus import BusConfig
from edge_agent.virtual.estate import parse_estate
from shared_schema.catalogue import BLOCK_LOAD_PROFILE
from shared_schema.obis import Obis
from tests.support.line_time import LineTime, Wire

BERLIN = ZoneInfo("Europe/Berlin")
DAYS = 12
NOW = {
    "spring": datetime(2026, 4, 3, 6, 37, 20, tzinfo=UTC),
    "autumn": datetime(2026, 10, 30, 6, 37, 20, tzinfo=UTC),
    "within the hour that comes twice": datetime(2026, 10, 25, 1, 37, 20, tzinfo=UTC),
}
WRITES = {"standard": 1, "reversed": -1, "unspecified": 1, "zero": 0, "ffff": 1, "utc": 1}


@pytest.mark.parametrize("change", NOW)
@pytest.mark.parametrize("deviation", WRITES)
def test_a_back_fill_across_a_change_has_each_row_once_and_right(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: str, deviation: str
) -> None:
    time = LineTime(NOW[change])
    time.rule(monkeypatch)
    meter = {
        "label": "A",
        "serial": "E1",
        "manufacturer": "GSE",
        "address": 17,
        "model": "single_phase",
        "deviation": deviation,
        "installed_at": NOW[change] - timedelta(days=DAYS),
        "load": {"kind": "flat"},
    }
    estate = parse_estate(
        {"zone": "Europe/Berlin", "bus": [{"name": "a", "link": "a", "meter": [meter]}]}
    )
    kind = load("is16444")
    profile = next(each for each in kind.profiles if each.obis == BLOCK_LOAD_PROFILE)
    own = {
        "profiles": (profile,),
        "registers": (),
        "zone_offset_min": 60,
        "deviation_sign": WRITES[deviation],
    }
    monkeypatch.setattr("edge_agent.poll.poll.load", lambda *_name: kind.model_copy(update=own))
    password = tmp_path / "password"
    password.write_text("12345678")
    password.chmod(0o600)
    config = BusConfig.model_validate(
        {
            "name": "a",
            "port": "none",
            "meters": [
                {"label": "A", "address": 17, "model": "is16444", "password_file": password}
            ],
        }
    )
    wire = Wire(config, estate.lines()["a"], time)
    marks: dict[Obis, int] = {}
    memory = Memory()
    seen: list[tuple[int | None, ...]] = []
    for _ in range(6):
        found = poll(
            sessions(wire, sleep=time.sleep),
            config.meters[0],
            lambda _meter: marks,
            time.now(),
            memory=memory,
            windows=4,
            zone=BERLIN,
            monotonic=time,
        )
        assert not found.findings
        marks.update(found.watermarks)
        seen += [row for block in found.rows for row in block.rows]
        if found.caught_up:
            break
    truth = {
        int(row.ts.timestamp()): row.values[0]
        for row in estate.meter("E1").buffered(BLOCK_LOAD_PROFILE, time.now())
    }
    assert {row[0] for row in seen} == set(truth)
    assert all(truth[row[0] or 0] in row[2:] for row in seen)
