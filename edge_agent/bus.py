# SPDX-License-Identifier: GPL-2.0-only
"""The serial line of one bus: a port that is opened, written, read with a deadline, reopened.

A pseudo-terminal serves as well as an adapter: it has no direction control, no parity and no
speed, and this module insists on none of them. A bus waits with `select` and takes what has come:
pyserial's own `read_until` is slow.

In: a `BusConfig` and bytes to send. Out: the bytes that came.
Owns: the port, alone (a lock keeps every other program out), and the counts of bytes.
Never: what the bytes mean.

The only module that imports pyserial.
"""

import errno
import select
import termios
import time
from types import TracebackType
from typing import Self

import serial
from serial.rs485 import RS485Settings

from edge_agent.errors import BusLost, ConfigurationError, Setup
from edge_agent.settings.bus import BusConfig

_PARITIES = {
    "none": serial.PARITY_NONE,
    "even": serial.PARITY_EVEN,
    "odd": serial.PARITY_ODD,
}
_IN_USE = "another program uses it (the agent? stop it first: systemctl stop edge-agent)"
_REFUSALS = {
    errno.ENOENT: (Setup.PORT_MISSING, "no such device"),
    errno.EIO: (Setup.PORT_MISSING, "the device is gone"),
    errno.EAGAIN: (Setup.PORT_IN_USE, _IN_USE),
    errno.EACCES: (Setup.PORT_DENIED, "permission denied (is this user in the group dialout?)"),
    errno.EBUSY: (Setup.PORT_IN_USE, _IN_USE),
    errno.EISDIR: (Setup.PORT_UNFIT, "not a serial port"),
    errno.EINVAL: (Setup.PORT_UNFIT, "it refuses this speed or parity"),
    errno.ENOTTY: (Setup.PORT_UNFIT, "not a serial port"),
}
"""Why a port failed, by the error number."""
BITS_PER_BYTE = {"none": 10, "even": 11, "odd": 11}


class Bus:
    """One RS-485 line; it opens its port at the first byte."""

    def __init__(self, config: BusConfig) -> None:
        self.config = config
        self.bytes_sent = 0
        self.bytes_received = 0
        self.reopened = 0
        self._serial: serial.Serial | None = None
        self._lost_once = False
        self._byte_s = BITS_PER_BYTE[config.parity] / config.baudrate

    def __repr__(self) -> str:
        state = "closed" if self._serial is None else "open"
        counts = f"{self.bytes_sent} bytes sent, {self.bytes_received} received"
        return (
            f"<{type(self).__name__} {self.config.name} at {self.config.port}: {state}, {counts}>"
        )

    @property
    def turnaround_s(self) -> float:
        """How long a meter on this line may think before its answer begins."""
        return self.config.turnaround_s

    def line_time_s(self, size: int) -> float:
        """Return how long this many bytes take on the line."""
        return size * self._byte_s

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def open(self) -> None:
        """Open the port, if it is not open.

        Raises:
            ConfigurationError: it is not there, in use, not a terminal, or not allowed.
        """
        if self._serial is not None:
            return
        port = str(self.config.port)
        try:
            opened = serial.Serial(
                port,
                self.config.baudrate,
                parity=_PARITIES[self.config.parity],
                timeout=0,
                write_timeout=self.config.turnaround_s + self.line_time_s(4096),
                exclusive=True,
            )
        except (OSError, ValueError, termios.error) as error:
            kind, reason = _refusal(error)
            raise ConfigurationError(
                f"bus {self.config.name}: cannot open {port}: {reason}", of=kind
            ) from None
        try:
            if self.config.direction_control == "rs485":
                opened.rs485_mode = RS485Settings()
            elif self.config.direction_control == "rts":
                opened.rts = False
        except (OSError, ValueError, termios.error):
            opened.close()
            raise ConfigurationError(
                f"bus {self.config.name}: {port} has no direction control "
                f"{self.config.direction_control!r}: set direction_control to 'adapter'",
                of=Setup.PORT_UNFIT,
            ) from None
        self._serial = opened

    def close(self) -> None:
        """Give the port back."""
        opened, self._serial = self._serial, None
        if opened is not None:
            try:
                opened.close()
            except (OSError, termios.error):  # the adapter is gone already
                return

    def send(self, data: bytes) -> None:
        """Write bytes; a port that was lost is opened again first.

        Raises:
            BusLost: the adapter is not there.
        """
        try:
            port = self._open_again()
            if self.config.direction_control == "rts":
                port.rts = True
                port.write(data)
                port.flush()
                port.rts = False
            else:
                port.write(data)
        except (OSError, termios.error) as error:
            raise self._lost(error) from None
        self.bytes_sent += len(data)

    def receive(self, timeout_s: float) -> bytes:
        """Return what has come, after waiting for the first byte; nothing at the deadline.

        Raises:
            BusLost: the adapter vanished.
        """
        try:
            port = self._open_again()
            if not select.select([port.fileno()], [], [], max(0.0, timeout_s))[0]:
                return b""
            data: bytes = port.read(max(1, port.in_waiting))
        except (OSError, ValueError, termios.error) as error:
            raise self._lost(error) from None
        if not data:
            raise self._lost(OSError("the port is at its end"))
        self.bytes_received += len(data)
        return data

    def discard(self, quiet_s: float = 0.0) -> int:
        """Throw away what is waiting, until the line was quiet this long, 2 s at most.

        Returns:
            How many bytes were thrown away.

        Raises:
            BusLost: the adapter vanished.
        """
        stop = time.monotonic() + 2.0
        thrown = 0
        while data := self.receive(quiet_s):
            thrown += len(data)
            if time.monotonic() > stop:
                break
        return thrown

    def _open_again(self) -> serial.Serial:
        if self._serial is None:
            try:
                self.open()
            except ConfigurationError as error:
                raise BusLost(str(error)) from None
            self.reopened += self._lost_once
        if self._serial is None:
            raise BusLost(f"bus {self.config.name} is closed")
        return self._serial

    def _lost(self, error: Exception) -> BusLost:
        self.close()
        self._lost_once = True
        return BusLost(f"bus {self.config.name}: lost {self.config.port}: {_reason(error)}")


def _reason(error: Exception) -> str:
    """Say in a few words why a port failed."""
    return _refusal(error)[1]


def _refusal(error: Exception) -> tuple[Setup, str]:
    """Tell why a port failed: of what kind that is, and in a few words."""
    number = getattr(error, "errno", None)
    text = str(getattr(error, "strerror", None) or error)
    if number is None and "exclusively lock" in text:
        return Setup.PORT_IN_USE, _IN_USE
    if number is None and "Inappropriate ioctl" in text:
        return Setup.PORT_UNFIT, "not a serial port"
    other = text.splitlines()[0][:120] if text else type(error).__name__
    return _REFUSALS.get(number or 0, (Setup.PORT_UNFIT, other))
