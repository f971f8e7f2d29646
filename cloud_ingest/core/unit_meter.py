# SPDX-License-Identifier: MIT
"""What a list of units says of a meter: what it is made for, what hangs before it, who sealed it.

It holds from a day on, or from when the meter was there. What a line leaves empty stays as it is
known. A register counts what flows on one side of the transformers before it; their ratio is
multiplied into nothing here (docs/adr/0034-units-over-time.md).

In: the fields of a line. Out: a `Rating`, its versions. Pure.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Context, Decimal
from typing import Final, Literal, NamedTuple, cast

from cloud_ingest.core.typed_text import label, typed_day
from cloud_ingest.errors import TextRefused
from shared_schema.catalogue import Service

RATING_COLUMNS = (
    "phases",
    "max_current_a",
    "q4_m3_h",
    "invalid_bits",
    "clock_bits",
    "resolution",
    "q3_m3_h",
    "register_digits",
    "ct_ratio",
    "pt_ratio",
    "counts",
    "seal",
    "calibrated_on",
    "accuracy_class",
)
"""They may be missing, and so may each value: what is known of the meter stays."""
MOST_CURRENT_A = Decimal(6300)
"""Of the largest current transformer that a tower's panel has, in A."""
MOST_FLOW_M3_H = Decimal(5000)
"""Of a bulk meter of DN 500, in m3/h."""
ACCURACY_CLASSES: Final = {
    **dict.fromkeys(("0.2S", "0.2"), Decimal("0.002")),
    **dict.fromkeys(("0.5S", "0.5"), Decimal("0.005")),
    "1": Decimal("0.01"),
    "2": Decimal("0.02"),
}
"""By which share a meter may err: the limits of IEC 62053 at its usual load, and of ISO 4064 above
the transitional flow. At little load or flow it may err by more."""
MOST_RATIO = Decimal(10000)
EVER = datetime.min.replace(tzinfo=UTC)
"""Before every day that a list names."""
LAST_BIT = 55
"""Of a status word of at most seven octets."""
Meter = tuple[str, str]
"""Manufacturer and serial number."""
Side = Literal["primary", "secondary"]
"""Of the transformers before a meter."""

_ELECTRICITY = ("phases", "max_current_a", "ct_ratio", "pt_ratio", "counts")
_WATER = ("q4_m3_h", "q3_m3_h")
_PLAIN = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
_NOMINAL = Context(prec=12)
"""A ratio such as 415/110 has no last digit; it is told, and multiplied into nothing."""
_RATIO = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)(?:/([0-9]{1,6}(?:\.[0-9]{1,6})?))?")


class Rating(NamedTuple):
    """What is known of a meter; None: it is not known."""

    phases: int | None = None
    max_current_a: Decimal | None = None
    q4_m3_h: Decimal | None = None
    invalid_bits: int | None = None
    """With one of these bits of its status a reading is not valid; as a number with these set."""
    clock_bits: int | None = None
    """With one of these its time is not valid."""
    resolution: Decimal | None = None
    """The smallest step of its register, in kWh or kL."""
    q3_m3_h: Decimal | None = None
    """The flow that it bears for good."""
    register_digits: int | None = None
    """Before the point of kWh or kL: behind the last number it begins at 0 again."""
    ct_ratio: str | None = None
    """Of its current transformers, such as 200/5."""
    pt_ratio: str | None = None
    """Of its voltage transformers, such as 11000/110."""
    counts: Side | None = None
    """Which side of its transformers the register counts as it is read."""
    seal: str | None = None
    calibrated_on: date | None = None
    accuracy_class: str | None = None
    """Such as 1: by so many percent of what it counts it may err."""

    def over(self, known: "Rating") -> "Rating":
        """Return what is known with what this says."""
        said = {name: value for name, value in self._asdict().items() if value is not None}
        return known._replace(**said)

    @property
    def factor(self) -> Decimal:
        """What one kWh of the secondary side is on the primary side."""
        return _NOMINAL.multiply(ratio(self.ct_ratio or "1"), ratio(self.pt_ratio or "1"))

    @property
    def is_secondary(self) -> bool:
        """Say whether its register counts less than flows by the factor of its transformers."""
        return self.counts == "secondary" and self.factor != 1


class RatingVersion(NamedTuple):
    """What is known of a meter from a time on."""

    since: datetime | None
    """None: from when the meter was there."""
    rating: Rating


