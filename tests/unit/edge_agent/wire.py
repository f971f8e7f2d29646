# SPDX-License-Identifier: GPL-2.0-only
"""Lines in memory, without a port: virtual meters that a test may disturb, or a list of answers."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from edge_agent.virtual.estate import parse_estate
from tests.support.line_end import LineEnd

NOW = datetime(2026, 3, 10, 6, 37, 20, tzinfo=UTC)


def meter(number: int, address: int, **more: object) -> dict[str, object]:
    """Describe a virtual meter: single phase, serial ``E{number}``."""
    return {
        "label": f"A-{number}",
        "address": address,
        "model": "single_phase",
        "manufacturer": "GSE",
        "serial": f"E{number}",
        "load": {"kind": "flat"},
        **more,
    }


def password_file(folder: Path) -> Path:
    """Write the password of the virtual meters, as the agent takes it."""
    path = folder / "password"
    path.write_text("12345678\n")
    path.chmod(0o600)
    return path


METERS = (
    meter(1, 17),
    meter(2, 18),
    meter(3, 200, max_info=128),
    meter(4, 19, max_pdu=256, max_info=128),
)


class Wire(LineEnd):
    """A transport without a port: virtual meters behind a line that a test may disturb."""

    def __init__(
        self, *, echo: bool = False, meters: Sequence[Mapping[str, object]] = METERS
    ) -> None:
        bus = {"name": "a", "link": "a", "echo": echo, "meter": [dict(each) for each in meters]}
        self.estate = parse_estate({"bus": [bus]})
        super().__init__(self.estate.lines()["a"], NOW)


class Script:
    """A transport that answers from a list, whatever is asked."""

    turnaround_s = 0.03

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.sent: list[bytes] = []
        self._waiting = b""

    def line_time_s(self, size: int) -> float:
        return size * 1e-6

    def send(self, data: bytes) -> None:
        self.sent.append(data)
        self._waiting += self.answers.pop(0) if self.answers else b""

    def receive(self, timeout_s: float) -> bytes:
        assert timeout_s <= 1
        data, self._waiting = self._waiting, b""
        return data

    def discard(self, quiet_s: float = 0.0) -> int:
        return int(quiet_s)
