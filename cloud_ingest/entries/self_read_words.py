# SPDX-License-Identifier: MIT
"""What is said of a doubtful self-read: to the resident as a question, to the manager as a remark.

The resident learns nothing of a neighbour: neither whose meter it may be, nor what that shows.

In: remarks of `core.dial_reasons`. Out: sentences. Pure.
"""

from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.dial_reasons import DialDoubt, Remark
from cloud_ingest.core.unit_list import LEGACY_MAKER
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import Service
from shared_schema.message import MeterId

LAST_DIGITS: Final = 4
"""Of a serial number a resident compares these with the plate."""


class Said(NamedTuple):
    """One thing that is said of what a resident sent."""

    kind: str
    """Of `DialDoubt`, or of the ways of a self-read (`entries.self_read_submit`)."""
    question: str
    """To the resident."""
    remark: str
    """To the manager."""
    meant: str | None = None
    """What the dial probably showed, in kWh or kL."""

    def document(self) -> dict[str, str | None]:
        """Return it as it is kept."""
        return self._asdict()


def said_of(remark: Remark, service: Service, zone: ZoneInfo) -> Said:
    """Put a remark into words."""
    unit = BILLING_UNITS[service]
    question, told = _WORDS[remark.doubt]
    values = {
        "meant": _amount(remark.meant, unit),
        "used": _amount(remark.used, unit),
        "beside": _day(remark.beside, zone),
        "neighbour": remark.neighbour or "",
    }
    shows_meant = remark.doubt in _SUGGESTS and remark.meant is not None
    return Said(
        remark.doubt,
        question.format(**values),
        told.format(**values),
        f"{remark.meant:f}" if shows_meant else None,
    )


def meter_words(service: Service, source: str, meter: MeterId) -> str:
    """Name a meter to its resident: by what it counts and the end of its serial number."""
    digits = last_digits(meter)
    return f"{service} ({source})" + ("" if digits is None else f", meter \u2026{digits}")


def last_digits(meter: MeterId) -> str | None:
    """Return the end of a serial number, as it stands on the plate; None: nobody read one."""
    if meter.manufacturer == LEGACY_MAKER:
        return None
    return meter.serial[-LAST_DIGITS:]


_SUGGESTS = frozenset({DialDoubt.DIGITS_EXCHANGED, DialDoubt.DECIMAL_POINT})
_WORDS: dict[DialDoubt, tuple[str, str]] = {
    DialDoubt.BELOW: (
        "This is less than the {meant} that the meter showed on {beside}. Please look again.",
        "below the {meant} of {beside}",
    ),
    DialDoubt.ABOVE: (
        "This is more than the meter showed later, on {beside}. Was it another day?",
        "above the {meant} of {beside}, which was read later",
    ),
    DialDoubt.TOO_MUCH: (
        "That would be {used} since {beside}, more than a flat can use. Please look again.",
        "{used} since {beside} is more than the unit can use",
    ),
    DialDoubt.UNUSUAL: (
        "That would be {used} since {beside}, far more than before. Is it right?",
        "{used} since {beside} is far more than the unit usually uses",
    ),
    DialDoubt.TOO_LITTLE: (
        "That would leave {used} until {beside}, far more than before. Was it another day?",
        "it leaves {used} until {beside}, far more than the unit usually uses",
    ),
    DialDoubt.ROLLOVER: (
        "Did the dial turn over, from all nines to zero?",
        "the dial probably turned over: approve it, then say so (cloud-ingest epoch add)",
    ),
    DialDoubt.DIGITS_EXCHANGED: (
        "Did two digits change places? Is it {meant}?",
        "two digits probably changed places: {meant}",
    ),
    DialDoubt.DECIMAL_POINT: (
        "Where is the decimal point? Is it {meant}?",
        "the decimal point probably stands elsewhere: {meant}",
    ),
    DialDoubt.DIGIT_MISSING: (
        "Was a digit left out?",
        "a digit was probably left out: about {meant}",
    ),
    DialDoubt.DIGIT_TOO_MANY: (
        "Is there a digit too many?",
        "there is probably a digit too many: about {meant}",
    ),
    DialDoubt.NEIGHBOUR: (
        "Is it your own meter? Compare the last digits of its number.",
        "it would be plausible at {neighbour}, whose meter showed {meant}: the wrong meter?",
    ),
}


def _amount(value: Decimal | None, unit: str) -> str:
    return "" if value is None else f"{value:f} {unit}"


def _day(at: datetime | None, zone: ZoneInfo) -> str:
    if at is None:
        return ""
    local = at.astimezone(zone)
    return f"{local.day} {local:%b %Y}"
