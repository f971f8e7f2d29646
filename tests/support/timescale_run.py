# SPDX-License-Identifier: MIT
"""The record of the last run against TimescaleDB Community, and whether it is current.

As a pytest plugin (``-p tests.support.timescale_run --timescale-run FILE``) it writes what
ran; as a program it warns when the store has changed since.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "docs" / "reference" / "timescale-run.json"
STORE = (
    "cloud_ingest/store",
    "cloud_ingest/service/leader.py",
    "cloud_ingest/rollup/recompute.py",
    "cloud_ingest/rollup/refresh.py",
    "cloud_ingest/operate/upkeep.py",
)
"""All SQL, and what does other things by the kind of the store; what stands above is one path."""


def store_fingerprint() -> str:
    """Return a SHA-256 over the names and bytes of everything that the store is made of."""
    digest = hashlib.sha256()
    for place in STORE:
        path = ROOT / place
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            if file.suffix in {".py", ".sql"}:
                digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _server(dsn: str) -> dict[str, str]:
    # Not before: pytest has to see first what it rewrites the assertions of.
    from tests.support.store import database_at

    with database_at(dsn) as own, psycopg.connect(own, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION timescaledb")
        row = connection.execute(
            "SELECT current_setting('server_version'), current_setting('timescaledb.license'),"
            " (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb')"
        ).fetchone()
    assert row is not None
    edition = {"timescale": "community"}.get(row[1], row[1])
    return {"postgresql": row[0], "timescaledb": row[2], "edition": edition}


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


class _Recorder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.outcomes: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome == "skipped":
            self.outcomes[report.outcome] += 1

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if exitstatus != pytest.ExitCode.OK or self.outcomes["skipped"]:
            return
        record = {
            **_server(os.environ["IOT_UTILITY_TEST_DSN"]),
            "commit": _commit(),
            "store": store_fingerprint(),
            "passed": self.outcomes["passed"],
            "failed": 0,
        }
        self.path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--timescale-run", type=Path, help="record this run against TimescaleDB in a file"
    )


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--timescale-run")
    if path is not None:
        config.pluginmanager.register(_Recorder(path))


def main() -> None:
    """Warn, without failing, when the recorded run is older than the store."""
    recorded = json.loads(RECORD.read_text()).get("store") if RECORD.exists() else None
    if recorded != store_fingerprint():
        print(
            "warning: the store has changed since its last recorded run against TimescaleDB "
            "Community; run `make test-timescale DSN=…` and commit "
            f"{RECORD.relative_to(ROOT)}",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
