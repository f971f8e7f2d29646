# SPDX-License-Identifier: MIT
"""The balances of a society's towers, counted over the tree of their bulk meters.

A bulk meter whose parent is another one of its tower is a sub-bulk: a node of the tower's tree. So
is each of several main meters, if all that hangs in the tower says below which. Everything else
hangs at the tower's own node. A change of the parent within a month is two draws, each counted
where it hung.

In: what each meter counted for a subject, and what was entered. Out: a `Balance` by tower and
service; `core.balance` says what it means. Pure.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from cloud_ingest.core.balance import (
    GENERATOR,
    SOLAR,
    Balance,
    Drawn,
    Entered,
    Node,
    Scope,
)
from cloud_ingest.core.balance_sums import (
    Hung,
    generator_of,
    known_of,
    known_sum,
    less,
    percent_of,
    shares_of,
    supplies_of,
    total,
    uncertainty_of,
    unknown_exports_of,
    unknown_of,
)
from cloud_ingest.core.exact import exactly
from shared_schema.catalogue import Service
from shared_schema.quality import Quality, Reason

OWN_SOURCES = frozenset({GENERATOR, SOLAR, "borewell", "tanker"})
"""What a tower has of its own does not come through the society's meter."""


@dataclass(frozen=True, slots=True)
class _Place:
    """What hangs in one tower, or in none."""

    below: Sequence[Hung]
    """Units and common areas."""
    bulks: Sequence[Hung]
    passed: Sequence[Hung]
    """The main meters of other towers that hang below a meter of this one."""
    entered: Sequence[Entered]


def balances(
    subjects: Iterable[Drawn], entered: Iterable[Entered] = ()
) -> dict[tuple[Scope, Service], Balance]:
    """Return the balance of each tower and service, and of the society where it has one.

    What hangs in no tower is in no tower's balance, nor is a subject that only a generator serves.
    """
    hung: dict[Service, list[Hung]] = {}
    for drawn in subjects:
        own = hung.setdefault(drawn.service, [])
        own += (Hung(drawn.kind, drawn.name, part) for part in drawn.parts)
    said: dict[Service, list[Entered]] = {}
    for each in entered:
        said.setdefault(each.service, []).append(each)
    return {
        (scope, service): found
        for service, own in hung.items()
        for scope, place in _places(own, said.get(service, ())).items()
        if (found := _balance(scope, place)) is not None
    }


def _places(hung: Sequence[Hung], entered: Sequence[Entered]) -> dict[Scope, _Place]:
    """Sort what hangs by tower; what another tower's meter feeds is there."""
    homes: dict[str, set[Scope]] = {}
    for each in hung:
        if each.kind == "bulk":
            homes.setdefault(each.name, set()).add(each.draw.tower)
    below: dict[Scope, list[Hung]] = {}
    bulks: dict[Scope, list[Hung]] = {}
    passed: dict[Scope, list[Hung]] = {}
    for each in hung:
        tower = each.draw.tower
        feeder = _feeder(each, homes)
        if each.kind != "bulk":
            below.setdefault(feeder, []).append(each)
            continue
        bulks.setdefault(tower, []).append(each)
        if feeder != tower:
            passed.setdefault(feeder, []).append(each._replace(name=tower or each.name))
        elif tower is not None and not _is_inside(each, homes) and _is_of_network(each):
            passed.setdefault(None, []).append(each._replace(name=tower))
    lone = [scope for scope in below if scope is not None and scope not in bulks]
    towers: dict[Scope, _Place] = {
        scope: _Place(
            below.get(scope, ()),
            bulks.get(scope, ()),
            passed.get(scope, ()),
            [each for each in entered if each.tower == scope],
        )
        for scope in dict.fromkeys((*below, *bulks))
        if scope is not None
    }
    if None not in bulks and all(each.tower is not None for each in entered):
        return towers
    society = _Place(
        [each for scope in (None, *lone) for each in below.get(scope, ())],
        bulks.get(None, ()),
        passed.get(None, ()),
        [each for each in entered if each.tower is None or each.tower in lone],
    )
    return {**towers, None: society}


def _feeder(hung: Hung, homes: Mapping[str, Collection[Scope]]) -> Scope:
    """Return the tower whose meter feeds a meter: its own, unless its parent hangs elsewhere."""
    tower, parent = hung.draw.tower, hung.draw.parent
    found = homes.get(parent or "", ())
    if not found or tower in found or parent == hung.name:
        return tower
    return min(found, key=lambda each: each or "")


def _is_of_network(hung: Hung) -> bool:
    return hung.draw.source not in OWN_SOURCES


def _is_inside(hung: Hung, homes: Mapping[str, Collection[Scope]]) -> bool:
    parent = hung.draw.parent
    return parent != hung.name and hung.draw.tower in homes.get(parent or "", ())


def _balance(scope: Scope, place: _Place) -> Balance | None:
    """Balance one place; None: nothing hangs there that is balanced."""
    is_apart = any(each.draw.source == GENERATOR for each in place.below)
    kept = place
    if is_apart:
        kept = replace(
            place,
            below=[each for each in place.below if each.draw.source != GENERATOR],
            bulks=[each for each in place.bulks if each.draw.source != GENERATOR],
        )
    if not (kept.below or kept.bulks or kept.passed):
        return None
    with exactly():
        found = _of_tree(scope, _Tree.of(kept), kept)
        return replace(
            found,
            generator=generator_of((*place.bulks, *place.below), place.entered, is_apart=is_apart),
        )


