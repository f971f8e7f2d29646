# SPDX-License-Identifier: GPL-2.0-only
"""A finding: what a poll or an examination noticed about one meter, as a kind with its values.

Whoever decides looks at the kind and the values. `words` makes the sentence for a person, at the
surface: in the log, on the sheet, in an answer to a command. A translation changes `WORDS` alone.

In: kind, label of the meter, values. Out: the same, or a sentence.
Pure. Never: a decision that depends on a word of a sentence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from edge_agent.errors import (
    AccessDenied,
    AgentError,
    Breach,
    FloatRefused,
    ProtocolViolation,
    ValueRefused,
)
from shared_schema.message import MeterId
from shared_schema.obis import Obis

Value = int | str | Obis | MeterId
OTHER_CLASS: Final = 9
"""The data-access-result object-class-inconsistent."""
NOT_THERE: Final = frozenset((4, OTHER_CLASS, 11))
"""Data-access-results of an object that a meter lacks: undefined, other class, unavailable."""


class FindingKind(StrEnum):
    """What was noticed."""

    ANOTHER_METER = "another_meter"
    REGISTERS_UNCONFIRMED = "registers_unconfirmed"
    REGISTERS_UNSTAMPED = "registers_unstamped"
    CLOCKS_DISAGREE = "clocks_disagree"
    REGISTERS_LATE = "registers_late"
    REGISTERS_EARLIER = "registers_earlier"
    DENIED = "denied"
    UNREADABLE = "unreadable"
    OBJECT_REFUSED = "object_refused"
    """What one object holds is no value that is read; everything else of the meter is."""
    REGISTER_OF_FLOATS = "register_of_floats"
    TOO_LONG = "too_long"
    """One answer holds more than is read at once."""
    NO_VALUE = "no_value"
    """The register is there and holds null."""
    NOTHING_BILLED = "nothing_billed"
    """No register that a month is made of was read."""
    NO_SCALER = "no_scaler"
    COLUMN_WITHOUT_SCALER = "column_without_scaler"
    CLOCK_SHOWS_NO_TIME = "clock_shows_no_time"
    CLOCK_UNREADABLE = "clock_unreadable"
    """What came is no time at all: whether the clock is right is not known."""
    CLOCK_OFF = "clock_off"
    CLOCK_IN_OTHER_ZONE = "clock_in_other_zone"
    """It does not state its zone truly, and is right as local time of another than the model's."""
    WRONG_DEVIATION_SIGN = "wrong_deviation_sign"
    """The clock is right once its deviation is read in another way: ``sign`` tells which."""
    NEWEST_ROW_IS_OLD = "newest_row_is_old"
    ROWS_NOT_BY_CLOCK = "rows_not_by_clock"
    """The clock is right, and the newest row is of another time: it is stamped in another way."""
    ROWS_IN_OTHER_ZONE = "rows_in_other_zone"
    """Rows state another deviation than the clock, and no newest row tells which one is true."""
    CAPTURES_CHANGED = "captures_changed"
    COLUMNS_GAINED = "columns_gained"
    READ_BEYOND_CLOCKS = "read_beyond_clocks"
    ROW_NOT_OF_NOW = "row_not_of_now"
    ROWS_UNREADABLE = "rows_unreadable"
    ROWS_IN_DOUBT = "rows_in_doubt"
    ROWS_WITHOUT_TIME = "rows_without_time"
    ROWS_MISFIT = "rows_misfit"
    ROWS_WITHOUT_CODE = "rows_without_code"
    ROWS_TIME_TAKEN = "rows_time_taken"
    ROWS_CONTRADICT = "rows_contradict"
    VALUES_REFUSED = "values_refused"
    FLOATS_BILLED = "floats_billed"
    """A column that is billed holds floats: no count can be made of it."""
    PERIOD_IMPOSSIBLE = "period_impossible"
    NO_UNIT = "no_unit"
    UNIT_NOT_BILLED = "unit_not_billed"
    NOT_A_DIAL = "not_a_dial"
    """A register that counts up is below zero, or counts in steps that no meter has."""
    STATUS_BIT_SET = "status_bit_set"


