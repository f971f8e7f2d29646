# SPDX-License-Identifier: MIT
"""The table of hand-worked months: each case on plain PostgreSQL and on TimescaleDB."""

import tomllib
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cloud_ingest.store.connection import connect
from cloud_ingest.store.migrate import migrate
from tests.integration.cloud_ingest.months.stage import Stage
from tests.support import proofs_hold
from tests.support.store import ZONE, Site

CASES = {
    f"{path.stem}: {name}": case
    for path in sorted(Path(__file__).parent.glob("*.toml"))
    for name, case in tomllib.loads(path.read_text(encoding="utf-8")).items()
}
AT_HOME = {name: case for name, case in CASES.items() if "zone" not in case}
ABROAD = {name: case for name, case in CASES.items() if "zone" in case}


@pytest.mark.parametrize("name", AT_HOME)
def test_a_month(site: Site, name: str) -> None:
    case = AT_HOME[name]
    Stage(site, ZONE, case.get("estimates", "shown")).play(case["story"])
    assert proofs_hold.faults(site.conn) == []


@pytest.mark.parametrize("name", ABROAD)
def test_a_month_of_another_zone(empty_dsn: str, tmp_path: Path, name: str) -> None:
    case: dict[str, Any] = ABROAD[name]
    with connect(empty_dsn) as conn:
        migrate(conn, zone=case["zone"])
        Stage(Site(conn, tmp_path), ZoneInfo(case["zone"])).play(case["story"])
        assert proofs_hold.faults(conn) == []


def test_every_case_says_what_it_shows() -> None:
    assert len(CASES) >= 80
    for name, case in CASES.items():
        assert case.keys() <= {"shows", "zone", "estimates", "story"}, name
        assert case["shows"].endswith("."), name
        assert "#" in case["story"], f"{name}: no arithmetic"
