# SPDX-License-Identifier: GPL-2.0-only
"""What is reported of the meters of one bus: to the log, to their health, to ``status``.

In: what the worker of the bus found. Out: log lines, the health of each meter, and the reason why
one is not read, which ``edge-agent status`` shows. A line that would only repeat the last one of
its meter goes to the debug level.
Never: a decision about a meter; a secret.
"""

import logging
from collections.abc import Mapping

from edge_agent.health import Health, MeterHealth
from edge_agent.poll.finding import words
from edge_agent.poll.poll import PollResult
from edge_agent.settings.bus import MeterConfig
from edge_agent.spool.read_failures import ReadFailures
from edge_agent.spool.refused_secrets import secret_files
from shared_schema.gateway import PollFailure
from shared_schema.message import MeterId

_log = logging.getLogger(__name__)


class Journal:
    """Reports on one bus."""

    def __init__(self, bus: str, health: Health, reasons: ReadFailures) -> None:
        """Take where the reports go."""
        self._bus = bus
        self._health = health
        self._reasons = reasons

    def clock_awaited(self) -> None:
        """Report that no meter is read before the gateway knows the time."""
        self._write(
            logging.WARNING,
            "waiting for the clock to be synchronised before meters are read",
            "clock_awaited",
        )

    def found(self, meter: MeterConfig, found: MeterId, *, changed: bool) -> None:
        """Report which meter answers, where none or another one was known."""
        self._write(
            logging.WARNING if changed else logging.INFO,
            "another meter answers at this address" if changed else "a meter answers",
            "meter_changed" if changed else "meter_found",
            meter=meter.label,
            address=meter.address,
            identity=str(found),
        )

    def read(self, meter: MeterConfig, result: PollResult, at: float) -> None:
        """Report a poll that read a meter.

        Raises:
            SpoolError: the spool fails.
        """
        problems = tuple(map(words, result.findings))
        before = self._health.read(
            meter.label,
            at,
            caught_up=result.caught_up,
            problems=problems,
            unread=result.unread,
            clock_offset_s=result.clock_offset_s,
        )
        self._reasons.note([meter], None)
        if before.failures:
            self._write(
                logging.INFO,
                "a meter answers again",
                "meter_back",
                meter=meter.label,
                failures=before.failures,
            )
        if problems and problems != before.problems:
            self._write(
                logging.WARNING,
                "a meter was read with problems",
                "meter_problems",
                meter=meter.label,
                problems=list(problems),
            )
        self._write(
            logging.DEBUG,
            "a meter was read",
            "meter_read",
            meter=meter.label,
            rows=sum(len(part.rows) for part in result.rows),
            caught_up=result.caught_up,
            exchanges=result.exchanges,
            bytes=result.bytes_sent + result.bytes_received,
        )

    def failed(self, meter: MeterConfig, reason: str, why: PollFailure) -> None:
        """Report a poll that did not read a meter.

        Raises:
            SpoolError: the spool fails.
        """
        before = self._note_failure(meter, reason, why)
        repeated = before.failures > 0 and before.problems == (reason,)
        self._write(
            logging.DEBUG if repeated else logging.WARNING,
            "a meter was not read",
            "meter_failed",
            meter=meter.label,
            reason=reason,
        )

    def refused(self, meter: MeterConfig, reason: str) -> None:
        """Report a meter that refused its password.

        Raises:
            SpoolError: the spool fails.
        """
        self._note_failure(meter, reason, PollFailure.PASSWORD_REFUSED)
        self._write(
            logging.ERROR,
            "a meter refused its password; so that it does not lock, it is not tried again "
            "before the file holds another one",
            "meter_refused",
            meter=meter.label,
            file=", ".join(map(str, secret_files(meter).values())) or "no password file is set",
            reason=reason,
        )

    def refusal_not_kept(self, meter: MeterConfig, reason: str) -> None:
        """Report that the next run will not know of a refused password."""
        self._write(
            logging.ERROR,
            "could not record a refused password; correct the password file before the next "
            "restart, or the meter may lock",
            "refusal_not_kept",
            meter=meter.label,
            reason=reason,
        )

    def released(self, label: str) -> None:
        """Report that a meter's secrets were changed after it had refused them."""
        self._write(
            logging.INFO,
            "a meter has another password and is tried again",
            "meter_released",
            meter=label,
        )

    def lost(self, reason: str, *, repeated: bool) -> None:
        """Report that the adapter is away."""
        self._write(
            logging.DEBUG if repeated else logging.WARNING,
            "the adapter is away; it is tried again",
            "bus_lost",
            reason=reason,
        )

    def unreachable(self, meters: Mapping[str, MeterConfig], reason: str) -> None:
        """Report that the meters of the bus cannot be reached.

        Raises:
            SpoolError: the spool fails.
        """
        self._health.lost(meters, reason)
        self._reasons.note(meters.values(), reason)

    def back(self) -> None:
        """Report that the adapter came back."""
        self._write(logging.INFO, "the adapter is back", "bus_back")

    def reopened(self, *, repeated: bool) -> None:
        """Report that the port of a silent bus is opened anew."""
        self._write(
            logging.DEBUG if repeated else logging.WARNING,
            "no meter of the bus answers; its port is closed and opened again",
            "bus_reopened",
        )

    def mistake(self, message: str, action: str, meter: MeterConfig) -> None:
        """Report the current exception: a mistake in this program."""
        extra = {"action": action, "bus": self._bus, "meter": meter.label}
        _log.exception(message, extra=extra)

    def _note_failure(self, meter: MeterConfig, reason: str, why: PollFailure) -> MeterHealth:
        before = self._health.failed(meter.label, reason, why)
        self._reasons.note([meter], reason)
        return before

    def _write(self, level: int, message: str, action: str, **extra: object) -> None:
        _log.log(level, message, extra={"action": action, "bus": self._bus, **extra})
