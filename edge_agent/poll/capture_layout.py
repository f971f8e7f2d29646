# SPDX-License-Identifier: GPL-2.0-only
"""How a profile is read: what it captures, how often, in which order, how it is scaled.

The agent reads the capture objects and the capture period when it starts, once an hour, and in a
poll that needed a second session. It also reads them if a row does not fit, or if a row of the last
hour is no longer what it was (`look_again`): a meter that is set up anew empties its profile.

For profiles that are read once an hour or once a month it looks once a day. It reads scalers once
a day and with each change. One case stays uncovered between two looks: a meter that keeps its rows
against the rules while it begins to capture as many other objects.

In: a link to a meter, what is known of it. Out: a `KnownLayout` layout for each profile.
Never: a row; a layout made of a refusal that says nothing of the meter.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import sha256
from typing import Final

from edge_agent.decode import layout
from edge_agent.decode.layout import Captured, layout_of
from edge_agent.dlms import axdr
from edge_agent.dlms.axdr import Scale
from edge_agent.errors import AccessDenied, ProtocolViolation
from edge_agent.meters.model import ProfileToRead
from edge_agent.poll.finding import FindingKind, Note
from edge_agent.poll.memory import FACT_LIFE_S, KnownLayout, MeterFacts
from edge_agent.poll.meter_link import MeterLink
from edge_agent.poll.scaler import HAS_NONE, scaler_of
from edge_agent.poll.sessions import Answer
from shared_schema.catalogue import CAPTURE_PERIOD, EVENT_PROFILES, SCALER_PROFILES, Unit
from shared_schema.obis import Obis

LOOK_S: Final = 3000
"""How long the capture objects are taken as known: the first poll after it, each hour, looks."""
UNKNOWN: Final = Scale(0, Unit.COUNT)
_SHORTEST_S: Final = 60
_DAY_S: Final = 86400
_LONGEST_S: Final = 31 * _DAY_S
_NEWEST_FIRST: Final = frozenset((2, 3))
"""Sort methods: last in first out, largest first."""


@dataclass
class Layouts:
    """The layouts of one meter's profiles."""

    link: MeterLink
    facts: MeterFacts
    captured: Mapping[Obis, Captured]
    """For each profile what it captured when its rows were last kept."""
    now: Callable[[], float]
    """The gateway's time, seconds since 1970."""
    note: Note
    shared: dict[Obis, dict[Obis, Scale]] = field(default_factory=dict)
    """The scaler profile that all event logs have, once it was read in this poll."""

    def layout_of(self, wanted: ProfileToRead) -> KnownLayout:
        """Return how to read a profile: as it is known, or read from the meter.

        Raises:
            AccessDenied: the meter does not have it, or does not give it now.
            BusError, MeterError: it cannot be read.
        """
        held = self.facts.layouts.get(wanted.obis)
        if held is not None and held.look_at > self.now() and not self.link.replaced:
            return held
        return self.look_again(wanted)

    def look_again(self, wanted: ProfileToRead) -> KnownLayout:
        """Return how to read a profile, after a look at what it captures now.

        Raises:
            AccessDenied, BusError, MeterError: as `layout_of`.
        """
        profile = wanted.obis
        held = self.facts.layouts.get(profile)
        asked = [(profile, 7, 3)] + ([(profile, 7, 4)] if wanted.period_s is None else [])
        objects, *period = [each.answer for each in self.link.read_many(asked, self.now).each]
        if isinstance(objects, AccessDenied):
            raise objects
        period_s = (
            wanted.period_s if wanted.period_s is not None else self._period_s(wanted, *period)
        )
        digest = sha256(b"%d:" % period_s + objects).hexdigest()[:16]
        now = self.now()
        look_s = FACT_LIFE_S if wanted.every in {"hour", "month"} else LOOK_S
        if held is not None and held.digest == digest and now < held.renew_at:
            held.look_at = now + look_s
            return held
        before = self.captured.get(profile)
        known = before.digest if before else held.digest if held else digest
        if known != digest:
            self.facts.registers.clear()
            self.note(FindingKind.CAPTURES_CHANGED, profile=profile)
        plan = self._read(wanted, layout.capture_objects(objects), period_s)
        if held is not None and held.digest == digest:
            plan = _shared(plan.with_floats(held.plan.floats))
        found = KnownLayout(plan, digest, now + look_s, now + FACT_LIFE_S)
        self.facts.layouts[profile] = found
        return found

    def see_floats(self, wanted: ProfileToRead, places: Collection[int]) -> None:
        """Note that captured objects hold floats: their columns count in smaller parts."""
        held = self.facts.layouts[wanted.obis]
        plan = _shared(held.plan.with_floats(places))
        self.facts.layouts[wanted.obis] = replace(held, plan=plan)

    def _read(
        self, wanted: ProfileToRead, objects: tuple[layout.CaptureObject, ...], period_s: int
    ) -> layout.Layout:
        """Read the order of the rows, and the scalers."""
        profile = wanted.obis
        order = self.link.read_one((profile, 7, 5))
        scalers = dict(self._scaler_profile(profile))
        for captured in layout.value_objects(objects).values():
            if scalers.get(captured.obis, UNKNOWN).unit == Unit.COUNT:
                found = scaler_of(self.link, captured.obis, captured.class_id, scalers)
                if found is None:
                    kind = FindingKind.COLUMN_WITHOUT_SCALER
                    self.note(kind, obis=captured.obis, profile=profile)
                else:
                    scalers[captured.obis] = found
        descending = _number(order) in _NEWEST_FIRST
        plan = layout_of(
            profile,
            period_s,
            objects,
            scalers,
            descending=descending,
            nulls_repeat=wanted.nulls == "before",
        )
        return _shared(plan)

    def _period_s(self, wanted: ProfileToRead, answer: Answer) -> int:
        """Return the capture period: the profile's, else that of 1.0.0.8.4.

        Returns:
            0 when it is unknown, or cannot be, which is noted.
        """
        found = _number(answer)
        if found is None:
            found = _number(self.link.read_one((CAPTURE_PERIOD, 1, 2)))
        if found is None or can_be_period(found, wanted):
            return found or 0
        self.note(FindingKind.PERIOD_IMPOSSIBLE, profile=wanted.obis, period_s=found)
        return 0

    def _scaler_profile(self, profile: Obis) -> dict[Obis, Scale]:
        """Read the scaler profile that stands beside a profile, if there is one."""
        beside = SCALER_PROFILES.get(profile)
        if beside is None:
            return {}
        if profile not in EVENT_PROFILES:
            return self._read_scalers(beside)
        if beside not in self.shared:
            self.shared[beside] = self._read_scalers(beside)
        return self.shared[beside]

    def _read_scalers(self, beside: Obis) -> dict[Obis, Scale]:
        found: list[bytes] = []
        for attribute in (3, 2):
            answer = self.link.read_one((beside, 7, attribute))
            if isinstance(answer, AccessDenied):
                if answer.result not in HAS_NONE:
                    raise answer
                return {}
            found.append(answer)
        try:
            return layout.scaler_profile(found[1], layout.capture_objects(found[0]))
        except ProtocolViolation:
            return {}


def can_be_period(period_s: int, wanted: ProfileToRead) -> bool:
    """Tell whether rows can be captured so often: whole parts of a day, or days up to a month.

    Only a profile that is not read with each period may have no period.
    """
    if period_s == 0:
        return wanted.every != "period" or wanted.whole or wanted.obis in EVENT_PROFILES
    if period_s < _DAY_S:
        return period_s >= _SHORTEST_S and _DAY_S % period_s == 0
    return period_s <= _LONGEST_S and period_s % _DAY_S == 0


@lru_cache(maxsize=256)
def _shared(plan: layout.Layout) -> layout.Layout:
    """Return one layout for all that are equal: the meters of a kind have theirs in common."""
    return plan


def _number(answer: Answer) -> int | None:
    """Return a whole number, or None where the meter has none.

    Raises:
        AccessDenied: it is refused for another reason than that there is none.
    """
    if isinstance(answer, AccessDenied):
        if answer.result not in HAS_NONE:
            raise answer
        return None
    try:
        return axdr.integer(answer)
    except ProtocolViolation:
        return None
