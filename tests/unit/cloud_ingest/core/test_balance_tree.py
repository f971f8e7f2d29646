# SPDX-License-Identifier: MIT
"""Whatever hangs where: nothing is lost or counted twice between the nodes of a tree."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_ingest.core.balance import Drawn, Entered, MeterDraw, SubjectKind
from cloud_ingest.core.balance_tree import balances
from shared_schema.catalogue import Service

TOWERS = (None, "T1", "T2")
BULKS = ("Main", "Riser", "Floor", "Estate")
QUANTITIES = st.decimals(0, 999, places=3)


@st.composite
def estates(draw: st.DrawFn, *, known: bool = True) -> list[Drawn]:
    """Draw meters that hang anywhere, move, are replaced, and change their parents."""
    quantity = QUANTITIES if known else QUANTITIES | st.none()
    kinds: st.SearchStrategy[SubjectKind] = st.sampled_from(("unit", "common"))
    parents = st.sampled_from((None, *BULKS))
    sources = st.sampled_from(("grid", "grid", "solar", "generator"))

    def part() -> MeterDraw:
        tower = draw(st.sampled_from(TOWERS))
        return MeterDraw(
            tower,
            draw(sources),
            draw(quantity),
            parent=draw(parents),
            exported=draw(st.just(Decimal(0)) | QUANTITIES),
        )

    found = [
        Drawn("bulk", Service.WATER, tuple(part() for _ in range(draw(st.integers(1, 2)))), name)
        for name in draw(st.sets(st.sampled_from(BULKS)))
    ]
    found += [
        Drawn(
            draw(kinds),
            Service.WATER,
            tuple(part() for _ in range(draw(st.integers(1, 3)))),
            f"A-{n}",
        )
        for n in range(draw(st.integers(0, 6)))
    ]
    return found


@st.composite
def by_hand(draw: st.DrawFn) -> list[Entered]:
    """Draw what persons entered."""
    return [
        Entered(draw(st.sampled_from(TOWERS)), Service.WATER, source, draw(QUANTITIES), "guard")
        for source in draw(st.sets(st.sampled_from(("tanker", "borewell", "generator"))))
    ]


@given(estates(), by_hand())
@settings(max_examples=150, deadline=None)
def test_nodes_add_up_to_their_tower(subjects: list[Drawn], entered: list[Entered]) -> None:
    for (tower, _), found in balances(subjects, entered).items():
        if found.bulk is None or found.loss is None:
            continue
        passed = sum((each.quantity or 0 for each in found.passed_on), Decimal(0))
        ways = sum(((e.quantity or 0) - (e.exported or 0) for e in found.supplies), Decimal(0))
        assert ways == found.bulk + (0 if tower is None else passed)
        left = found.bulk - found.units - (found.common or 0) - (passed if tower is None else 0)
        assert found.loss == left
        assert (found.common or 0) == sum((each.quantity or 0 for each in found.commons), 0)
        if found.nodes and all(each.unaccounted is not None for each in found.nodes):
            assert sum((each.unaccounted or 0 for each in found.nodes), Decimal(0)) == found.loss
        assert sum((each.units for each in found.nodes), Decimal(0)) in {found.units, 0}


@given(estates())
@settings(max_examples=150, deadline=None)
def test_each_draw_is_counted_once(subjects: list[Drawn]) -> None:
    found = balances(subjects)
    of_towers = {key: each for key, each in found.items() if key[0] is not None}
    used = sum((e.units + (e.common or 0) for e in of_towers.values()), Decimal(0))
    most = sum(
        (part.quantity or 0)
        for each in subjects
        if each.kind != "bulk"
        for part in each.parts
        if part.source != "generator"
    )
    nowhere = any(part.tower is None for each in subjects for part in each.parts)
    assert used <= most if nowhere else used == most


@given(estates(known=False), st.randoms())
@settings(max_examples=100, deadline=None)
def test_unknown_meters_leave_no_number(subjects: list[Drawn], random: object) -> None:
    shuffled = list(subjects)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    found = balances(subjects)
    assert {key: (e.loss, e.units) for key, e in balances(shuffled).items()} == {
        key: (e.loss, e.units) for key, e in found.items()
    }
    for each in found.values():
        assert each.loss is None or not each.unknown
        for node in each.nodes:
            assert node.unaccounted is None or not node.unknown


@given(st.lists(estates(), min_size=2, max_size=3), by_hand())
@settings(max_examples=60, deadline=None)
def test_days_add_up_to_their_month(days: list[list[Drawn]], entered: list[Entered]) -> None:
    layout = days[0]
    month = [
        Drawn(each.kind, each.service, tuple(p for _ in days for p in each.parts), each.name)
        for each in layout
    ]
    per_day = [balances(layout, entered) for _ in days]
    for key, found in balances(month, entered * len(days)).items():
        own = [day[key].loss for day in per_day]
        if found.loss is not None:
            assert found.loss == sum((loss for loss in own if loss is not None), Decimal(0))
