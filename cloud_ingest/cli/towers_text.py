# SPDX-License-Identifier: MIT
"""The balances of towers as sentences and tables for a terminal, or as JSON.

Each table adds up line by line: what came in is what its units, its common areas and the meters
below it took, and what is unaccounted.

In: balances. Out: text. Never: a decision.
"""

import json as json_format
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.cli.json_text import decimal_text
from cloud_ingest.cli.published import state_line
from cloud_ingest.cli.sentences import wrapped
from cloud_ingest.cli.table import Column, figure, table
from cloud_ingest.core.balance import Balance, Node, Share, Supply
from cloud_ingest.core.balance_words import cannot_say, plus_minus, sentence
from cloud_ingest.core.exact import exactly
from cloud_ingest.usage.balances import TowerBalance
from shared_schema.billing import BILLING_UNITS

Row = tuple[str, str, str]
"""What, how much, and what there is to say of it."""
NO_METER = "no meter"
INDENT = "  "
LONGEST_NAME = 36


@dataclass(frozen=True, slots=True)
class Shown:
    """The balances of a month, or of its days."""

    society: str
    month: str
    zone: ZoneInfo
    closed_at: datetime | None
    """None: so far."""
    balances: Sequence[TowerBalance]
    is_by_day: bool


def as_text(found: Shown) -> str:
    """Say what is unaccounted in each tower, then show how it comes about."""
    parts = [state_line(found.month, found.closed_at, found.zone)]
    if not found.balances:
        return f"{parts[0]}\n\nno tower has a meter in it"
    if found.is_by_day:
        parts += ["\n".join(_days_known(found)), _days(found)]
    else:
        parts.append("\n".join(line for each in found.balances for line in _said(found, each)))
        parts += [_picture(_place(found, each), each) for each in found.balances]
    return "\n\n".join(parts)


def _place(found: Shown, each: TowerBalance) -> str:
    return found.society if each.tower is None else each.tower


def _said(found: Shown, each: TowerBalance) -> list[str]:
    return wrapped(sentence(_place(found, each), each.service, each.balance), hang=2)


def _picture(place: str, each: TowerBalance) -> str:
    """Show what came in and where it went, so that it adds up line by line."""
    unit = BILLING_UNITS[each.service]
    columns = [Column("", "name"), Column(unit, "figure"), Column("")]
    lines = table(columns, [*_came_in(each.balance), *_went(each.balance)])
    return f"{_cut(place)}, {each.service.value}\n{lines}"


def _came_in(found: Balance) -> Iterator[Row]:
    """Give the ways in, and their sum where there are several."""
    lines = [row for each in found.supplies for row in _way(each)]
    yield from lines
    if not lines:
        yield "came in", "-", "no bulk meter"
    elif len(lines) > 1:
        came = found.nodes[0].given if found.nodes else _whole(found)
        yield "came in", figure(came), ""


def _whole(found: Balance) -> Decimal | None:
    parts = [
        value
        for each in found.supplies
        for value in (
            each.quantity,
            None if each.exported is None else each.exported.copy_negate(),
        )
    ]
    with exactly():
        return None if None in parts else sum((p for p in parts if p is not None), Decimal(0))


def _way(each: Supply) -> Iterator[Row]:
    by = f"entered by {', '.join(each.by)}" if each.by else ""
    name = each.source if each.meter is None else f"{each.source}, {_cut(each.meter)}"
    if each.meter is None and not by:
        name = "given back by units" if each.source == "export" else f"{each.source} of units"
    yield name, figure(each.quantity), by or _known(each.quantity)
    if each.exported is None or each.exported:
        yield f"{name}: given back", figure(each.exported and -each.exported), _known(each.exported)


def _went(found: Balance) -> Iterator[Row]:
    """Give where it went: with sub-bulk meters as the tree that they are."""
    if found.nodes:
        own, *below = found.nodes
        yield from _node(own, below, 1)
        yield "in all", figure(found.loss), _doubt(found.loss, found)
        return
    if found.units_total:
        yield "units", figure(found.units), f"{found.units_known} of {found.units_total} known"
    yield from _commons(found.commons, "")
    if found.common is None and not found.passed_on:
        yield "common areas", "-", NO_METER
    yield from ((f"to {each.name}", figure(each.quantity), "") for each in found.passed_on)
    yield _left(found.loss, found, plus_minus(found.uncertainty))


def _node(node: Node, below: Sequence[Node], depth: int) -> Iterator[Row]:
    indent = INDENT * (depth - 1)
    if node.units_total:
        known = f"{node.units_known} of {node.units_total} known"
        yield f"{indent}units", figure(node.units), known
    yield from _commons(node.commons, indent)
    nested = {each.name: each for each in below if each.above == node.name}
    for share in node.passed:
        inner = nested.get(share.name)
        text = "sub-bulk" if inner else "passed on"
        yield f"{indent}{_cut(share.name)}", figure(share.quantity), text
        if inner is not None and depth < len(below) + 1:
            yield from _node(inner, below, depth + 1)
    name, amount, doubt = _left(node.unaccounted, node, plus_minus(node.uncertainty))
    yield f"{indent}{name}", amount, doubt


def _commons(commons: Iterable[Share], indent: str) -> Iterator[Row]:
    for each in commons:
        yield f"{indent}{_cut(each.name)}", figure(each.quantity), _known(each.quantity)


def _left(loss: Decimal | None, found: Balance | Node, doubt: str) -> Row:
    return "unaccounted", figure(loss), _doubt(loss, found) or doubt.strip()


def _doubt(loss: Decimal | None, found: Balance | Node) -> str:
    return cannot_say(found) if loss is None and found.unknown else ""


def _known(quantity: Decimal | None) -> str:
    return "not known" if quantity is None else ""


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _days_known(found: Shown) -> Iterator[str]:
    """Say on how many days each balance is known."""
    by_place: dict[tuple[str, str], list[TowerBalance]] = {}
    for each in found.balances:
        by_place.setdefault((_place(found, each), each.service.value), []).append(each)
    for (place, service), own in by_place.items():
        known = sum(each.balance.loss is not None for each in own)
        yield f"{place}, {service}: known on {known} of {len(own)} days"


def _days(found: Shown) -> str:
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
            _place(found, each),
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


def as_json(found: Shown) -> str:
    """Return all that the tables show, and what they are made of."""
    closed = found.closed_at
    document = {
        "month": found.month,
        "state": "open" if closed is None else "closed",
        "closed_at": None if closed is None else closed.astimezone(found.zone).isoformat(),
        "towers": [_tower_as_json(found, each) for each in found.balances],
    }
    return json_format.dumps(document, indent=2, ensure_ascii=False)


def _tower_as_json(found: Shown, each: TowerBalance) -> dict[str, object]:
    balance = each.balance
    told = _plain(asdict(balance))
    assert isinstance(told, dict)  # noqa: S101 - a dataclass is one
    return {
        "tower": each.tower,
        "service": each.service.value,
        "day": None if each.day is None else str(each.day),
        "unit": BILLING_UNITS[each.service],
        "sentence": sentence(_place(found, each), each.service, balance),
        **told,
    }


def _plain(value: object) -> object:
    """Turn decimals into text, whatever holds them."""
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple | list) else value