def in_order(versions: Iterable[RatingVersion]) -> tuple[RatingVersion, ...]:
    """Return versions with the oldest first."""
    return tuple(sorted(versions, key=lambda each: each.since or EVER))


def rating_at(versions: tuple[RatingVersion, ...], at: datetime | None) -> Rating:
    """Return what holds at a time; None: before the first dated one."""
    found = Rating()
    for version in versions:
        if version.since is None or (at is not None and version.since <= at):
            found = version.rating
    return found


def ratio(text: str) -> Decimal:
    """Return the factor of a ratio such as 200/5, or 40."""
    match = _RATIO.fullmatch(text)
    if match is None or not Decimal(match[2] or 1):
        raise ValueError(text)
    return _NOMINAL.divide(Decimal(match[1]), Decimal(match[2] or 1))


def read_rating(field: Mapping[str, str], service: Service) -> Rating:
    """Read what the fields of a line say of its meter.

    Raises:
        ValueError: with the fault of the first field that has one.
    """
    for name in _WATER if service is Service.ELECTRICITY else _ELECTRICITY:
        if field.get(name):
            raise ValueError(f"{name} is not of {service}: leave it empty")
    phases, counts = field.get("phases") or None, field.get("counts") or None
    if phases not in {None, "1", "3"}:
        raise ValueError(f"phases {phases[:40]!r} is neither 1 nor 3")
    if counts not in {None, "primary", "secondary"}:
        raise ValueError(f"counts {counts[:40]!r} is neither primary nor secondary")
    return Rating(
        None if phases is None else int(phases),
        _positive(field, "max_current_a", MOST_CURRENT_A, "A"),
        _positive(field, "q4_m3_h", MOST_FLOW_M3_H, "m3/h"),
        _bits(field, "invalid_bits"),
        _bits(field, "clock_bits"),
        _positive(field, "resolution", Decimal(1000), "kWh or kL"),
        _positive(field, "q3_m3_h", MOST_FLOW_M3_H, "m3/h"),
        _digits(field.get("register_digits")),
        _ratio(field, "ct_ratio", "200/5"),
        _ratio(field, "pt_ratio", "11000/110"),
        cast("Side | None", counts),
        _seal(field.get("seal")),
        _day(field.get("calibrated_on")),
        _class(field.get("accuracy_class")),
    )


def _bits(field: Mapping[str, str], name: str) -> int | None:
    text = field.get(name)
    if not text:
        return None
    if text == "none":
        return 0
    bits = {int(word) if word.isascii() and word.isdigit() else -1 for word in text.split()}
    if min(bits) < 0 or max(bits) > LAST_BIT:
        raise ValueError(
            f"{name} {text[:40]!r} is not bits from 0 to {LAST_BIT} with spaces between, or none"
        )
    return sum(1 << bit for bit in bits)


def _positive(field: Mapping[str, str], name: str, most: Decimal, unit: str) -> Decimal | None:
    text = field.get(name)
    if not text:
        return None
    value = Decimal(text) if _PLAIN.fullmatch(text) else Decimal(0)
    if not 0 < value <= most:
        raise ValueError(f"{name} {text[:40]!r} is not a number above 0, at most {most} {unit}")
    return value


def _class(text: str | None) -> str | None:
    if text and text not in ACCURACY_CLASSES:
        known = ", ".join(ACCURACY_CLASSES)
        raise ValueError(f"accuracy_class {text[:40]!r} is none of {known}")
    return text or None


def _digits(text: str | None) -> int | None:
    if not text:
        return None
    if re.fullmatch(r"[3-9]|1[0-2]", text) is None:
        raise ValueError(f"register_digits {text[:40]!r} is not a number from 3 to 12")
    return int(text)


def _ratio(field: Mapping[str, str], name: str, such_as: str) -> str | None:
    text = field.get(name)
    if not text:
        return None
    try:
        factor = ratio(text)
    except ValueError:
        factor = Decimal(0)
    if not 1 <= factor <= MOST_RATIO:
        raise ValueError(f"{name} {text[:40]!r} is no ratio of 1 or more: write it as {such_as}")
    return text


def _seal(text: str | None) -> str | None:
    try:
        return label(text, "seal") if text else None
    except TextRefused as error:
        raise ValueError(str(error)) from None


def _day(text: str | None) -> date | None:
    try:
        return typed_day(text) if text else None
    except ValueError:
        raise ValueError(
            f"calibrated_on {(text or '')[:40]!r} is no day: write it as 2026-07-15"
        ) from None
