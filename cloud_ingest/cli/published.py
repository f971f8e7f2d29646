# SPDX-License-Identifier: MIT
"""How the commands word what a closed month says of a subject.

In: values of `cloud_ingest.month.published`. Out: lines, or values for JSON. Never: a decision.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from cloud_ingest.cli.json_text import decimal_text
from cloud_ingest.cli.table import local
from cloud_ingest.month.published import ShownNumber
from shared_schema.billing import Bounds, Estimate, Held
from shared_schema.quality import Reason

STEP_DIGITS = 3
"""A register shows kWh and kL to the thousandth, mostly."""


def state_line(month: str, closed_at: datetime | None, zone: ZoneInfo) -> str:
    """Say whether what is shown was published, or is so far."""
    if closed_at is None:
        return f"{month} so far: it is not closed"
    return f"{month} as it was published on {local(closed_at, zone)}"


def close_again_lines(months: Iterable[str], society: str) -> Iterator[str]:
    """Say how each closed month that something touches is closed again."""
    for month in months:
        yield f"close {month} again: cloud-ingest close-month {month} --society '{society}'"


def number_line(number: ShownNumber) -> str:
    """Say what a closed month says of one service of a subject."""
    what = f"{number.service.value}:"
    if number.state == "published":
        text = f"{what} {number.quantity:f} {number.unit}"
        if number.version is not None:
            text += f", version {number.version}, {_quality(number)}"
        if number.since is not None:
            text += f", counted since {number.since}"
        if number.bounds is not None:
            text += f", the truth lies {bounds_text(number.bounds, number.unit)}"
    else:
        text = f"{what} {number.state}{reasons_text(number.reasons)}"
        if number.estimate is not None:
            text += f", {estimate_text(number.estimate, number.unit)}"
    return text if number.held is None else f"{text}; {held_text(number.held, number.unit)}"


def _quality(number: ShownNumber) -> str:
    apart = [reason for reason in number.reasons if reason.value != number.quality.value]
    return f"{number.quality.value}{reasons_text(apart)}"


def reasons_text(reasons: Iterable[Reason]) -> str:
    """Return reasons in brackets, with a blank before; nothing where there is none."""
    text = ", ".join(reason.value for reason in reasons)
    return f" ({text})" if text else ""


def bounds_text(bounds: Bounds, unit: str) -> str:
    """Say between what a quantity lies."""
    return f"from {bound(bounds.lower)} to {bound(bounds.upper)} {unit}"


def bound(value: Decimal) -> str:
    """Write a bound; of what a ceiling alone gives, no zeros beyond the step of a register."""
    text = f"{value:f}"
    whole, point, digits = text.partition(".")
    kept = digits[:STEP_DIGITS] + digits[STEP_DIGITS:].rstrip("0")
    return f"{whole}{point}{kept}"


def estimate_text(estimate: Estimate, unit: str) -> str:
    """Say what a quantity probably is."""
    return (
        f"probably {estimate.quantity:f} {unit} "
        f"({estimate.method.value}; {bounds_text(estimate.bounds, unit)})"
    )


def held_text(held: Held, unit: str) -> str:
    """Say which change waits for a person."""
    becomes = "be withdrawn" if held.quantity is None else f"become {held.quantity:f} {unit}"
    return f"held for a person: it would {becomes}{reasons_text(held.reasons)}"


def number_as_json(number: ShownNumber) -> Mapping[str, Any]:
    """Return what a closed month says of one service of a subject, for JSON."""
    return {
        "subject_type": number.subject_type,
        "subject": number.subject,
        "service": number.service.value,
        "state": number.state,
        "quantity": decimal_text(number.quantity),
        "unit": number.unit,
        "version": number.version,
        "quality": number.quality.value,
        "reasons": [reason.value for reason in number.reasons],
        "bounds": _part_as_json(number.bounds),
        "since": number.since,
        "shares": [each.model_dump(mode="json", by_alias=True) for each in number.shares],
        "estimate": _part_as_json(number.estimate),
        "held": _part_as_json(number.held),
    }


def _part_as_json(part: Bounds | Estimate | Held | None) -> Any:
    return None if part is None else part.model_dump(mode="json", by_alias=True)