_OF_BREACH: Final = {
    Breach.SIZE: FindingKind.TOO_LONG,
    Breach.ZONE: FindingKind.ROWS_IN_OTHER_ZONE,
}
CLOCK_WRONG: Final = frozenset(
    (FindingKind.CLOCK_OFF, FindingKind.CLOCK_IN_OTHER_ZONE, FindingKind.WRONG_DEVIATION_SIGN)
)
"""The kinds that tell by how much a clock is wrong."""
CLOCK_TOLD: Final = CLOCK_WRONG | {FindingKind.CLOCK_SHOWS_NO_TIME, FindingKind.CLOCK_UNREADABLE}
"""The kinds that tell that a clock is of no use."""

WORDS: Final[dict[FindingKind, str]] = {
    FindingKind.ANOTHER_METER: "{label}: {found} answers where {known} was",
    FindingKind.REGISTERS_UNCONFIRMED: (
        "{label}: registers are not kept, whose they are was not confirmed: {error}"
    ),
    FindingKind.REGISTERS_UNSTAMPED: (
        "{label}: registers are not kept: the gateway has no time to stamp them"
    ),
    FindingKind.CLOCKS_DISAGREE: (
        "{label}: registers are not kept: its clock and the gateway's disagree, and no time "
        "service vouches for the gateway's, or it jumped since they agreed"
    ),
    FindingKind.REGISTERS_LATE: (
        "{label}: registers are not kept: they came more than {most_s} s after they were asked "
        "for, and nobody knows of when they are"
    ),
    FindingKind.REGISTERS_EARLIER: (
        "{label}: registers are not kept: its clock was set back, and has not reached the time of "
        "the last ones"
    ),
    FindingKind.DENIED: "{error}",
    FindingKind.UNREADABLE: "{label}: {obis}: {error}",
    FindingKind.OBJECT_REFUSED: "{label}: {obis} is left out: {error}",
    FindingKind.REGISTER_OF_FLOATS: "{label}: {obis} is left out: {error}",
    FindingKind.TOO_LONG: "{label}: {obis}: {error}",
    FindingKind.NO_VALUE: "{label}: {obis} is there and holds no value (null)",
    FindingKind.NOTHING_BILLED: "no register that is billed was read: the meter gives no {names}",
    FindingKind.NO_SCALER: "{label}: {obis} has no scaler",
    FindingKind.COLUMN_WITHOUT_SCALER: (
        "{label}: {obis} has no scaler: it is left out of {profile}"
    ),
    FindingKind.CLOCK_SHOWS_NO_TIME: "{label}: its clock shows no valid time: {came}",
    FindingKind.CLOCK_UNREADABLE: "{label}: its clock cannot be read: {error}",
    FindingKind.CLOCK_OFF: (
        "{label}: its clock is {offset_s} s off, more than {most_s} s: set it: "
        "profiles are not read"
    ),
    FindingKind.CLOCK_IN_OTHER_ZONE: (
        "{label}: its clock is {offset_s} s off by the zone that is set, and right as local time "
        "of {zone}: profiles are not read"
    ),
    FindingKind.WRONG_DEVIATION_SIGN: (
        "{label}: its clock is {offset_s} s off, because the wrong deviation_sign is set, "
        "{sign} fits: profiles are not read"
    ),
    FindingKind.NEWEST_ROW_IS_OLD: (
        "{label}: it shows no clock and its newest row is not of just now: no row is kept; "
        "see whether its deviation_sign is right"
    ),
    FindingKind.ROWS_NOT_BY_CLOCK: (
        "{label}: {profile}: its newest row is stamped {by_s} s from now while the clock is right: "
        "rows and clock write the time in two ways, and no row is kept"
    ),
    FindingKind.ROWS_IN_OTHER_ZONE: "{label}: {obis}: {error}",
    FindingKind.CAPTURES_CHANGED: (
        "{label}: {profile} captures other objects, or in another period, than before"
    ),
    FindingKind.COLUMNS_GAINED: (
        "{label}: {profile} has {names} as well now: it is read from its beginning"
    ),
    FindingKind.READ_BEYOND_CLOCKS: (
        "{label}: clock event: {profile} was read {by_s} s beyond the clocks: "
        "its watermark goes back"
    ),
    FindingKind.ROW_NOT_OF_NOW: "{label}: {profile}: its row is not of now and is left out",
    FindingKind.ROWS_UNREADABLE: (
        "{label}: {profile}: what it has from {first} to {last} cannot be read and is left "
        "out: {error}"
    ),
    FindingKind.ROWS_IN_DOUBT: (
        "{label}: clock event: {count} rows of {profile} from {first} on are left out: "
        "its clock passed their time while it was wrong"
    ),
    FindingKind.ROWS_WITHOUT_TIME: "{label}: {profile}: {count} rows from {first} on have no time",
    FindingKind.ROWS_MISFIT: "{label}: {profile}: {count} rows from {first} on do not fit",
    FindingKind.ROWS_WITHOUT_CODE: (
        "{label}: {profile}: {count} rows from {first} on have no event code"
    ),
    FindingKind.ROWS_TIME_TAKEN: (
        "{label}: {profile}: {count} rows from {first} on have no time of their own, and the "
        "capture period gives them that of another row, or one not asked for: they are left out"
    ),
    FindingKind.ROWS_CONTRADICT: (
        "{label}: {profile}: {count} times from {first} on have several rows that differ: all are "
        "kept, and the cloud judges them"
    ),
    FindingKind.VALUES_REFUSED: (
        "{label}: {profile}: {count} values from {first} on are no whole numbers and are left "
        "out; the first: {came}"
    ),
    FindingKind.FLOATS_BILLED: (
        "{label}: {profile}: {count} values from {first} on are floats where whole numbers are "
        "billed, and are left out; the first: {came}"
    ),
    FindingKind.PERIOD_IMPOSSIBLE: (
        "{label}: {profile} says that it captures every {period_s} s, which cannot be: rows "
        "without a time of their own are left out"
    ),
    FindingKind.NO_UNIT: "{obis} says no unit: it counts pulses",
    FindingKind.UNIT_NOT_BILLED: "{obis} is in {unit} and not billed in it",
    FindingKind.NOT_A_DIAL: "{obis} is {came}, which no dial shows",
    FindingKind.STATUS_BIT_SET: "{means}: bit {bit} of its status is set at {at}",
}
"""The sentence of each kind; the names in braces are the meter's label and the values."""


