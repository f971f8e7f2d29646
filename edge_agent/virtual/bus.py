# SPDX-License-Identifier: GPL-2.0-only
"""Pseudo terminals as serial ports: the only module here that does I/O.

In: lines with their stations. Out: devices that a client opens like `/dev/ttyUSB0`.
Owns the terminals, their links and one thread for all of them. Never looks into the bytes.

The slave end stays open here as well, so that a client may close and open it as it likes; a
master that reports EIO all the same is served again when a client is back.
"""

import contextlib
import errno
import os
import selectors
import threading
import time
import tty
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from edge_agent.virtual.line import Line

_READ = 65536
_HELD_BACK = 1 << 20
"""Bytes kept for a client that does not read; a real line keeps none."""
_PAUSE_S = 0.05


class PtyBus:
    """One bus on a pseudo terminal."""

    def __init__(self, line: Line, link: Path | None = None) -> None:
        """Open a terminal.

        Args:
            line: The wire and its stations.
            link: Where a symbolic link to the device is kept, if anywhere; an older link in
                its place is replaced.

        Raises:
            OSError: no terminal, or no link, can be made.
        """
        self.line = line
        self.link = link
        self.master = -1
        self._slave = -1
        self.device = ""
        """The path of the slave end, such as `/dev/pts/5`."""
        self._outgoing = b""
        self.watched = False
        """Whether the thread waits for the terminal to take bytes again."""
        self.open()

    @property
    def path(self) -> str:
        """What a client opens: the link, or the device where there is none."""
        return self.device if self.link is None else str(self.link)

    @property
    def waiting(self) -> bool:
        """Whether bytes wait for the client to read."""
        return bool(self._outgoing)

    def open(self) -> None:
        """Make the terminal and its link."""
        self.master, self._slave = os.openpty()
        try:
            tty.setraw(self._slave)
            os.set_blocking(self.master, False)
            self.device = os.ttyname(self._slave)
            if self.link is not None:
                self.link.parent.mkdir(parents=True, exist_ok=True)
                fresh = self.link.with_name(f".{self.link.name}.{os.getpid()}")
                fresh.unlink(missing_ok=True)
                fresh.symlink_to(self.device)
                fresh.replace(self.link)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the terminal and remove the link, if it is still ours."""
        for end in (self.master, self._slave):
            if end >= 0:
                os.close(end)
        self.master = self._slave = -1
        self._outgoing = b""
        if self.link is not None:
            with contextlib.suppress(OSError):
                if str(self.link.readlink()) == self.device:
                    self.link.unlink()

    def take(self, tick: float) -> bool:
        """Move what the client wrote to the wire; return False when the client is gone.

        Args:
            tick: Time of the line, seconds.
        """
        try:
            data = os.read(self.master, _READ)
        except BlockingIOError:
            return True
        except OSError as error:
            if error.errno == errno.EIO:
                return False
            raise
        if data:
            self.line.write(data, tick)
        return True

    def wakes_at(self, tick: float) -> list[float]:
        """Return when something happens here next of itself, in the line's time."""
        times = (self.line.due(), self.line.trouble.plugs_at(tick))
        return [at for at in times if at is not None]

    def give(self, now: datetime, tick: float) -> None:
        """Let time pass on the wire and hand the client what arrived.

        Args:
            now: The true time, aware.
            tick: Time of the line, seconds.
        """
        self._outgoing = (self._outgoing + self.line.advance(now, tick))[-_HELD_BACK:]
        if self.master < 0:
            self._outgoing = b""
        if not self._outgoing:
            return
        try:
            sent = os.write(self.master, self._outgoing)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            sent = len(self._outgoing)
        self._outgoing = self._outgoing[sent:]


class BusThread:
    """Serves any number of buses until it is stopped; a context manager."""

    def __init__(self, buses: Sequence[PtyBus], clock: Callable[[], datetime]) -> None:
        """Set up the thread; `start` or `with` begins.

        Args:
            buses: Open buses; they are closed at the end.
            clock: Gives the true time, aware; it may run at any speed.
        """
        self._buses = tuple(buses)
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = os.pipe()
        self._stopping = False
        self._asked: list[tuple[PtyBus, threading.Event]] = []
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="virtual-buses", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """End, close the buses and their links, and raise what went wrong in the thread."""
        self._stopping = True
        os.write(self._wake_out, b"x")
        self._thread.join()
        for bus in self._buses:
            bus.close()
        self._selector.close()
        os.close(self._wake_in)
        os.close(self._wake_out)
        if self._failure is not None:
            raise self._failure

    def replug(self, bus: PtyBus, timeout_s: float = 5.0) -> None:
        """Pull an adapter out and put it back: its clients see a hang-up, the device is new.

        Args:
            bus: One of this thread's buses.
            timeout_s: How long to wait for it, seconds.

        Raises:
            TimeoutError: the thread did not come to it.
        """
        done = threading.Event()
        self._asked.append((bus, done))
        os.write(self._wake_out, b"x")
        if not done.wait(timeout_s):
            raise TimeoutError("the bus thread does not answer")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            self._selector.register(self._wake_in, selectors.EVENT_READ)
            for bus in self._buses:
                self._selector.register(bus.master, selectors.EVENT_READ, bus)
            while not self._stopping:
                self._turn()
        except BaseException as error:  # handed over to `stop`
            self._failure = error

    def _turn(self) -> None:
        self._plug(time.monotonic())
        due = [at for bus in self._buses for at in bus.wakes_at(time.monotonic())]
        timeout = max(0.0, min(due) - time.monotonic()) if due else None
        ready = self._selector.select(timeout)
        tick = time.monotonic()
        alive = True
        active = [bus for bus in self._buses if bus.line.due() is not None]
        for key, events in ready:
            if isinstance(key.data, PtyBus):
                if events & selectors.EVENT_READ:
                    alive = key.data.take(tick) and alive
                active.append(key.data)
            else:
                os.read(self._wake_in, _READ)
                self._replug_asked()
        if active:
            now = self._clock()
            for bus in active:
                bus.give(now, tick)
                if bus.master >= 0 and bus.waiting != bus.watched:
                    bus.watched = bus.waiting
                    writing = selectors.EVENT_WRITE if bus.waiting else 0
                    self._selector.modify(bus.master, selectors.EVENT_READ | writing, bus)
        if not alive:
            time.sleep(_PAUSE_S)  # nobody has the slave open: do not spin on EIO

    def _replug_asked(self) -> None:
        while self._asked:
            bus, done = self._asked.pop()
            self._unplug(bus)
            self._plug_in(bus)
            done.set()

    def _plug(self, tick: float) -> None:
        """Let the adapters vanish and come back as their faults say."""
        for bus in self._buses:
            there = bus.line.trouble.is_plugged(tick)
            if bus.master >= 0 and not there:
                self._unplug(bus)
            elif bus.master < 0 and there:
                self._plug_in(bus)

    def _unplug(self, bus: PtyBus) -> None:
        if bus.master >= 0:
            self._selector.unregister(bus.master)
            bus.close()

    def _plug_in(self, bus: PtyBus) -> None:
        bus.open()
        bus.watched = False
        self._selector.register(bus.master, selectors.EVENT_READ, bus)
