# SPDX-License-Identifier: MIT
"""The ledger of accounting at the end of a year: each tower's month adds up, and so does its year.

In: what consumers hold, what the store has, the truth of the town. Out: every fault. Never: a
number that nobody was sent.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TypeVar

from cloud_ingest.core.balance import GENERATOR
from cloud_ingest.store import months, resends
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.manifests import manifest_line
from cloud_ingest.store.registry import find_society
from shared_schema.balance import Reconciliation
from shared_schema.billing import MonthlyConsumption
from shared_schema.billing_asks import BillingRequest
from shared_schema.catalogue import Service
from shared_schema.events import SubjectType
from tests.support.received import Line
from tests.support.town import Town, border, month_name
from tests.support.year_link import Consumer

K = TypeVar("K")
Key = tuple[str, str, Service]
"""Month, tower, service."""


def unlike_store(conn: Connection, society: str, held: Consumer, town: Town) -> Iterator[str]:
    """Yield every message that a consumer holds and the store has otherwise, and what it lacks."""
    society_id = find_society(conn, society)
    standing = {
        Line(each.month, each.subject_type, each.subject, Service(each.service)): (
            each.version,
            each.message,
        )
        for each in resends.standing(conn, society_id, BillingRequest(society=society))
    }
    yield from _unlike("number", held.numbers, standing)
    names = [month_name(month) for month in range(town.months)]
    manifests = {name: manifest_line(conn, society_id, name) for name in names}
    told = {name: line for name, (_, line) in held.manifests.items()}
    yield from _unlike("manifest", told, manifests)
    kept = {
        (each.message.month, each.message.tower, each.message.service): each.message.to_line()
        for name in names
        for each in months.kept_reconciliations(conn, society_id, name)
        if each.stands
    }
    balances = {key: line for key, (_, line) in held.balances.items() if key in kept}
    yield from _unlike("balance", balances, kept)


def unlike_consumer(one: Consumer, other: Consumer) -> Iterator[str]:
    """Yield what two consumers hold otherwise."""
    yield from _unlike("number", one.numbers, other.numbers)
    yield from _unlike("manifest", one.manifests, other.manifests)
    yield from _unlike("balance", one.balances, other.balances)


def _unlike(what: str, held: Mapping[K, object], kept: Mapping[K, object]) -> Iterator[str]:
    for key in held.keys() | kept.keys():
        if held.get(key) != kept.get(key):
            here = "not held" if key not in held else "not kept" if key not in kept else "otherwise"
            yield f"{what} {key}: {here}"


def unbalanced(held: Consumer, town: Town) -> Iterator[str]:
    """Yield each month of a tower whose balance is not the sum of what billing holds."""
    balances = {key: Reconciliation.from_line(line) for key, (_, line) in held.balances.items()}
    sums = _sums(held)
    for key, balance in sorted(balances.items()):
        units, common = sums.get((key, "unit"), Decimal(0)), sums.get((key, "common"), Decimal(0))
        if (balance.units, balance.common or 0) != (units, common):
            yield (
                f"{key}: units {balance.units} and common {balance.common}, but billing holds "
                f"{units} and {common}"
            )
        if balance.loss is not None and balance.bulk != units + common + balance.loss:
            yield f"{key}: {balance.bulk} is not {units} + {common} + {balance.loss}"
        if (balance.loss is None) is (balance.units_known == balance.units_total):
            known = f"{balance.units_known} of {balance.units_total}"
            if balance.bulk is not None and balance.common is not None:
                yield f"{key}: loss {balance.loss}, though {known} units are known"
    yield from _false_bulks(balances, town)


def _sums(held: Consumer) -> dict[tuple[Key, str], Decimal]:
    """Return what the numbers of billing are in all, by tower and by whose they are."""
    found: dict[tuple[Key, str], Decimal] = {}
    for line, (_, payload) in held.numbers.items():
        if b'"metering.monthly-consumption/' not in payload:
            continue
        number = MonthlyConsumption.from_line(payload)
        kind = "unit" if number.subject.type is SubjectType.UNIT else "common"
        for part in number.parts:
            tower = part.tower or number.tower
            if number.since is None and part.source != GENERATOR and tower is not None:
                key = (line.month, tower, line.service), kind
                found[key] = found.get(key, Decimal(0)) + part.quantity
    return found


def _false_bulks(balances: dict[Key, Reconciliation], town: Town) -> Iterator[str]:
    """Yield each bulk meter whose months, or whose year, are not what passed it."""
    names = [month_name(month) for month in range(town.months)]
    for each in town.hung:
        if each.what != "bulk":
            continue
        used = each.meter.course.used
        total = Decimal(0)
        for month, name in enumerate(names):
            true = each.meter.billed(used(border(month + 1)) - used(border(month)))
            balance = balances.get((name, each.tower, Service(each.meter.kind)))
            told = None if balance is None else balance.bulk
            total += told or 0
            if told != true:
                yield f"{each.label} {name}: {told} in the balance, but {true} passed it"
        whole = each.meter.billed(used(town.ends) - used(border(0)))
        if total != whole:
            yield f"{each.label}: {total} in the year's balances, but {whole} passed it"
