# SPDX-License-Identifier: GPL-2.0-only
"""The keeper of one bus's clocks: it watches them, sets one that is due, and reports both.

Each poll compares a meter's clock with the gateway's. A clock that is off by more than the lower
limit becomes due; one beyond the upper limit is reported and left to a person.

In: the comparison of each poll; the bus's sessions when a clock is due. Out: the log, the
health of each clock, signed events in the spool, set clocks. Owns which clock is due when, and
which keys were refused.
Never: the decision whether a clock may be set: `clock_policy` takes it; a clock set that is not
planned here or asked for; keys tried again that a meter refused.
"""

import contextlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from edge_agent.clock.samples import ClockSamples, ClockView
from edge_agent.clock.set import Became, ClockOutcome, SetterFactory, set_clock
from edge_agent.clock_policy import Sample
from edge_agent.errors import (
    BusError,
    BusLost,
    ConfigurationError,
    MeterError,
    PasswordRefused,
    SpoolFull,
)
from edge_agent.gateway_clock import Jump
from edge_agent.health import Health
from edge_agent.meters.credentials import setter_of
from edge_agent.settings.bus import BusConfig, MeterConfig
from edge_agent.settings.gateway import ClocksConfig
from edge_agent.spool.gateway_events import OVER, Observer
from edge_agent.spool.refused_secrets import RefusedSecrets
from edge_agent.spool.spool import Spool
from shared_schema.catalogue import GatewayEvent
from shared_schema.message import MeterId
from shared_schema.readings import Observation

SILENT_REST_S: Final = 3600.0
FAILED_REST_S: Final = 86400.0
"""A meter that does not take the time does not take it an hour later either."""
_log = logging.getLogger(__name__)


