# SPDX-License-Identifier: MIT
"""Where tests write their files."""

import os
import tempfile
from pathlib import Path

import pytest

from tests.support import memory


@pytest.fixture(autouse=True)
def no_place_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", None)


def test_programs_of_a_test_write_into_memory_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "ENOUGH_BYTES", 0)
    memory.write_into_memory(tmp_path)
    assert os.environ["TMPDIR"] == tempfile.gettempdir() == str(tmp_path)


def test_a_place_that_somebody_named_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", "/somewhere")
    monkeypatch.setattr(memory, "ENOUGH_BYTES", 0)
    memory.write_into_memory(tmp_path)
    assert os.environ["TMPDIR"] == "/somewhere"


@pytest.mark.parametrize("wanting", ["no memory", "little memory", "no programs"])
def test_memory_that_cannot_hold_tests_is_left_alone(
    wanting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = 1 if wanting == "little memory" else 1 << 20
    flags = os.ST_NOEXEC if wanting == "no programs" else 0
    found = os.statvfs_result((4096, 4096, 1 << 20, free, free, 0, 0, 0, flags, 255))
    monkeypatch.setattr(os, "statvfs", lambda _path: found)
    memory.write_into_memory(tmp_path / "none" if wanting == "no memory" else tmp_path)
    assert "TMPDIR" not in os.environ
