# SPDX-License-Identifier: MIT
"""The workflow of the public forge: it may little, and what it runs is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")


def test_it_may_read_and_has_no_secret() -> None:
    assert TEXT.count("permissions:") == 1
    assert "\npermissions:\n  contents: read\n" in TEXT
    assert "secrets." not in TEXT
    assert "pull_request_target" not in TEXT
    assert TEXT.count("persist-credentials: false") == TEXT.count("actions/checkout@")


def test_its_actions_are_of_one_version() -> None:
    used = re.findall(r"uses: (\S+)", TEXT)
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@(v\d+\.\d+\.\d+|[0-9a-f]{40})", word) for word in used)


def test_its_targets_are_there() -> None:
    made = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    wanted = set(re.findall(r"run: make ([\w-]+)", TEXT))
    assert wanted == {"test", "test-containers"}
    assert wanted <= made
