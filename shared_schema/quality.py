# SPDX-License-Identifier: MIT
"""Quality: how good a number is, as one status and a set of reasons, with their codes elsewhere.

Source: NAESB REQ.21 (ESPI) quality of reading; IEC 61968-9 reading quality types.
"""

from enum import StrEnum


class Quality(StrEnum):
    """The status of a value. Missing stays missing: it is never zero."""

    RAW = "raw"
    """A border is a reading of an earlier system."""
    VALIDATED = "validated"
    """Read from the meter at both borders, and sound."""
    SUSPECT = "suspect"
    """In doubt: a tower whose meters counted more than its bulk meter."""
    ESTIMATED = "estimated"
    """A border was not read."""
    EDITED = "edited"
    """A border is a reading that a person entered or vouched for."""
    SELF_READ = "self_read"
    """A border is a dial that a person read."""
    MISSING = "missing"
    """Nothing is known."""
    DERIVED = "derived"
    """Between bounds: a border is placed, or met by a reading beside it; of a tower, a balance."""
    MIXED = "mixed"
    """Its parts have different statuses."""


ESPI_CODES: dict[Quality, int | None] = {
    Quality.RAW: 14,
    Quality.VALIDATED: 17,
    Quality.SUSPECT: 10,
    Quality.ESTIMATED: 8,
    Quality.EDITED: 7,
    Quality.SELF_READ: 7,
    Quality.MISSING: None,
    Quality.DERIVED: 11,
    Quality.MIXED: 13,
}
IEC_61968_9_CODES: dict[Quality, str | None] = {
    Quality.RAW: None,
    Quality.VALIDATED: "3.0.1",
    Quality.SUSPECT: "3.5.258",
    Quality.ESTIMATED: "3.8.0",
    Quality.EDITED: "3.7.0",
    Quality.SELF_READ: "3.7.0",
    Quality.MISSING: "2.5.259",
    Quality.DERIVED: "3.11.0",
    Quality.MIXED: "3.11.0",
}


class Reason(StrEnum):
    """Why a value has its status."""

    NO_METER = "no_meter"
    """No meter serves it; of a tower: it has no bulk meter."""
    NO_OPENING = "no_opening_reading"
    """No reading stands for the start."""
    NO_CLOSING = "no_closing_reading"
    """No reading stands for the end."""
    OFFLINE = "offline"
    """The meter was not heard up to the end."""
    SELF_READ = "self_read"
    """A border is a dial that a person read."""
    IMPORTED = "imported"
    """A border is a reading of an earlier system, which no gateway signed."""
    SUM_CHECK = "sum_check"
    """The meter's intervals do not add up to its register; of a tower: its units counted more than
    its bulk meter."""
    REGISTER_DROP = "register_drop"
    """The register fell, and nobody has said why."""
    PART_OF_MONTH = "part_of_month"
    """The meter served for a part of the month."""
    INCOMPLETE = "incomplete"
    """The meter was not read right when it came or went; of a tower: a month below it is
    not known."""
    SCALER = "scaler"
    """What its register counts cannot be told: the meter states a scaler that no meter has, or its
    pulse weight or scaler was changed, or a dial that a person read counts otherwise."""
    LEAK = "leak"
    """Something runs all the time."""
    IMPLAUSIBLE = "implausible"
    """More than the meter and its unit can use: in the month, or at once and for good."""
    HISTORY = "history"
    """Far more than the unit has used before."""
    NEAR_BORDER = "near_border"
    """A border is met by a reading within one capture period of it, not at it."""
    BORDER_PLACED = "border_placed"
    """A border lies between two readings and has its share of what was counted between them."""
    CATCH_UP = "catch_up"
    """It covers earlier months too, whose borders were not read."""
    LATE_CHANGE = "late_change"
    """It changed after it was published, nobody asked for it, and it is beyond the bounds; or it
    opens where the month before was published, which is no longer believed."""
    STUCK = "stuck"
    """The register did not move, though the unit always used something before."""
    METER_STATUS = "meter_status"
    """A border is a reading that its meter calls not valid, or whose time it calls so."""
    UNCONFIRMED = "unconfirmed"
    """The row that closes it is the last one known, and far above what the unit uses in a day."""
    WIDE_BOUNDS = "wide_bounds"
    """Too long a time was not read, and too much may have been used in it."""
    LOCKED = "locked"
    """The month is approved: nothing of it is sent until somebody opens it again."""
    RESTORED = "restored"
    """A border is a reading that a person restored although a rule speaks against it, or the
    register left its course on the way, and a person vouched for what follows."""


class Origin(StrEnum):
    """Who made a reading, best claim first: the order is the precedence of election.

    Of two edits the newer one is elected.
    """

    EDIT = "edit"
    METER = "meter"
    SELF_READ = "self_read"
    IMPORTED = "imported"
    """Taken over from an earlier system: nobody signed it."""
    ESTIMATE = "estimate"
    """Placed between readings: nobody said it, and it is never stored as a reading."""
