# SPDX-License-Identifier: GPL-2.0-only
"""A recording of one meter: it is asked for all that a scan, a visit and a poll will ask for.

It is read by hand, polled as a visit polls it, and its name plate is read as the public client. The
newest rows of each profile come by one request more, two days at least.

In: a recorder on the line, where the meter answers, its secrets. Out: what the recorder kept.
Never: a value written or a method called; a password tried twice.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Final

from edge_agent.dlms.exchange import Traffic, Transport
from edge_agent.dlms.security import Keys, Mode
from edge_agent.errors import (
    AccessDenied,
    BusError,
    BusLost,
    BusTimeout,
    MeterError,
    PasswordRefused,
)
from edge_agent.install.examine import BACK_S
from edge_agent.install.read_once import read_meter
from edge_agent.install.visit import fitting_sign
from edge_agent.meters.credentials import hls_of, keys_of, mode_of
from edge_agent.meters.model import ProfileToRead, load
from edge_agent.poll.local_time import LocalTime
from edge_agent.poll.memory import Memory
from edge_agent.poll.meter_link import MeterLink
from edge_agent.poll.name_plate import read_plate
from edge_agent.poll.poll import PollResult, poll
from edge_agent.poll.sessions import Reader, sessions
from edge_agent.recording.file import Recording
from edge_agent.recording.recorder import Recorder
from edge_agent.settings.bus import MeterConfig
from shared_schema.obis import Obis

_DAY_S: Final = 86400
_BACK_S: Final = 2 * _DAY_S


def keys_to_open(meter: MeterConfig) -> Keys | None:
    """Return the keys that decipher what a meter answers; None where it answers in the clear.

    Raises:
        ConfigurationError: a file cannot be read, or holds no key.
    """
    return keys_of(meter) if _mode(meter).ciphered else None


def secrets_of(meter: MeterConfig) -> tuple[bytes, ...]:
    """Return the bytes that must not be in a recording: the password, the keys.

    Raises:
        ConfigurationError: a file cannot be read, or holds no secret.
    """
    mode, found = _mode(meter), list[bytes]()
    keys = keys_of(meter)
    if keys is not None:
        found += [keys.encryption, keys.authentication]
    if meter.password_file is not None and (password := meter.password()) is not None:
        found.append(password.get_secret_value().encode())
    hls = hls_of(meter, mode)
    if hls is not None and hls.secret:
        found.append(hls.secret)
    return tuple(found)


def _mode(meter: MeterConfig) -> Mode:
    return mode_of(meter, meter.client or load(meter.model, meter.models_dir).client)


class Questions:
    """Asks one meter for all that the agent's commands ask for; what fails does not end it."""

    def __init__(
        self,
        transport: Transport,
        meter: MeterConfig,
        now: Callable[[], datetime],
        tell: Callable[[str], None],
        *,
        heard: Callable[[], bool] = lambda: True,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Set up what is asked.

        Args:
            transport: the line, with a recorder on it.
            meter: where it answers, and its secrets.
            now: this machine's time, aware.
            tell: takes a few words on what goes on.
            heard: tells whether the meter answered anything.
            sleep: waits so many seconds, between a public and a ciphered association.
        """
        self.failed: list[MeterError | BusError] = []
        """What failed, in its order."""
        self._transport = transport
        self._meter = meter
        self._model = load(meter.model, meter.models_dir, meter.deviation_sign)
        self._now = now
        self._tell = tell
        self._heard = heard
        self._memory = Memory()
        self._open = sessions(transport, sleep=sleep)
        self._ahead_s = 0.0
        """How far the meter's clock is ahead."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} to {self._meter.label}: {len(self.failed)} failed>"

    def ask(self, codes: Sequence[Obis]) -> None:
        """Ask for everything, and for these codes as well.

        Raises:
            BusTimeout: nobody answers.
            PasswordRefused: the meter refuses the secrets: nothing more is sent.
            BusLost: the adapter vanished.
            ConfigurationError: the model or a secret's file cannot be used.
        """
        with self._step("who it is, clock, registers"):
            read_meter(self._transport, self._meter)
        if codes:
            with self._step("the codes"):
                read_meter(self._transport, self._meter, codes)
        with self._step("registers and the oldest rows"):
            first = self._poll({})
            sign = fitting_sign(first.findings)
            if sign is not None:
                self._turn(sign)
                first = self._poll({})
            self._ahead_s = first.clock_offset_s or 0.0
        meter_s = int(self._now().timestamp() + self._ahead_s)
        with self._step("the newest rows"):
            self._poll({each.obis: meter_s - _back_s(each) for each in self._model.profiles})
            self._ask_for_newest(meter_s)
        with contextlib.suppress(MeterError):  # few meters have no public client
            self._tell("name plate, as the public client")
            read_plate(self._transport, self._meter)

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        self._tell(what)
        try:
            yield
        except (PasswordRefused, BusLost):
            raise
        except (MeterError, BusError) as error:
            self.failed.append(error)
            if isinstance(error, BusTimeout) and not self._heard():
                raise

    def _turn(self, sign: int) -> None:
        """Read on as a visit does, with the deviation_sign that makes the clock right."""
        self._meter = self._meter.model_copy(update={"deviation_sign": sign})
        self._model = self._model.model_copy(update={"deviation_sign": sign})
        self._memory = Memory()

    def _poll(self, marks: dict[Obis, int]) -> PollResult:
        return poll(
            self._open,
            self._meter,
            lambda _meter: marks,
            self._now(),
            memory=self._memory,
            windows=1,
            registers=not marks,
        )

    def _ask_for_newest(self, meter_s: int) -> None:
        """Read the newest rows of each profile that is read by time, by one request."""
        local = LocalTime(self._model.zone_offset_min)
        with MeterLink(self._open, self._meter, self._model, self._memory, Traffic()) as link:
            for each in self._model.profiles:
                if each.access == "range" and not each.whole:
                    since = meter_s - max(_BACK_S, _back_s(each))
                    bounds = local.span(self._model, since, meter_s + _DAY_S)
                    with contextlib.suppress(AccessDenied):
                        link.read(partial(_range, each.obis, *bounds))


def _range(profile: Obis, start: bytes, end: bytes, reader: Reader) -> bytes:
    return reader.get_range(profile, start, end)


def _back_s(profile: ProfileToRead) -> int:
    return _BACK_S + _DAY_S if profile.access == "entry" else BACK_S.get(profile.every, _DAY_S)


def recorded(
    recorder: Recorder,
    meter: MeterConfig,
    at: datetime,
    *,
    keep_serial: bool,
) -> Recording:
    """Return what a recorder kept of a meter, without its secrets.

    Args:
        recorder: it heard the meter.
        meter: where it answers, and its secrets.
        at: when the recording began, aware.
        keep_serial: whether its serial number stays.
    """
    its_model = load(meter.model, meter.models_dir)
    return recorder.recording(
        at,
        model=meter.model,
        place=(meter.address, meter.logical_address),
        secrets=secrets_of(meter),
        identity=its_model.identity.wanted,
        keep_serial=keep_serial,
    )
