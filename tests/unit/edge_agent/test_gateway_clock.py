# SPDX-License-Identifier: GPL-2.0-only
"""The gateway's time: believed when somebody vouches for it."""

from pathlib import Path

import pytest

from edge_agent import gateway_clock
from edge_agent.gateway_clock import Believed, Stand, Timekeeper


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
    """A gateway's two clocks, which a test moves, and what the system says of them."""

    def __init__(self) -> None:
        self.wall = 1_800_000_000.0
        self.steady = 50.0
        self.boot = "first"
        self.set_once = True
        self.kernel = True
        self.kept: list[Stand] = []
        self.newest = 0.0

    def stand(self) -> Stand:
        return Stand(self.boot, self.wall - self.steady)

    def keeper(self, *, assume_synchronised: bool = False) -> Timekeeper:
        return Timekeeper(
            assume_synchronised=assume_synchronised,
            before=Believed(self.kept[-1] if self.kept else None, self.newest),
            keep=self.kept.append,
            wall=lambda: self.wall,
            stand=self.stand,
            ask=lambda: self.set_once or self.kernel,
            ask_kernel=lambda: self.kernel,
        )

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    def starts(self, wall: float, *, kernel: bool = False, set_once: bool = False) -> None:
        """Let the machine start anew, with the time that its clock then shows."""
        self.boot += "'"
        self.wall, self.steady = wall, 0.0
        self.kernel, self.set_once = kernel, set_once


def test_a_clock_once_synchronised_stays_so_through_a_long_loss_of_the_uplink() -> None:
    clocks = Clocks()
    keeper = clocks.keeper()
    assert keeper.is_synchronised()
    clocks.set_once = clocks.kernel = False
    for _ in range(200):
        clocks.passes(3600)  # a slewed clock moves both
        assert keeper.is_synchronised()


@pytest.mark.parametrize("assumed", [False, True])
@pytest.mark.parametrize("jump_s", [-86400.0, -90.0, -6.0, 6.0, 90.0, 86400.0, 365 * 86400.0])
def test_a_clock_that_jumped_waits_for_the_kernels_word(
    jump_s: float, assumed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    clocks = Clocks()
    keeper = clocks.keeper(assume_synchronised=assumed)
    assert keeper.is_synchronised()
    clocks.passes(60)
    clocks.wall += jump_s
    clocks.kernel = False
    assert not keeper.is_synchronised(), "that it was set once says nothing any more"
    clocks.passes(60)
    assert not keeper.is_synchronised()
    assert [vars(each)["jump_s"] for each in caplog.records] == [jump_s]
    clocks.kernel = True
    assert keeper.is_synchronised()
    assert keeper.jump == (1, jump_s)


@pytest.mark.parametrize("jump_s", [-86400.0, -90.0, 90.0, 86400.0])
def test_a_clock_that_came_back_is_believed(jump_s: float) -> None:
    clocks = Clocks()
    clocks.kernel = clocks.set_once = False
    keeper = clocks.keeper(assume_synchronised=True)
    assert keeper.is_synchronised()
    clocks.wall += jump_s
    assert not keeper.is_synchronised()
    clocks.passes(3600)
    clocks.wall -= jump_s
    assert keeper.is_synchronised()
    assert keeper.jump == (1, jump_s)


def test_many_small_steps_add_up_to_a_jump() -> None:
    clocks = Clocks()
    keeper = clocks.keeper()
    assert keeper.is_synchronised()
    clocks.kernel = False
    clocks.wall += 4
    assert keeper.is_synchronised()
    clocks.wall += 4
    assert not keeper.is_synchronised()


def test_small_steps_of_a_time_service_do_not_add_up() -> None:
    clocks = Clocks()
    keeper = clocks.keeper()
    for _ in range(10):
        clocks.wall += 4
        assert keeper.is_synchronised()
    clocks.kernel = False
    clocks.wall += 4
    assert keeper.is_synchronised()
    assert keeper.jump.number == 0


@pytest.mark.parametrize("jump_s", [-86400.0, 90.0, 86400.0])
def test_a_jump_while_the_agent_was_down_is_seen(jump_s: float) -> None:
    clocks = Clocks()
    assert clocks.keeper().is_synchronised()
    clocks.wall += jump_s
    clocks.kernel = False
    for assumed in (False, True):
        assert not clocks.keeper(assume_synchronised=assumed).is_synchronised()


@pytest.mark.parametrize("wall", [0.0, 1_799_999_000.0])
def test_after_a_start_a_clock_behind_its_newest_reading_is_not_assumed(wall: float) -> None:
    clocks = Clocks()
    assert clocks.keeper().is_synchronised()
    clocks.newest = clocks.wall
    clocks.starts(wall)
    keeper = clocks.keeper(assume_synchronised=True)
    assert not keeper.is_synchronised()
    clocks.wall, clocks.kernel = 1_800_001_000.0, True
    assert keeper.is_synchronised()
    assert keeper.jump.number == 0, "the leap of the time service was waited for"


@pytest.mark.parametrize("kernel", [False, True])
@pytest.mark.parametrize("wall", [0.0, 5e9])
def test_a_time_that_no_reading_can_carry_is_not_believed(wall: float, kernel: bool) -> None:
    """A board without a battery begins in 1970, and its spool may be empty."""
    clocks = Clocks()
    clocks.wall, clocks.kernel = wall, kernel
    keeper = clocks.keeper(assume_synchronised=True)
    assert not keeper.is_synchronised()
    clocks.wall, clocks.kernel = 1_800_000_000.0, True
    assert keeper.is_synchronised()
    assert keeper.jump.number == 0


def test_a_machine_that_slept_is_believed() -> None:
    clocks = Clocks()
    keeper = clocks.keeper(assume_synchronised=True)
    assert keeper.is_synchronised()
    clocks.kernel = clocks.set_once = False
    clocks.passes(8 * 3600)  # the kernel adds the sleep to both
    assert keeper.is_synchronised()


def test_a_machine_that_does_not_say_when_it_started_assumes_nothing_of_before() -> None:
    assert Stand("", 900_000.0).since(Stand("", 5.0)) is None


def test_the_jump_that_was_waited_for_needs_no_more_than_the_marker() -> None:
    clocks = Clocks()
    clocks.set_once = clocks.kernel = False
    keeper = clocks.keeper()
    assert not keeper.is_synchronised()
    clocks.wall += 50 * 365 * 86400
    clocks.set_once = True
    assert keeper.is_synchronised()
    assert keeper.jump.number == 0


def test_an_assumed_time_is_not_vouched_for() -> None:
    clocks = Clocks()
    assert clocks.keeper(assume_synchronised=True).is_vouched()
    clocks.kernel = clocks.set_once = False
    keeper = clocks.keeper(assume_synchronised=True)
    assert keeper.is_synchronised()
    assert not keeper.is_vouched()


def test_this_machine_stands_still_against_itself() -> None:
    moved_s = Stand.of_now().since(Stand.of_now())
    assert moved_s is not None
    assert abs(moved_s) < 1


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
