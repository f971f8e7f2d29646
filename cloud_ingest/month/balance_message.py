# SPDX-License-Identifier: MIT
"""A balance as the message that accounting gets, and back.

In: a balance, or a message. Out: the other. Pure.
"""

from collections.abc import Collection, Iterable
from dataclasses import asdict
from decimal import Decimal

from cloud_ingest.core.balance import (
    NOTHING,
    Balance,
    Generator,
    Node,
    Share,
    Supply,
    Uncertainty,
)
from cloud_ingest.core.balance_words import sentence
from cloud_ingest.month.closing import Closing
from shared_schema.balance import (
    CommonUse,
    Doubt,
    GeneratorRun,
    Reconciliation,
    SubBalance,
    SupplyIn,
)
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import Service


def message_of(closing: Closing, tower: str, service: Service, found: Balance) -> Reconciliation:
    """Return the message that says a balance."""
    return Reconciliation(
        society=closing.society,
        month=closing.month,
        zone=closing.zone.key,
        tower=tower,
        service=service,
        unit=BILLING_UNITS[service],
        bulk=found.bulk,
        units=found.units,
        common=found.common,
        loss=found.loss,
        loss_percent=found.loss_percent,
        units_known=found.units_known,
        units_total=found.units_total,
        quality=found.quality,
        reasons=found.reasons,
        sentence=sentence(tower, service, found),
        commons=_uses(found.commons),
        supplies=tuple(map(_supply, found.supplies)),
        passed_on=_uses(found.passed_on),
        below=tuple(map(_below, found.nodes)),
        generator=None if found.generator is None else GeneratorRun(**asdict(found.generator)),
        doubt=None if found.uncertainty is None else Doubt(**asdict(found.uncertainty)),
        unknown=found.unknown,
        unknown_exports=found.unknown_exports,
        closed_at=closing.now,
    )


def _uses(shares: Iterable[Share]) -> tuple[CommonUse, ...]:
    return tuple(CommonUse(**asdict(each)) for each in shares)


def _supply(each: Supply) -> SupplyIn:
    return SupplyIn(
        source=each.source,
        quantity=each.quantity,
        meter=each.meter,
        exported=each.exported or None,
        by=each.by,
    )


def _below(each: Node) -> SubBalance:
    return SubBalance(
        meter=each.name,
        above=each.above,
        given=each.given,
        units=each.units,
        units_known=each.units_known,
        units_total=each.units_total,
        commons=_uses(each.commons),
        passed=_uses(each.passed),
        unaccounted=each.unaccounted,
        doubt=Doubt(**asdict(each.uncertainty)),
        unknown=each.unknown,
        unknown_exports=each.unknown_exports,
    )


def balance_of(said: Reconciliation) -> Balance:
    """Return the balance that a message says; of an earlier version without its parts."""
    return Balance(
        bulk=said.bulk,
        units=said.units,
        common=said.common,
        loss=said.loss,
        loss_percent=said.loss_percent,
        units_known=said.units_known,
        units_total=said.units_total,
        quality=said.quality,
        reasons=said.reasons,
        commons=_shares(said.commons),
        supplies=tuple(
            Supply(
                each.source,
                each.quantity,
                each.meter,
                None if each.meter in said.unknown_exports else each.exported or NOTHING,
                each.by,
            )
            for each in said.supplies
        ),
        passed_on=_shares(said.passed_on),
        nodes=tuple(map(_node, said.below)),
        generator=None if said.generator is None else Generator(**dict(said.generator)),
        uncertainty=None if said.doubt is None else Uncertainty(**dict(said.doubt)),
        unknown=said.unknown,
        unknown_exports=said.unknown_exports,
    )


def _shares(uses: Iterable[CommonUse]) -> tuple[Share, ...]:
    return tuple(Share(**dict(each)) for each in uses)


def _node(each: SubBalance) -> Node:
    return Node(
        name=each.meter,
        above=each.above,
        given=each.given,
        units=each.units,
        units_known=each.units_known,
        units_total=each.units_total,
        commons=_shares(each.commons),
        passed=_shares(each.passed),
        unaccounted=each.unaccounted,
        uncertainty=Uncertainty(**dict(each.doubt)),
        unknown=each.unknown,
        unknown_exports=each.unknown_exports,
    )


def bulk_published(
    said: Iterable[Reconciliation], meter: str, service: Service, towers: Collection[str | None]
) -> Decimal | None:
    """Return what was published of a bulk meter; None: nothing, or it was not known.

    Args:
        said: The reconciliations of a month.
        meter: The subject of the bulk meter.
        service: What it counts.
        towers: Where it hung. An earlier version of this program told its towers' bulk alone.
    """
    own = [each for each in said if each.service is service]
    ways = [s.quantity for each in own for s in each.supplies if s.meter == meter]
    fed = [p.quantity for each in own for b in each.below for p in b.passed if p.name == meter]
    former = [
        each.bulk
        for each in own
        if "supplies" not in each.model_fields_set and each.tower in towers
    ]
    found = ways or fed or former
    return None if not found or None in found else sum((q for q in found if q is not None), NOTHING)
