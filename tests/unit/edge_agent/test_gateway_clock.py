# SPDX-License-Identifier: GPL-2.0-only
"""The gateway's time: believed when somebody vouches for it."""

from pathlib import Path

import pytest

from edge_agent import gateway_clock


def test_the_marker_of_timesyncd_vouches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_clock, "kernel_synchronised", lambda: False)
    marker = tmp_path / "synchronized"
    assert not gateway_clock.is_synchronised(marker=marker)
    marker.touch()
    assert gateway_clock.is_synchronised(marker=marker)


def test_the_kernel_vouches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_clock, "kernel_synchronised", lambda: True)
    assert gateway_clock.is_synchronised(marker=tmp_path / "none")


def test_a_person_vouches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_clock, "kernel_synchronised", lambda: False)
    assert gateway_clock.is_synchronised(assume_synchronised=True, marker=tmp_path / "none")


def test_the_kernel_can_be_asked() -> None:
    assert gateway_clock.kernel_synchronised() in (True, False)


class Clocks:
    """Two clocks that a test moves, and what the system says of them."""

    def __init__(self) -> None:
        self.wall = 1_000_000.0
        self.steady = 50.0
        self.set_once = True
        self.kernel = True

    def keeper(self, *, assume_synchronised: bool = False) -> gateway_clock.Timekeeper:
        return gateway_clock.Timekeeper(
            assume_synchronised=assume_synchronised,
            wall=lambda: self.wall,
            steady=lambda: self.steady,
            ask=lambda: self.set_once,
            ask_kernel=lambda: self.kernel,
        )

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


def test_a_clock_once_synchronised_stays_so_through_a_long_loss_of_the_uplink() -> None:
    clocks = Clocks()
    keeper = clocks.keeper()
    assert keeper.is_synchronised()
    clocks.set_once = clocks.kernel = False
    for _ in range(200):
        clocks.passes(3600)
        clocks.wall += 0.5  # it drifts
        assert keeper.is_synchronised()


@pytest.mark.parametrize("jump_s", [-86400.0, -6.0, 6.0, 365 * 86400.0])
def test_a_clock_that_jumped_waits_for_the_kernels_word(
    jump_s: float, caplog: pytest.LogCaptureFixture
) -> None:
    clocks = Clocks()
    keeper = clocks.keeper()
    assert keeper.is_synchronised()
    clocks.passes(60)
    clocks.wall += jump_s
    clocks.kernel = False
    assert not keeper.is_synchronised(), "that it was set once says nothing any more"
    assert f"'jump_s': {jump_s}" in str([vars(record) for record in caplog.records])
    clocks.passes(60)
    assert not keeper.is_synchronised()
    clocks.kernel = True
    assert keeper.is_synchronised()
    assert len(caplog.records) == 1


def test_the_jump_that_was_waited_for_needs_no_more_than_the_marker() -> None:
    clocks = Clocks()
    clocks.set_once = clocks.kernel = False
    keeper = clocks.keeper()
    assert not keeper.is_synchronised()
    clocks.wall += 50 * 365 * 86400
    clocks.set_once = True
    assert keeper.is_synchronised()


def test_a_jump_is_told_where_somebody_else_keeps_the_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clocks = Clocks()
    clocks.kernel = clocks.set_once = False
    keeper = clocks.keeper(assume_synchronised=True)
    assert keeper.is_synchronised()
    clocks.wall -= 100
    assert keeper.is_synchronised()
    assert len(caplog.records) == 1


def test_the_offset_is_meter_minus_gateway() -> None:
    assert gateway_clock.offset_s(1010, 1000.04) == 10.0
    assert gateway_clock.offset_s(990, 1000.0) == -10.0


def test_other_clocks_are_set_only_while_a_time_service_keeps_this_one() -> None:
    clocks = Clocks()
    keeper = clocks.keeper()
    assert keeper.is_kept()
    clocks.kernel = False  # a long loss of the uplink
    assert keeper.is_synchronised()
    assert not keeper.is_kept()
    clocks.set_once = False
    assert not clocks.keeper().is_kept()
    assert clocks.keeper(assume_synchronised=True).is_kept()
