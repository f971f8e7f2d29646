# SPDX-License-Identifier: MIT
"""The balances of towers as sentences and tables for a terminal, or as JSON.

Each table adds up line by line: what came in is what its units, its common areas and the meters
below it took, and what is unaccounted.

In: balances. Out: text. Never: a decision.
"""

import json as json_format
from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal

from cloud_ingest.cli.json_text import decimal_text
from cloud_ingest.cli.published import state_line
from cloud_ingest.cli.sentences import wrapped
from cloud_ingest.cli.table import Column, figure, table
from cloud_ingest.core.balance_words import cannot_say, plus_minus, sentence
from cloud_ingest.usage.balances import TowerBalance
from cloud_ingest.views.tower_picture import Line, LineKind, Towers, lines_of
from shared_schema.billing import BILLING_UNITS

Row = tuple[str, str, str]
"""What, how much, and what there is to say of it."""
NO_METER = "no meter"
INDENT = "  "
LONGEST_NAME = 36
_WAYS = frozenset({LineKind.METER, LineKind.BY_HAND, LineKind.OF_UNITS})
_NAMES = {
    LineKind.CAME_IN: "came in",
    LineKind.NO_BULK: "came in",
    LineKind.UNITS: "units",
    LineKind.NO_COMMON: "common areas",
    LineKind.UNACCOUNTED: "unaccounted",
    LineKind.IN_ALL: "in all",
}
_REMARKS = {
    LineKind.CAME_IN: "",
    LineKind.NO_BULK: "no bulk meter",
    LineKind.NO_COMMON: NO_METER,
    LineKind.SUB_BULK: "sub-bulk",
    LineKind.PASSED_ON: "",
}


def as_text(found: Towers, society: str) -> str:
    """Say what is unaccounted in each tower, then show how it comes about."""
    parts = [state_line(found.month, found.closed_at, found.zone)]
    if not found.balances:
        return f"{parts[0]}\n\nno tower has a meter in it"
    if found.is_by_day:
        parts += ["\n".join(_days_known(found, society)), _days(found, society)]
    else:
        parts.append("\n".join(line for each in found.balances for line in _said(society, each)))
        parts += [_picture(_place(society, each), each) for each in found.balances]
    return "\n\n".join(parts)


def _place(society: str, each: TowerBalance) -> str:
    return society if each.tower is None else each.tower


def _said(society: str, each: TowerBalance) -> list[str]:
    return wrapped(sentence(_place(society, each), each.service, each.balance), hang=2)


def _picture(place: str, each: TowerBalance) -> str:
    """Show what came in and where it went, so that it adds up line by line."""
    unit = BILLING_UNITS[each.service]
    columns = [Column("", "name"), Column(unit, "figure"), Column("")]
    lines = table(columns, [_row(line) for line in lines_of(each.balance)])
    return f"{_cut(place)}, {each.service.value}\n{lines}"


def _row(line: Line) -> Row:
    return f"{INDENT * line.depth}{_name(line)}", figure(line.quantity), _said_of(line)


def _name(line: Line) -> str:
    if (word := _NAMES.get(line.kind)) is not None:
        return word
    if line.kind is LineKind.GIVEN_BACK:
        return f"{_way(line)}: given back"
    if line.kind in _WAYS:
        return _way(line)
    name = _cut(line.name)
    return f"to {name}" if line.kind is LineKind.PASSED_ON else name


def _said_of(line: Line) -> str:
    if (word := _REMARKS.get(line.kind)) is not None:
        return word
    if line.kind is LineKind.UNITS:
        return f"{line.known} of {line.total} known"
    if line.kind is LineKind.UNACCOUNTED:
        return _doubt(line) or plus_minus(line.uncertainty).strip()
    if line.kind is LineKind.IN_ALL:
        return _doubt(line)
    if line.by and line.kind is not LineKind.GIVEN_BACK:
        return f"entered by {', '.join(line.by)}"
    return "not known" if line.quantity is None else ""


def _way(line: Line) -> str:
    if line.meter is not None:
        return f"{line.name}, {_cut(line.meter)}"
    if line.kind is LineKind.OF_UNITS or not line.by:
        return "given back by units" if line.name == "export" else f"{line.name} of units"
    return line.name


def _doubt(line: Line) -> str:
    return cannot_say(line) if line.unknown else ""


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _days_known(found: Towers, society: str) -> Iterator[str]:
    """Say on how many days each balance is known."""
    by_place: dict[tuple[str, str], list[TowerBalance]] = {}
    for each in found.balances:
        by_place.setdefault((_place(society, each), each.service.value), []).append(each)
    for (place, service), own in by_place.items():
        known = sum(each.balance.loss is not None for each in own)
        yield f"{place}, {service}: known on {known} of {len(own)} days"


def _days(found: Towers, society: str) -> str:
    columns = [
        Column("Day", "name"),
        Column("Tower"),
        Column("Service"),
        *(Column(name, "figure") for name in ("In", "Units", "Common", "Unaccounted")),
        Column("Known", "figure"),
    ]
    rows = [
        (
            f"{each.day:%-d %b}" if each.day else "",
            _place(society, each),
            f"{each.service.value}, {BILLING_UNITS[each.service]}",
            figure(each.balance.bulk),
            figure(each.balance.units),
            NO_METER if each.balance.common is None else figure(each.balance.common),
            figure(each.balance.loss),
            f"{each.balance.units_known}/{each.balance.units_total}",
        )
        for each in found.balances
    ]
    return table(columns, rows)


def as_json(found: Towers, society: str) -> str:
    """Return all that the tables show, and what they are made of."""
    closed = found.closed_at
    document = {
        "month": found.month,
        "state": "open" if closed is None else "closed",
        "closed_at": None if closed is None else closed.astimezone(found.zone).isoformat(),
        "towers": [_tower_as_json(society, each) for each in found.balances],
    }
    return json_format.dumps(document, indent=2, ensure_ascii=False)


def _tower_as_json(society: str, each: TowerBalance) -> dict[str, object]:
    balance = each.balance
    told = _plain(asdict(balance))
    assert isinstance(told, dict)  # noqa: S101 - a dataclass is one
    return {
        "tower": each.tower,
        "service": each.service.value,
        "day": None if each.day is None else str(each.day),
        "unit": BILLING_UNITS[each.service],
        "sentence": sentence(_place(society, each), each.service, balance),
        **told,
    }


def _plain(value: object) -> object:
    """Turn decimals into text, whatever holds them."""
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple | list) else value
