# SPDX-License-Identifier: GPL-2.0-only
"""Setting the clock of one meter, in one association: look, decide, set, look again.

The request that sets a clock is sent once. If no answer comes, a new session reads the clock, which
tells whether it was set.

In: a way to open a session, the meter's settings, the gateway's time, limits. Out: a
`ClockOutcome`, with what the clock showed before and after.
Never: a clock set that `clock_policy` does not let set; a second try with another time; a meter
that is not the one that is known there.
"""

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from edge_agent.clock_policy import Action, Decision, Limits, decide
from edge_agent.dlms import axdr
from edge_agent.dlms.exchange import Traffic
from edge_agent.dlms.hex_text import as_hex
from edge_agent.errors import (
    AccessDenied,
    BusTimeout,
    ProtocolViolation,
    SessionLost,
    WrongIdentity,
)
from edge_agent.gateway_clock import offset_s
from edge_agent.meters.credentials import setter_of
from edge_agent.meters.model import Model, load
from edge_agent.poll import clock_reading
from edge_agent.poll.scaler import HAS_NONE
from edge_agent.poll.sessions import Reader, Wanted
from edge_agent.settings.bus import MeterConfig
from shared_schema.catalogue import CLOCK, MANUFACTURER
from shared_schema.message import MeterId
from shared_schema.obis import Obis

SHORTEST_PERIOD_S: Final = 900
"""Taken for a meter whose profiles do not state their capture period; others contain it."""
RIGHT_S: Final = 5.0
"""A clock that was set is no further off, or it was not set."""
_LONGEST_SHIFT_S: Final = 900
_CLOCK, _TIME, _SHIFT_TIME, _PERIOD = 8, 2, 6, 4


class Setter(Reader, Protocol):
    """An open association that may change something; `session.Session` is one."""

    def put(self, obis: Obis, class_id: int, attribute: int, data: bytes) -> None:
        """Set one attribute, once."""
        ...

    def act(self, obis: Obis, class_id: int, method: int, data: bytes) -> None:
        """Call one method, once."""
        ...


SetterFactory = Callable[[MeterConfig, Model, Traffic], AbstractContextManager[Setter]]


class Became(StrEnum):
    """How the setting of a clock ended."""

    LEFT = "left"
    """It is right enough."""
    SET = "set"
    WAITS = "waits"
    """It may be set at `ClockOutcome.until`; ask again then."""
    REFUSED = "refused"
    """By the settings or the limits; the meter was not asked to change."""
    FAILED = "failed"
    """The meter refused, or its clock is not right afterwards."""


@dataclass(frozen=True, slots=True)
class ClockOutcome:
    """How it ended, and what the clock showed. Offsets are ahead of the gateway, seconds."""

    became: Became
    reason: str
    meter: MeterId | None = None
    before_s: float | None = None
    after_s: float | None = None
    until: float | None = None
    """Of a wait: seconds since 1970."""

    @property
    def worked(self) -> bool:
        """Whether the clock is right now."""
        return self.became in (Became.LEFT, Became.SET)

    def __str__(self) -> str:
        if self.became is Became.SET:
            was = "showed no time" if self.before_s is None else f"was {self.before_s:+.0f} s off"
            return f"{was}, is {self.after_s:+.0f} s off"
        return self.reason


class _Look(NamedTuple):
    """What a clock showed."""

    came: bytes
    offset_s: float | None
    """How far it is ahead of the gateway; None: it shows no time."""
    sign: int | None = None
    """The deviation_sign with which it is right, if another is set."""
    zone: str | None = None
    """The zone in whose local time it is right, though it does not state it."""

    def objection(self, *, force: bool) -> str:
        """Return why the clock is not set, whatever the limits say; empty: they decide."""
        if self.sign is not None:
            return f"the clock is right with deviation_sign = {self.sign}: set that instead"
        if force:
            return ""
        if self.offset_s is None:
            return f"its clock shows no valid time ({as_hex(self.came)}): see why first"
        if self.zone is not None:
            return f"the clock is right as local time of {self.zone}: look at its display first"
        return ""


