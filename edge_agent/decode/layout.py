# SPDX-License-Identifier: GPL-2.0-only
"""The layout of a profile: what it captures, how often, and how each of its values is scaled.

Source: IEC 62056-6-2 (profile generic), IS 15959 parts 1 and 2 (what profiles capture).

In: the bytes of a profile's attributes 3 and 4 and of its scaler profile, as the meter sent them.
Out: the `Layout` by which `buffer` reads the profile's rows.
Never: a guessed scaler; the layout leaves out a value without one.
"""

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, NamedTuple

from edge_agent.dlms.axdr import Scale, scaler_unit, value
from edge_agent.errors import ProtocolViolation
from shared_schema.catalogue import (
    BILLING_DATE,
    CLOCK,
    EVENT_CODES,
    EVENT_PROFILES,
    PROFILE_STATUS,
    Kind,
    quantity,
)
from shared_schema.obis import Obis
from shared_schema.readings import Column, reached_at

MAX_COLUMNS: Final = 64
_VALUES: Final = frozenset(((3, 2), (4, 2), (5, 2), (5, 3)))
"""Class and attribute of a value: register, extended register, current and last average of a
demand register."""
FLOAT_DIGITS: Final = 9
"""A column of floats counts in 10^-9 of what the meter's scaler says."""
_LEAST_SCALER: Final = -128
"""Of a column: a scaler has 8 bits."""


class CaptureObject(NamedTuple):
    """One column of a profile, as its attribute 3 lists it."""

    class_id: int
    obis: Obis
    attribute: int
    data_index: int


@dataclass(frozen=True, slots=True)
class Layout:
    """How to read one profile's rows."""

    profile: Obis
    period_s: int
    objects: tuple[CaptureObject, ...]
    time_at: int
    """Which captured object is the time."""
    status_at: int | None
    """Which one is the status; in an event log, the event's code."""
    columns: tuple[Column, ...]
    places: tuple[int, ...]
    """For each of the columns, which captured object it is."""
    descending: bool = False
    """The newest row comes first."""
    is_log: bool = False
    """An event log: its rows are ``(ts, code, raw, …)``."""
    nulls_repeat: bool = True
    """A null is the value of the row before; False: it says that there is no value."""
    floats: frozenset[int] = frozenset()
    """Which captured objects hold floats."""

    @property
    def countable(self) -> frozenset[int]:
        """The captured objects whose floats can be counted, but for those known to hold some."""
        return frozenset(
            at
            for at, each in zip(self.places, self.columns, strict=True)
            if at not in self.floats and counts_floats(each)
        )

    def with_floats(self, places: Collection[int]) -> "Layout":
        """Return the layout of a profile in which these captured objects hold floats.

        One whose floats cannot be counted stays as it is: its values are refused.
        """
        more = self.countable.intersection(places)
        columns = tuple(
            of_floats(each) if at in more else each
            for at, each in zip(self.places, self.columns, strict=True)
        )
        return replace(self, columns=columns, floats=self.floats | more)


class Captured(NamedTuple):
    """What a profile captured when its rows were last kept."""

    digest: str
    """Of its capture objects and capture period, as the meter sent them."""
    columns: tuple[Obis, ...]


def capture_objects(data: bytes) -> tuple[CaptureObject, ...]:
    """Read attribute 3 of a profile.

    Raises:
        ProtocolViolation: it has another shape.
    """
    found = value(data)
    if not isinstance(found, list):
        raise ProtocolViolation("the capture objects are no array")
    objects: list[CaptureObject] = []
    for item in found:
        match item:
            case [int(class_id), bytes(name), int(attribute), int(index)] if len(name) == 6:
                objects.append(CaptureObject(class_id, Obis.from_bytes(name), attribute, index))
            case _:
                raise ProtocolViolation("a capture object has another shape")
    return tuple(objects)


def scaler_profile(data: bytes, objects: Sequence[CaptureObject]) -> dict[Obis, Scale]:
    """Read the buffer of a scaler profile: the scaler and unit of each code in it.

    An entry that is no scaler_unit is left out.

    Raises:
        ProtocolViolation: the buffer holds no row of that many values.
    """
    match value(data):
        case [list(row), *_] if len(row) == len(objects):
            found: dict[Obis, Scale] = {}
            for captured, item in zip(objects, row, strict=True):
                try:
                    found.setdefault(captured.obis, scaler_unit(item))
                except ProtocolViolation:
                    continue
            return found
    raise ProtocolViolation("the scaler profile holds no row for its capture objects")


