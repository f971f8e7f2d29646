# SPDX-License-Identifier: MIT
"""Plain words for what the store knows by a kind: reasons, verdicts, origins, methods.

In: a kind. Out: a clause without a full stop. Never: a decision. Pure.
"""

from collections.abc import Mapping
from typing import Final

from cloud_ingest.core.border import Why
from cloud_ingest.core.claim import Rule
from cloud_ingest.core.dial_check import Source
from shared_schema.billing import EstimateMethod
from shared_schema.quality import Origin, Quality, Reason

REASONS: Final[Mapping[Reason, str]] = {
    Reason.NO_METER: "no meter serves it",
    Reason.NO_OPENING: "no reading stands for the start",
    Reason.NO_CLOSING: "no reading stands for the end",
    Reason.OFFLINE: "the meter was not heard up to the end",
    Reason.SELF_READ: "a border is a dial that a person read",
    Reason.IMPORTED: "a border is a reading of an earlier system, which no gateway signed",
    Reason.SUM_CHECK: "the meter's own intervals do not add up to its register",
    Reason.REGISTER_DROP: "the register fell, and nobody has said why",
    Reason.PART_OF_MONTH: "the meter served for a part of the month",
    Reason.INCOMPLETE: "the meter was not read right when it came or went",
    Reason.SCALER: "what the register counts cannot be told: look at its scaler or pulse weight, "
    "at its dial, and at which side of its transformers it counts",
    Reason.LEAK: "something runs all the time",
    Reason.IMPLAUSIBLE: "it is more than the meter and its unit can use",
    Reason.HISTORY: "it is far more than the unit has used before",
    Reason.NEAR_BORDER: "a border is met by a reading shortly beside it",
    Reason.BORDER_PLACED: "nobody read a border: it is placed between two readings",
    Reason.CATCH_UP: "it covers earlier months too, whose borders were not read",
    Reason.LATE_CHANGE: "it, or the month before it, changed after it was sent, and nobody asked",
    Reason.STUCK: "the register did not move, though something was always used before",
    Reason.METER_STATUS: "a border is a reading that its meter itself calls not valid",
    Reason.UNCONFIRMED: "its last row is far above what the unit uses in a day, and none follows",
    Reason.WIDE_BOUNDS: "too long a time was not read, and too much may have been used in it",
    Reason.LOCKED: "the month is approved, and this came after it",
    Reason.RESTORED: "a reading counts that a person vouched for, against a rule",
}

BREAKS: Final[Mapping[Reason, str]] = {
    Reason.REGISTER_DROP: "the register fell for good, and nobody has said why",
    Reason.IMPLAUSIBLE: "the register jumped for good, faster than its meter can count",
}
"""Where a register leaves its course."""
DIALS: Final[Mapping[Source, str]] = {
    "dial": "Its dial showed",
    "sheet": "The register that was told with its dial showed",
    "entered": "What a person entered showed",
}
"""What speaks against a register."""

_READ_IT = (
    "read its dial (cloud-ingest self-read), or enter what the register showed at the border "
    "(cloud-ingest reading enter)"
)
_DECIDE = (
    "if it is right, accept it (cloud-ingest number accept); if not, put its readings right "
    "(cloud-ingest reading)"
)
ADVICE: Final[Mapping[Reason, str]] = {
    Reason.NO_OPENING: _READ_IT,
    Reason.NO_CLOSING: _READ_IT,
    Reason.INCOMPLETE: _READ_IT,
    Reason.WIDE_BOUNDS: "enter what its dial showed when it was put in or taken out (cloud-ingest "
    "self-read), or accept what is proved (cloud-ingest number accept)",
    Reason.LOCKED: "open the month again (cloud-ingest month reopen), and close it",
    Reason.REGISTER_DROP: "say why it fell (cloud-ingest epoch add), or set what is false aside "
    "(cloud-ingest reading set-aside)",
    Reason.IMPLAUSIBLE: _DECIDE,
    Reason.HISTORY: _DECIDE,
    Reason.SUM_CHECK: _DECIDE,
    Reason.UNCONFIRMED: "wait for the next row, three days at most, and close the month again; or "
    "look at the meter, and accept the number (cloud-ingest number accept)",
    Reason.SCALER: "look at the meter's scaler and pulse weight; if the new one is right, say "
    "what its register lost where it changed (cloud-ingest epoch add); if not, read its dial "
    "(cloud-ingest self-read) and set what is false aside (cloud-ingest reading set-aside); where "
    "its dial counts otherwise, enter what was misread again (cloud-ingest dial add), or both "
    "borders as the dial has them (cloud-ingest reading enter), or accept the number "
    "(cloud-ingest number accept)",
}
"""Of a number that is withheld."""
RESTARTED: Final = (
    "if the register began anew, vouch for its first reading (cloud-ingest reading restore), and "
    "say what it counts on from (cloud-ingest epoch add)"
)
"""Where the newest rows of a register were set aside because it falls."""

QUALITIES: Final[Mapping[Quality, str]] = {
    Quality.RAW: "taken as it came",
    Quality.VALIDATED: "measured at both borders",
    Quality.SUSPECT: "in doubt",
    Quality.ESTIMATED: "estimated",
    Quality.EDITED: "put right by a person",
    Quality.SELF_READ: "read by a person",
    Quality.MISSING: "not known",
    Quality.DERIVED: "derived from readings beside a border",
    Quality.MIXED: "of meters that were read in several ways",
}

RULES: Final[Mapping[Rule, str]] = {
    Rule.NEGATIVE: "no register counts below zero",
    Rule.FALL: "the register falls between it and its neighbours",
    Rule.CEILING: "the register rises there faster than its meter can count",
    Rule.SUM_CHECK: "the intervals on both sides of it add up to another register",
    Rule.STATUS: "the meter's status calls it not valid",
    Rule.CLOCK: "the meter's status calls its time not valid",
}

WHYS: Final[Mapping[Why, str]] = {
    Why.UNSOUND: "validation does not believe it",
    Why.SET_ASIDE: "a person set it aside",
    Why.WORSE_ORIGIN: "a better claim of the same moment says otherwise",
    Why.RIVAL: "another value of the same moment is taken",
    Why.NOT_ELECTED: "nothing of its moment is believed",
    Why.AFTER: "it was read after the border",
    Why.FARTHER: "another one is nearer",
    Why.OUT_OF_REACH: "it is too far from the border",
    Why.BESIDE: "the border is placed between it and another one",
    Why.CLOSED_ELSEWHERE: "the month before was closed with another one, which is published",
}

ORIGINS: Final[Mapping[Origin, str]] = {
    Origin.EDIT: "entered by a person",
    Origin.METER: "from the meter",
    Origin.SELF_READ: "read from the dial by a person",
    Origin.IMPORTED: "from an earlier system",
    Origin.ESTIMATE: "placed",
}

METHODS: Final[Mapping[EstimateMethod, str]] = {
    EstimateMethod.INTERVALS: "by the meter's intervals",
    EstimateMethod.CHECK_METER: "by its check meter",
    EstimateMethod.GOOD_DAYS: "by the good days of the month",
    EstimateMethod.WEEKDAYS: "by the same weekdays before",
    EstimateMethod.SOCIETY: "by what the others used meanwhile",
    EstimateMethod.LINEAR: "by time",
    EstimateMethod.NEAREST: "from the nearest reading on",
}