def set_clock(
    factory: SetterFactory,
    meter: MeterConfig,
    now: datetime,
    *,
    limits: Limits,
    is_kept: Callable[[], bool],
    known: MeterId | None = None,
    by_hand: bool = False,
    force: bool = False,
    monotonic: Callable[[], float] = time.monotonic,
) -> ClockOutcome:
    """Set a meter's clock to the gateway's time, if it may be.

    Args:
        factory: opens a session; see `sessions.sessions`.
        meter: where it answers; its settings say who may set its clock.
        now: the gateway's time, aware.
        limits: when a clock may be set.
        is_kept: whether a time service keeps the gateway's time at this moment.
        known: the meter that answered there last.
        by_hand: a person does it, whom ``set_clock`` of the settings does not bind.
        force: the person says that it is set however far it is off, also where it shows no time.
        monotonic: a clock for the time that this itself takes.

    Raises:
        BusError: the meter does not answer.
        WrongIdentity: another meter answers there.
        PasswordRefused, MeterError: the association is refused, or its answer is no DLMS.
        ConfigurationError: no association is set that may set the clock, or it cannot be used.
    """
    begun = monotonic()

    def now_s() -> float:
        return now.timestamp() + monotonic() - begun

    forbidden = _forbidden(meter, is_kept=is_kept(), by_hand=by_hand)
    if forbidden:  # before the line is used
        return ClockOutcome(Became.REFUSED, forbidden)
    setter = setter_of(meter)
    model = load(meter.model, meter.models_dir, meter.deviation_sign)
    clock = _MeterClock(setter, model, now_s, known)
    with factory(setter, model, Traffic()) as session:
        clock.identify(session)
        before = clock.look(session)
        decision = clock.decide(session, before, limits, is_kept, force=force)
        if decision.action is not Action.SET:
            return _outcome_of(decision, clock.meter, before)
        try:
            is_answered = clock.change(session, before)
        except AccessDenied as error:
            return ClockOutcome(Became.FAILED, str(error), clock.meter, before.offset_s)
        if is_answered:
            after = clock.look(session)
            clock.identify(session)
    if not is_answered:
        with factory(setter, model, Traffic()) as session:
            clock.identify(session)
            after = clock.look(session)
    return clock.outcome(before, after)


def _forbidden(meter: MeterConfig, *, is_kept: bool, by_hand: bool) -> str:
    """Return why no meter's clock may be set, or this one's; empty: it may."""
    if not (meter.set_clock or by_hand):
        return "its settings do not say set_clock = true"
    return "" if is_kept else "the gateway's own clock is not synchronised"


def _outcome_of(decision: Decision, meter: MeterId | None, before: _Look) -> ClockOutcome:
    became = {
        Action.LEAVE: Became.LEFT,
        Action.WAIT: Became.WAITS,
        Action.REFUSE: Became.REFUSED,
    }[decision.action]
    until = decision.until if became is Became.WAITS else None
    return ClockOutcome(became, decision.reason, meter, before.offset_s, until=until)