def value_objects(objects: Sequence[CaptureObject]) -> dict[int, CaptureObject]:
    """Return the captured objects that are values: place -> object.

    The time, the status, attributes other than the value, parts of a value, and what is no
    number (texts, dates) are left out; of a code that is captured twice, the first counts.
    """
    found: dict[int, CaptureObject] = {}
    seen: set[Obis] = set()
    for place, captured in enumerate(objects):
        known = quantity(captured.obis)
        if (
            (captured.class_id, captured.attribute) not in _VALUES
            or captured.data_index != 0
            or captured.obis in seen
            or (known is not None and known.kind is Kind.STATUS)
        ):
            continue
        seen.add(captured.obis)
        found[place] = captured
    return found


def may_be_float(obis: Obis) -> bool:
    """Tell whether a column may hold floats: it is a momentary value, which nobody bills."""
    known = quantity(obis)
    return known is not None and known.kind is Kind.INSTANTANEOUS


@lru_cache(maxsize=1024)
def column(obis: Obis, scale: Scale) -> Column:
    """Return the column of a register; meters that scale it alike have it in common."""
    return Column(obis=obis, scaler=scale.scaler, unit=scale.unit, weight=scale.weight)


def counts_floats(whole: Column) -> bool:
    """Tell whether floats of a register can be counted in 10^-`FLOAT_DIGITS` of its scaler."""
    return whole.weight == 1 and whole.scaler - FLOAT_DIGITS >= _LEAST_SCALER


def of_floats(whole: Column) -> Column:
    """Return the column of a register whose floats are counted in 10^-`FLOAT_DIGITS`."""
    return whole.model_copy(update={"scaler": whole.scaler - FLOAT_DIGITS})


def _is_time_of_maximum(captured: CaptureObject) -> bool:
    """Tell whether it is when a maximum demand was reached (IEC 62056-6-2, capture_time)."""
    return (captured.class_id, captured.attribute, captured.data_index) in {(4, 5, 0), (5, 6, 0)}


def layout_of(
    profile: Obis,
    period_s: int,
    objects: Sequence[CaptureObject],
    scalers: Mapping[Obis, Scale],
    *,
    descending: bool = False,
    nulls_repeat: bool = True,
) -> Layout:
    """Join what is captured with how it is scaled. A value without a scaler is left out.

    When a maximum demand was reached is a column beside the demand itself.

    Raises:
        ProtocolViolation: the profile captures no time, or no value that has a scaler; an event
            log captures no code.
    """
    is_log = profile in EVENT_PROFILES
    time_at = _place(objects, (CLOCK, BILLING_DATE))
    status_at = _place(objects, EVENT_CODES if is_log else (PROFILE_STATUS,))
    columns = _columns(objects, scalers)
    places = sorted(columns)[:MAX_COLUMNS]
    if time_at is None:
        raise ProtocolViolation(f"profile {profile} captures no time")
    if is_log and status_at is None:
        raise ProtocolViolation(f"event log {profile} captures no code")
    if not (places or is_log):
        raise ProtocolViolation(f"profile {profile} captures no value with a scaler")
    return Layout(
        profile,
        period_s,
        tuple(objects),
        time_at,
        status_at,
        tuple(columns[place] for place in places),
        tuple(places),
        descending,
        is_log,
        nulls_repeat,
    )


def _place(objects: Sequence[CaptureObject], codes: Container[Obis]) -> int | None:
    """Return which captured object is the first value of one of these codes."""
    for place, captured in enumerate(objects):
        if captured.obis in codes and captured.attribute == 2:
            return place
    return None


def _columns(objects: Sequence[CaptureObject], scalers: Mapping[Obis, Scale]) -> dict[int, Column]:
    """Return the columns of the values that have a scaler, and of the times of their maxima."""
    found = {
        place: column(captured.obis, scalers[captured.obis])
        for place, captured in value_objects(objects).items()
        if captured.obis in scalers
    }
    scaled = {each.obis for each in found.values()}
    for place, captured in enumerate(objects):
        if _is_time_of_maximum(captured) and captured.obis in scaled:
            scaled.remove(captured.obis)
            found[place] = reached_at(captured.obis)
    return found