@dataclass(frozen=True, slots=True)
class _Tree:
    """Which meters of a place are nodes, and which is above which."""

    nodes: Sequence[str]
    labels: frozenset[str]
    place: _Place

    @classmethod
    def of(cls, place: _Place) -> "_Tree":
        labels = frozenset(each.name for each in place.bulks)
        inside = [each for each in place.bulks if _hangs_in(each, labels)]
        mains = {
            each.name
            for each in place.bulks
            if not _hangs_in(each, labels) and _is_of_network(each)
        }
        fed = [each.draw.parent for each in (*place.below, *inside, *place.passed)]
        has_ways = len(mains) > 1 and all(parent in labels for parent in fed)
        ways = {parent for parent in fed if parent in mains} if has_ways else set()
        nodes = sorted({each.name for each in inside} | {name for name in ways if name})
        return cls(nodes, labels, place)

    @property
    def mains(self) -> list[Hung]:
        """The meters by which something comes in."""
        return [each for each in self.place.bulks if not _hangs_in(each, self.labels)]

    def at(self, hung: Hung) -> str | None:
        """Return the node at which a meter hangs; None: the tower's own."""
        parent = hung.draw.parent
        return parent if parent in self.nodes and parent != hung.name else None

    def above(self, name: str) -> str | None:
        """Return the node above one, where it hung last."""
        return [self.at(each) for each in self.place.bulks if each.name == name][-1]

    def in_order(self) -> Iterator[str]:
        """Give each node before those below it."""
        above = {name: self.above(name) for name in self.nodes}
        left = list(self.nodes)
        ready: list[str | None] = [None]
        while ready:
            here = ready.pop()
            if here is not None:
                left.remove(here)
                yield here
            ready += reversed([name for name in left if above[name] == here])
        yield from left


def _hangs_in(bulk: Hung, labels: Collection[str]) -> bool:
    return bulk.draw.parent in labels and bulk.draw.parent != bulk.name


def _of_tree(scope: Scope, tree: _Tree, place: _Place) -> Balance:
    below, mains = place.below, tree.mains
    units, commons = ([e for e in below if e.kind == kind] for kind in ("unit", "common"))
    passed = total(each.taken for each in place.passed)
    by_hand = [each.amount for each in place.entered if each.source != GENERATOR]
    given = total((*(e.taken for e in mains), *(e.brought for e in below), *by_hand))
    is_metered = bool(mains or by_hand)
    bulk = less(given, passed) if is_metered else None
    used, common = known_sum(units), known_sum(commons)
    every = (*mains, *below, *place.passed)
    unknown = unknown_of(every)
    loss = None if bulk is None or unknown else bulk - used - common
    if scope is None and is_metered:  # what it passes on to its towers is what it is there for
        bulk = given
    return Balance(
        bulk=bulk,
        units=used,
        common=common if commons else None,
        loss=loss,
        loss_percent=percent_of(loss, bulk),
        units_known=len(known_of(units)),
        units_total=len({each.name for each in units}),
        quality=_quality(loss),
        reasons=_reasons(loss, (*mains, *below), is_metered=is_metered),
        commons=shares_of(commons),
        supplies=supplies_of(mains, below, place.entered),
        passed_on=shares_of(place.passed),
        nodes=tuple(_nodes(tree, place)) if tree.nodes else (),
        uncertainty=None if loss is None else uncertainty_of(every),
        unknown=unknown,
        unknown_exports=unknown_exports_of(every),
    )


def _nodes(tree: _Tree, place: _Place) -> Iterator[Node]:
    """Give the tower's own node, and each sub-bulk meter's."""
    by_hand = [each.amount for each in place.entered if each.source != GENERATOR]
    for name in (None, *tree.in_order()):
        below = [each for each in place.below if tree.at(each) == name]
        units, commons = ([e for e in below if e.kind == kind] for kind in ("unit", "common"))
        feeds = [each for each in place.bulks if each.name in tree.nodes and tree.at(each) == name]
        feeds += [each for each in place.passed if tree.at(each) == name]
        own = tree.mains if name is None else [e for e in place.bulks if e.name == name]
        extra = by_hand if name is None else []
        given = total((*(e.taken for e in own), *(e.brought for e in below), *extra))
        every = (*own, *below, *feeds)
        unknown = unknown_of(every)
        is_metered = bool(own or extra)
        unaccounted = None
        if given is not None and is_metered and not unknown:
            unaccounted = given - known_sum(below) - known_sum(feeds)
        yield Node(
            name=name,
            above=None if name is None else tree.above(name),
            given=given if is_metered else None,
            units=known_sum(units),
            units_known=len(known_of(units)),
            units_total=len({each.name for each in units}),
            commons=shares_of(commons),
            passed=shares_of(feeds),
            unaccounted=unaccounted,
            uncertainty=uncertainty_of(every),
            unknown=unknown,
            unknown_exports=unknown_exports_of(every),
        )


def _reasons(loss: Decimal | None, hung: Iterable[Hung], *, is_metered: bool) -> tuple[Reason, ...]:
    found = []
    if not is_metered:
        found.append(Reason.NO_METER)
    elif loss is None:
        found.append(Reason.INCOMPLETE)
    if loss is not None and loss < 0:
        found.append(Reason.SUM_CHECK)
    if any(each.draw.self_read for each in hung):
        found.append(Reason.SELF_READ)
    return tuple(found)


def _quality(loss: Decimal | None) -> Quality:
    if loss is None:
        return Quality.MISSING
    return Quality.SUSPECT if loss < 0 else Quality.DERIVED