class _MeterClock:
    """The clock of one meter: who it belongs to, what it shows, and how it is changed."""

    def __init__(
        self,
        setter: MeterConfig,
        model: Model,
        now: Callable[[], float],
        known: MeterId | None,
    ) -> None:
        self.meter = known
        self._label = setter.label
        self._model = model
        self._now = now

    def identify(self, session: Reader) -> None:
        """See that the meter is the one that is known, or take it for that.

        Raises:
            WrongIdentity: it is another one, or does not say who it is.
        """
        try:
            serial = self._model.identity.serial(session.get(*self._model.identity.wanted))
            maker = self._model.manufacturer or axdr.text(session.get(MANUFACTURER, 1, 2))
            found = MeterId(manufacturer=maker, serial=serial)
        except (AccessDenied, ValueError) as error:
            raise WrongIdentity(f"{self._label} does not say who it is: {error}") from None
        if self.meter is not None and found != self.meter:
            raise WrongIdentity(f"{found} answers where {self.meter} was")
        self.meter = found

    def look(self, session: Reader) -> _Look:
        """Compare the clock with the gateway's.

        Raises:
            ProtocolViolation: what came is no time.
        """
        begun = self._now()
        stamp = clock_reading.stamp_of(session.get(CLOCK, _CLOCK, _TIME))
        at = (begun + self._now()) / 2
        zone, most_s = self._model.zone, self._model.max_clock_offset_s
        shown = axdr.epoch_s(stamp, zone)
        ahead_s = None if shown is None else offset_s(shown, at)
        if ahead_s is not None and abs(ahead_s) <= most_s:
            return _Look(stamp, ahead_s)
        return _Look(
            stamp,
            ahead_s,
            sign=clock_reading.fitting_sign(stamp, zone, at, most_s),
            zone=clock_reading.zone_of(stamp, zone, at),
        )

    def decide(
        self,
        session: Reader,
        before: _Look,
        limits: Limits,
        is_kept: Callable[[], bool],
        *,
        force: bool,
    ) -> Decision:
        """Decide whether the clock is set now.

        Args:
            session: tells the capture period, where the model does not.
            before: what the clock showed.
            limits: when a clock may be set.
            is_kept: whether a time service keeps the gateway's time at this moment.
            force: a person says that it is set however far it is off.
        """
        objection = before.objection(force=force)
        if objection:
            return Decision(Action.REFUSE, objection)
        offset = math.inf if before.offset_s is None else before.offset_s
        decision = decide(
            offset,
            self._now(),
            self._period_s(session),
            limits,
            synchronised=is_kept(),
            zone_offset_s=self._model.zone_offset_min * 60,
            force=force,
        )
        if self._model.set_clock == "shift" and abs(offset) > _LONGEST_SHIFT_S:
            reason = f"this model's clock is shifted by {_LONGEST_SHIFT_S} s at most"
            return Decision(Action.REFUSE, reason)
        return decision

    def _period_s(self, session: Reader) -> int:
        """Return the shortest capture period of the profiles that go by periods."""
        found = [
            each.period_s or self._asked_period((each.obis, 7, _PERIOD), session)
            for each in self._model.profiles
            if each.every == "period"
        ]
        return min((period for period in found if period), default=SHORTEST_PERIOD_S)

    @staticmethod
    def _asked_period(wanted: Wanted, session: Reader) -> int | None:
        try:
            return axdr.integer(session.get(*wanted))
        except AccessDenied as error:
            if error.result not in HAS_NONE:
                raise
            return None

    def change(self, session: Setter, before: _Look) -> bool:
        """Set the clock to the time at which the meter hears it, or shift it by as much.

        Returns:
            Whether the meter answered; if not, only a new session tells whether it was set.

        Raises:
            AccessDenied: the meter refuses.
        """
        try:
            if self._model.set_clock == "shift" and before.offset_s is not None:
                by = round(-before.offset_s).to_bytes(2, "big", signed=True)
                session.act(CLOCK, _CLOCK, _SHIFT_TIME, b"\x10" + by)
            else:
                stamp = axdr.clock_time(round(self._now()), self._model.zone)
                session.put(CLOCK, _CLOCK, _TIME, stamp)
        except (BusTimeout, SessionLost, ProtocolViolation):
            return False
        return True

    def outcome(self, before: _Look, after: _Look) -> ClockOutcome:
        """Return how it ended: the clock is right now, or it is not."""
        if after.offset_s is None:
            reason = "its clock shows no valid time after it was set"
            return ClockOutcome(Became.FAILED, reason, self.meter, before.offset_s)
        became = Became.SET if abs(after.offset_s) <= RIGHT_S else Became.FAILED
        reason = "" if became is Became.SET else f"it is still {after.offset_s:+.0f} s off"
        return ClockOutcome(became, reason, self.meter, before.offset_s, after.offset_s)