class ClockKeeper:
    """Watches the clocks of a bus, and says which is due to be set."""

    def __init__(
        self,
        spool: Spool,
        config: BusConfig,
        clocks: ClocksConfig,
        health: Health,
        observer: Observer,
        *,
        is_kept: Callable[[], bool],
        jump: Callable[[], Jump] = Jump,
    ) -> None:
        """Look up what earlier runs kept; touch no meter.

        Args:
            spool: what keeps samples and refusals.
            config: the bus.
            clocks: the limits.
            health: what is shown of the meters.
            observer: what notes events.
            is_kept: whether a time service keeps the gateway's time at this moment.
            jump: how the gateway's time jumped last.

        Raises:
            SpoolError: the spool fails.
        """
        self._jump = jump
        self._told_jump: dict[MeterId, int] = {}
        self._bus = config.name
        self._clocks = clocks
        self._health = health
        self._is_kept = is_kept
        self._observer = observer
        self._book = ClockSamples(spool)
        self._meters = {meter.label: meter for meter in config.meters}
        # A bus has no such name: these are not the refusals of the meters' readers.
        self._refusals = RefusedSecrets(spool, f"{config.name}/setter")
        self._due: dict[str, float] = {}
        self._rest: dict[str, float] = {}
        self._blocked: set[str] = set()
        self._unnoted: dict[MeterId, list[Observation]] = {}
        for meter in config.meters:
            if meter.set_clock and self._refusals.recall(setter_of(meter)):
                self._blocked.add(meter.label)

    def __repr__(self) -> str:
        return f"<ClockKeeper {self._bus}: {len(self._due)} due, {len(self._blocked)} refused>"

    def note_poll(
        self, meter: MeterConfig, identity: MeterId, at: float, offset_s: float | None
    ) -> None:
        """Take what a poll says of the clocks: the gateway's own may have jumped before it.

        Args:
            meter: the meter's settings.
            identity: who answered.
            at: the gateway's synchronised time, seconds since 1970.
            offset_s: how far the meter's clock is ahead; None: it does not say.

        Raises:
            SpoolError: the spool fails.
        """
        jump = self._jump()
        if jump.number > self._told_jump.get(identity, 0):
            seen = Observation(
                ts=int(at), code=GatewayEvent.GATEWAY_CLOCK_JUMPED, offset_s=jump.by_s
            )
            with contextlib.suppress(SpoolFull):  # it is told at the next poll
                self._observer.note(identity, [seen])
                self._told_jump[identity] = jump.number
        if offset_s is not None:
            self.note_comparison(meter, identity, at, offset_s)

    def note_comparison(
        self, meter: MeterConfig, identity: MeterId, at: float, offset_s: float
    ) -> None:
        """Take the comparison of a poll: report what is wrong, plan what may be done.

        Args:
            meter: the meter's settings.
            identity: who answered.
            at: the gateway's synchronised time, seconds since 1970.
            offset_s: how far its clock is ahead.

        Raises:
            SpoolError: the spool fails.
        """
        view = self._book.note(identity, Sample(at, offset_s))
        seen: list[Observation] = []
        if view.before is not None:
            seen.append(
                Observation(
                    ts=int(at),
                    code=GatewayEvent.CLOCK_JUMPED,
                    offset_before_s=view.before.offset_s,
                    offset_s=offset_s,
                )
            )
            self._say(
                logging.WARNING,
                "a meter's clock jumped",
                "meter_clock_jumped",
                meter,
                before_s=view.before.offset_s,
                after_s=offset_s,
                compared_before=_iso(view.before.at),
            )
        self._note(identity, view, seen)
        self._tell(meter, view)
        size_s = abs(offset_s)
        if meter.set_clock and self._clocks.set_above_s < size_s <= self._clocks.set_within_s:
            self._due.setdefault(meter.label, max(at, self._rest.get(meter.label, at)))
        else:
            self._due.pop(meter.label, None)

    def due(self, now: float) -> MeterConfig | None:
        """Return a meter whose clock is to be set now.

        Raises:
            SpoolError: the spool fails.
        """
        if not self._due:
            return None
        self._blocked.difference_update(self._refusals.changed())
        ready = (
            label for label, at in self._due.items() if at <= now and label not in self._blocked
        )
        label = next(ready, None)
        return None if label is None or not self._is_kept() else self._meters[label]

    def set(
        self, meter: MeterConfig, factory: SetterFactory, now: float, known: MeterId | None
    ) -> ClockOutcome:
        """Set a clock that is due, or that somebody asks for, and report how it ended.

        Args:
            meter: the meter's settings.
            factory: opens a session; see `sessions.sessions`.
            now: the gateway's time, seconds since 1970.
            known: the meter that answered there last.

        Raises:
            BusLost: the adapter is gone; the clock stays due.
            SpoolError: the spool fails.
        """
        if meter.label in self._blocked:
            return ClockOutcome(Became.REFUSED, "its keys were refused; they are not tried again")
        rest_s = FAILED_REST_S
        try:
            outcome = set_clock(
                factory,
                meter,
                datetime.fromtimestamp(now, UTC),
                limits=self._clocks.limits,
                is_kept=self._is_kept,
                known=known,
            )
        except BusLost:
            raise
        except PasswordRefused as error:
            self._refused(meter)
            outcome = ClockOutcome(Became.FAILED, str(error))
        except (MeterError, ConfigurationError) as error:
            outcome = ClockOutcome(Became.FAILED, str(error))
        except BusError as error:
            rest_s = SILENT_REST_S
            outcome = ClockOutcome(Became.FAILED, str(error))
        self._conclude(meter, outcome, now, rest_s)
        return outcome

    def _conclude(
        self, meter: MeterConfig, outcome: ClockOutcome, now: float, rest_s: float
    ) -> None:
        self._due.pop(meter.label, None)
        if outcome.until is not None:
            if meter.set_clock:
                self._due[meter.label] = outcome.until
        elif outcome.became is Became.SET:
            if outcome.meter is not None and outcome.after_s is not None:
                view = ClockView(Sample(now, outcome.after_s), None)
                self._note(outcome.meter, view, [clock_set_event(outcome, now)])
                self._tell(meter, view)
        elif not outcome.worked:
            self._rest[meter.label] = now + rest_s
        self._say(
            logging.WARNING if outcome.became is Became.FAILED else logging.INFO,
            "a meter's clock was set" if outcome.became is Became.SET else "a clock was not set",
            "clock_set" if outcome.became is Became.SET else "clock_not_set",
            meter,
            became=outcome.became,
            before_s=outcome.before_s,
            after_s=outcome.after_s,
            reason=outcome.reason,
            identity=str(outcome.meter or ""),
        )

    def _note(self, meter: MeterId, view: ClockView, seen: list[Observation]) -> None:
        """Note events of a clock, and states that began or are over.

        After a jump or a set clock, which ``seen`` holds, its history begins anew. A full disk
        delays the event of a set clock; it loses the others, which are seen again.
        """
        seen = [*self._unnoted.pop(meter, ()), *seen]
        at, offset_s = view.latest
        drift = view.drift_s_per_day
        states = {GatewayEvent.CLOCK_FAR_OFF: abs(offset_s) > self._clocks.set_within_s}
        if drift is not None:
            states[GatewayEvent.CLOCK_DRIFTS] = abs(drift) > self._clocks.max_drift_s_per_day
        lasting = self._observer.lasting(meter)
        turned = [
            Observation(
                ts=int(at),
                code=state if begins else OVER[state],
                offset_s=offset_s,
                drift_s_per_day=drift,
            )
            for state, begins in states.items()
            if begins != (state in lasting)
        ]
        if seen or turned:
            anew = self._book.restart(meter, view.latest) if seen else None
            try:
                self._observer.note(meter, [*seen, *turned], anew)
            except SpoolFull:  # all but a clock that was set is seen again
                self._unnoted[meter] = [
                    each for each in seen if each.code == GatewayEvent.CLOCK_SET
                ]

    def _refused(self, meter: MeterConfig) -> None:
        """Remember that a meter refused its keys; on a full disk for this run alone."""
        self._blocked.add(meter.label)
        with contextlib.suppress(SpoolFull, ConfigurationError):
            self._refusals.note(setter_of(meter))

    def _tell(self, meter: MeterConfig, view: ClockView) -> None:
        """Report once what is wrong with a clock, and once that it is right again."""
        drift = view.drift_s_per_day
        remark = self._clocks.remark(view.latest.offset_s, drift)
        before = self._health.clock(meter.label, drift, remark)
        if bool(before) == bool(remark):
            return
        self._say(
            logging.WARNING if remark else logging.INFO,
            "a meter's clock is wrong" if remark else "a meter's clock is right again",
            "clock_wrong" if remark else "clock_right",
            meter,
            remark=remark,
            offset_s=view.latest.offset_s,
            drift_s_per_day=drift,
        )

    def _say(
        self, level: int, message: str, action: str, meter: MeterConfig, **extra: object
    ) -> None:
        _log.log(
            level,
            message,
            extra={"action": action, "bus": self._bus, "meter": meter.label, **extra},
        )


def clock_set_event(outcome: ClockOutcome, now: float) -> Observation:
    """Return the event of a clock that the gateway has set."""
    return Observation(
        ts=int(now),
        code=GatewayEvent.CLOCK_SET,
        offset_before_s=outcome.before_s,
        offset_s=outcome.after_s,
    )


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
