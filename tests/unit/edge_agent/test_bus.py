# SPDX-License-Identifier: GPL-2.0-only
"""The bus on a pseudo-terminal: one owner, a deadline, one line for a person."""

import os
import pty
import select
import tty
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge_agent.bus import Bus
from edge_agent.errors import BusLost, ConfigurationError
from edge_agent.settings.bus import BusConfig


@dataclass
class Terminal:
    """The far end of a pty, and the path of the near one."""

    far: int
    path: Path

    def close(self) -> None:
        if self.far >= 0:
            os.close(self.far)
            self.far = -1

    def config(self, **more: object) -> BusConfig:
        return BusConfig.model_validate({"name": "a", "port": self.path, **more})


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    far, near = pty.openpty()
    tty.setraw(far)
    path = Path(os.ttyname(near))
    os.close(near)
    found = Terminal(far, path)
    try:
        yield found
    finally:
        found.close()


def test_bytes_go_both_ways_unchanged(terminal: Terminal) -> None:
    every = bytes(range(256))
    with Bus(terminal.config()) as bus:
        bus.send(every)
        assert os.read(terminal.far, 300) == every
        os.write(terminal.far, every)
        received = b""
        while len(received) < 256:
            received += bus.receive(1.0)
        assert received == every
        assert (bus.bytes_sent, bus.bytes_received) == (256, 256)


def test_a_bus_shows_its_state(terminal: Terminal) -> None:
    bus = Bus(terminal.config())
    assert repr(bus) == f"<Bus a at {terminal.path}: closed, 0 bytes sent, 0 received>"
    with bus:
        bus.send(b"abc")
        assert repr(bus) == f"<Bus a at {terminal.path}: open, 3 bytes sent, 0 received>"


def test_silence_ends_at_the_deadline(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    wait = select.select

    def noted(*arguments: Any) -> Any:
        waits.append(arguments[-1])
        return wait(*arguments)

    with Bus(terminal.config()) as bus:
        monkeypatch.setattr("edge_agent.bus.select.select", noted)
        assert bus.receive(0.05) == b""
    assert waits == [0.05]


def test_what_waits_can_be_thrown_away(terminal: Terminal) -> None:
    with Bus(terminal.config()) as bus:
        os.write(terminal.far, b"late")
        assert bus.discard(0.05) == 4
        assert bus.receive(0) == b""


def test_a_port_has_one_owner(terminal: Terminal) -> None:
    with (
        Bus(terminal.config()),
        pytest.raises(ConfigurationError, match="another program uses it"),
    ):
        Bus(terminal.config()).open()
    with Bus(terminal.config()) as bus:  # and is given back
        bus.send(b"x")


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/dev/no-such-port", "no such device"), ("/dev/null", "not a serial port"), ("/", "port")],
)
def test_a_port_that_is_none_is_one_line(path: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason) as caught:
        Bus(BusConfig(name="a", port=Path(path))).open()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("control", ["rs485", "rts"])
def test_a_missing_direction_control_says_what_to_set(terminal: Terminal, control: str) -> None:
    with pytest.raises(ConfigurationError, match="direction_control to 'adapter'"):
        Bus(terminal.config(direction_control=control)).open()


class Adapter:
    """A serial port that notes what was done with it, in order."""

    did: list[tuple[str, Any]]

    def __init__(self) -> None:
        self.__dict__["did"] = []

    def __setattr__(self, name: str, value: object) -> None:
        self.did.append((name, value))

    def write(self, data: bytes) -> None:
        self.did.append(("write", data))

    def flush(self) -> None:
        self.did.append(("flush", None))

    def close(self) -> None:
        self.did.append(("close", None))


def test_rts_is_raised_while_bytes_leave(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Adapter()
    monkeypatch.setattr("edge_agent.bus.serial.Serial", lambda *_, **__: made)
    config = BusConfig(name="a", port=Path("/dev/ttyS0"), direction_control="rts")
    with Bus(config) as bus:
        bus.send(b"one")
        bus.send(b"two")
    sent = [
        [("rts", True), ("write", data), ("flush", None), ("rts", False)]
        for data in (b"one", b"two")
    ]
    assert made.did == [("rts", False), *sent[0], *sent[1], ("close", None)]


def test_the_kernel_turns_the_line_in_rs485_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Adapter()
    monkeypatch.setattr("edge_agent.bus.serial.Serial", lambda *_, **__: made)
    config = BusConfig(name="a", port=Path("/dev/ttyS0"), direction_control="rs485")
    with Bus(config) as bus:
        bus.send(b"one")
    (name, settings), *rest = made.did
    assert (name, type(settings).__name__) == ("rs485_mode", "RS485Settings")
    assert (settings.rts_level_for_tx, settings.rts_level_for_rx) == (True, False)
    assert rest == [("write", b"one"), ("close", None)]


def test_an_adapter_that_vanishes_is_opened_again(terminal: Terminal, tmp_path: Path) -> None:
    link = tmp_path / "adapter"
    link.symlink_to(terminal.path)
    bus = Bus(BusConfig(name="a", port=link))
    with bus:
        terminal.close()
        with pytest.raises(BusLost):
            bus.receive(0.1)
        link.unlink()
        with pytest.raises(BusLost, match="no such device"):
            bus.send(b"x")
        far, near = pty.openpty()
        tty.setraw(far)
        link.symlink_to(os.ttyname(near))
        bus.send(b"back")
        assert os.read(far, 10) == b"back"
        assert bus.reopened == 1
    os.close(far)
    os.close(near)


def test_line_time_follows_speed_and_parity() -> None:
    config = {"name": "a", "port": "/dev/null", "baudrate": 9600}
    assert Bus(BusConfig.model_validate(config)).line_time_s(960) == pytest.approx(1.0)
    even = Bus(BusConfig.model_validate({**config, "parity": "even"}))
    assert even.line_time_s(960) == pytest.approx(1.1)
