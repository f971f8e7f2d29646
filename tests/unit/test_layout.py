# SPDX-License-Identifier: MIT
"""The layout (ADR 14): what may stand beside the folders, and tests that mirror them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
BESIDE_THE_FOLDERS = {
    "edge_agent": "agent bus clock_policy errors gateway_clock health logs secret_files watchdog",
    "cloud_ingest": "errors logs settings settings_file settings_pages settings_receivers "
    "settings_society",
}
TABLES = {Path("cloud_ingest") / "months"}
"""Data beside the code that plays it."""
FROM_A_TEST = re.compile(r"^from tests\.(?:\S*\.test_\w+ import|\S+ import test_)", re.MULTILINE)


@pytest.mark.parametrize("package", BESIDE_THE_FOLDERS)
def test_a_stage_is_a_folder(package: str) -> None:
    names = {path.stem for path in (ROOT / package).glob("*.py")} - {"__init__"}
    assert names == set(BESIDE_THE_FOLDERS[package].split())


@pytest.mark.parametrize("lane", ["unit", "integration"])
def test_tests_mirror_the_folders(lane: str) -> None:
    folders = {path.parent.relative_to(TESTS / lane) for path in (TESTS / lane).rglob("*.py")}
    assert {each for each in folders if not (ROOT / each).is_dir()} <= TABLES


def test_no_test_imports_from_another() -> None:
    found = [path for path in TESTS.rglob("*.py") if FROM_A_TEST.search(path.read_text("utf-8"))]
    assert found == []
