# SPDX-License-Identifier: MIT
"""How ``cloud-ingest meter`` shows bindings, claims and stray readings.

In: what the store says, a zone. Out: tables, fields for JSON. Pure.
"""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from cloud_ingest.cli.table import Column, local, table
from cloud_ingest.entries.named_reading import shown
from cloud_ingest.store.bindings import Binding, How
from cloud_ingest.store.foreign_claims import ForeignClaim
from cloud_ingest.store.strays import Stray

HOWS: dict[How, str] = {
    "upgrade": "read it when bindings came",
    "first_heard": "spoke for it first",
    "listed": "list of units",
}


def bindings_table(found: Sequence[Binding], zone: ZoneInfo) -> str:
    """Write who may speak for which meter."""
    if not found:
        return "No meter is bound to a gateway yet."
    columns = [
        Column("Meter"),
        Column("Gateway"),
        Column("From", "name"),
        Column("To", "name"),
        Column("Because"),
    ]
    rows = [
        (
            f"{each.manufacturer} {each.serial}",
            each.gateway,
            "installation" if each.valid_from is None else local(each.valid_from, zone),
            local(each.valid_to, zone),
            _because(each, zone),
        )
        for each in found
    ]
    return table(columns, rows)


def _because(each: Binding, zone: ZoneInfo) -> str:
    at = local(each.recorded_at, zone)
    said = HOWS.get(each.how, f"{each.author}: {each.reason}")
    if each.taken_back:
        return f"taken back on {at}, {said}"
    ended = "" if each.superseded_at is None else f"; held until {local(each.superseded_at, zone)}"
    return f"{said}, {at}{ended}"


def claims_table(found: Sequence[ForeignClaim], zone: ZoneInfo) -> str:
    """Write who speaks for meters that are not bound to it."""
    if not found:
        return "No gateway speaks for a meter that is not bound to it."
    columns = [
        Column("Gateway"),
        Column("Meter"),
        Column("Bound to"),
        Column("Last", "name"),
        Column("Batches", "figure"),
    ]
    rows = [
        (
            each.gateway,
            f"{each.manufacturer} {each.serial}",
            ", ".join(each.bound_to) or "nobody",
            local(each.last_at, zone),
            str(each.batches),
        )
        for each in found
    ]
    return table(columns, rows)


def stray_fields(each: Stray) -> dict[str, object]:
    """Return a stray reading for JSON."""
    value = shown(each.dial, each.claim).value
    return {
        "manufacturer": each.manufacturer,
        "serial": each.serial,
        "gateway": each.gateway,
        "at": each.at,
        "value": value,
        "elected": each.is_elected,
    }


def strays_table(found: Sequence[Stray], zone: ZoneInfo) -> str:
    """Write stray readings, a line for each meter and gateway."""
    if not found:
        return "No reading is stored that only a gateway said which may not speak for its meter."
    columns = [
        Column("Meter"),
        Column("Gateway"),
        Column("From", "name"),
        Column("To", "name"),
        Column("Readings", "figure"),
        Column("Elected", "figure"),
    ]
    own: dict[tuple[str, str], list[Stray]] = {}
    for each in found:
        own.setdefault((f"{each.manufacturer} {each.serial}", each.gateway), []).append(each)
    rows = [
        (
            *which,
            local(min(each.at for each in group), zone),
            local(max(each.at for each in group), zone),
            str(len(group)),
            str(sum(each.is_elected for each in group)),
        )
        for which, group in own.items()
    ]
    return table(columns, rows)
