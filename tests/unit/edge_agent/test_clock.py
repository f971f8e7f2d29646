# SPDX-License-Identifier: GPL-2.0-only
"""The gateway's time: believed when somebody vouches for it."""

from pathlib import Path

import pytest

from edge_agent import clock


def test_the_marker_of_timesyncd_vouches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "kernel_synchronised", lambda: False)
    marker = tmp_path / "synchronized"
    assert not clock.is_synchronised(marker=marker)
    marker.touch()
    assert clock.is_synchronised(marker=marker)


def test_the_kernel_vouches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "kernel_synchronised", lambda: True)
    assert clock.is_synchronised(marker=tmp_path / "none")


def test_a_person_vouches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "kernel_synchronised", lambda: False)
    assert clock.is_synchronised(assume_synchronised=True, marker=tmp_path / "none")


def test_the_kernel_can_be_asked() -> None:
    assert clock.kernel_synchronised() in (True, False)


def test_the_offset_is_meter_minus_gateway() -> None:
    assert clock.offset_s(1010, 1000.04) == 10.0
    assert clock.offset_s(990, 1000.0) == -10.0