class Note(Protocol):
    """Takes a finding about a meter whose label it knows."""

    def __call__(self, kind: FindingKind, **values: Value) -> None:
        """Take a kind with its values."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """What was noticed about one meter."""

    kind: FindingKind
    label: str
    """Of the meter; empty where the sentence names none."""
    values: Mapping[str, Value] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return words(self)

    @property
    def result(self) -> int | None:
        """The data-access-result, where a meter refused an object."""
        found = self.values.get("result")
        return found if isinstance(found, int) else None

    @property
    def is_absence(self) -> bool:
        """Whether the meter just lacks an object: a remark, and no trouble.

        An object that it has as another class than those that are read is no absence.
        """
        return self.kind is FindingKind.DENIED and self.result in NOT_THERE - {OTHER_CLASS}


def finding(kind: FindingKind, label: str = "", **values: Value) -> Finding:
    """Return a finding with its values by name."""
    return Finding(kind, label, values)


def of_error(kind: FindingKind, label: str, error: AgentError, **values: Value) -> Finding:
    """Return a finding that an error is the reason of; a refusal keeps its result.

    An object that is unreadable for what it holds is of a kind of its own.
    """
    if kind is FindingKind.UNREADABLE:
        kind = _unreadable(error)
    if isinstance(error, AccessDenied):
        values["result"] = error.result
    return Finding(kind, label, {**values, "error": str(error)})


def _unreadable(error: AgentError) -> FindingKind:
    match error:
        case FloatRefused():
            return FindingKind.REGISTER_OF_FLOATS
        case ValueRefused():
            return FindingKind.OBJECT_REFUSED
        case ProtocolViolation():
            return _OF_BREACH.get(error.of, FindingKind.UNREADABLE)
    return FindingKind.UNREADABLE


def words(found: Finding) -> str:
    """Return the sentence that a person reads."""
    return WORDS[found.kind].format(label=found.label, **found.values)
