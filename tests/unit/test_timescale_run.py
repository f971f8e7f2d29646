# SPDX-License-Identifier: MIT
"""The record of the run against TimescaleDB knows of everything that is other there."""

import re

from tests.support.timescale_run import ROOT, STORE

SHOWN = {"cloud_ingest/operate/checks.py", "cloud_ingest/cli/store.py"}
"""They say what kind of store it is, and do nothing by it."""


def test_the_fingerprint_covers_what_editions_differ_in() -> None:
    asks = {
        str(path.relative_to(ROOT))
        for path in ROOT.joinpath("cloud_ingest").rglob("*.py")
        if re.search(r"\bstore\.(rollups|tables)\b", path.read_text(encoding="utf-8"))
    }
    own = {name for name in asks if not name.startswith("cloud_ingest/store/")}
    assert own - SHOWN == {place for place in STORE if place.endswith(".py")}
