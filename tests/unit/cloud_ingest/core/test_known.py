# SPDX-License-Identifier: MIT
"""Who may speak for a meter: its gateways, in their time, and nobody else."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.accept import Accepted, QuarantineReason, accept
from cloud_ingest.core.known import ALWAYS, KnownGateway, KnownMeter, Registry, Stretch, may_speak
from shared_schema.catalogue import ACTIVE_IMPORT, Unit
from shared_schema.message import MeterId
from shared_schema.readings import Block, Column, new_salt, seal_batch
from shared_schema.signing import generate_key, key_id

START = datetime(2026, 10, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
KEY = generate_key()
KEYS = {key_id(KEY.public_key()): KEY.public_key()}
INSTALLED = ((START, None),)
OWN, OTHER = KnownGateway(1, "gw-a", 7, KEYS), KnownGateway(2, "gw-b", 7, KEYS)
HOURS = st.integers(0, 24 * 31)
ENDS = st.none() | HOURS.map(lambda hours: START + timedelta(hours=hours))


def known(meter: KnownMeter, *gateways: KnownGateway, strict: bool = False) -> Registry:
    societies = frozenset({7} if strict else ())
    return Registry(
        {each.name: each for each in gateways}, {(7, "LNT", "1001"): meter}, None, societies
    )


def meter(*stretches: Stretch, tower: str | None = None) -> KnownMeter:
    bound = {OWN.gateway_id: stretches} if stretches else {}
    return KnownMeter(11, INSTALLED, bound, frozenset({tower} if tower else ()))


def said(gateway: KnownGateway, registry: Registry, times: list[datetime]) -> Accepted:
    line = Block(
        salt=new_salt(),
        meter=MeterId(manufacturer="LNT", serial="1001"),
        columns=(Column(obis=ACTIVE_IMPORT, scaler=0, unit=Unit.WATT_HOUR),),
        rows=tuple((int(at.timestamp()), None, 1000) for at in times),
    ).to_line()
    payload = seal_batch(
        gateway=gateway.name,
        stream=UUID(int=1),
        seq=1,
        previous=None,
        block_lines=[line],
        created_at=NOW,
        historical=False,
        key=KEY,
    )
    verdict = accept(f"metering/v1/gw/{gateway.name}/readings", payload, registry, NOW)
    assert isinstance(verdict, Accepted)
    return verdict


def test_another_gateway_s_claim_is_set_aside() -> None:
    verdict = said(OTHER, known(meter(*ALWAYS), OWN, OTHER), [NOW])
    (rejection,) = verdict.rejections
    assert (verdict.blocks, verdict.unbound) == ((), ())
    assert (rejection.reason, rejection.meter_id) == (QuarantineReason.NOT_BOUND, 11)
    assert rejection.detail == (
        "1 rows of LNT 1001 are not from a gateway that it is bound to, but from gw-b"
    )


def test_the_bound_gateway_is_heard() -> None:
    verdict = said(OWN, known(meter(*ALWAYS), OWN, OTHER), [NOW])
    assert (len(verdict.blocks), verdict.rejections, verdict.unbound) == (1, (), ())


def test_a_late_backlog_counts_up_to_the_move() -> None:
    moved = START + timedelta(days=10)
    hour = timedelta(hours=1)
    verdict = said(OWN, known(meter((None, moved)), OWN), [moved - hour, moved, moved + hour])
    assert [row[0] for row in verdict.blocks[0].rows] == [
        int((moved - hour).timestamp()),
        int(moved.timestamp()),
    ]
    assert verdict.rejections[0].row_indexes == (2,)
    assert "at which it was not bound to gateway gw-a" in verdict.rejections[0].detail


def test_the_first_of_the_society_is_heard_and_named() -> None:
    verdict = said(OTHER, known(meter(), OTHER), [NOW])
    assert (len(verdict.blocks), verdict.unbound) == (1, (11,))


def test_a_gateway_of_another_tower_is_not_the_first() -> None:
    elsewhere = KnownGateway(2, "gw-b", 7, KEYS, "T2")
    assert may_speak(elsewhere, meter(tower="T1"), known(meter())) == ()
    assert may_speak(elsewhere, meter(tower="T2"), known(meter())) == ALWAYS
    assert may_speak(elsewhere, meter(), known(meter())) == ALWAYS
    assert "of another tower" in (
        said(elsewhere, known(meter(tower="T1"), elsewhere), [NOW]).rejections[0].detail
    )


def test_a_strict_society_hears_nobody_first() -> None:
    verdict = said(OWN, known(meter(), OWN, strict=True), [NOW])
    assert (verdict.blocks, verdict.unbound) == ((), ())
    assert verdict.rejections[0].reason is QuarantineReason.NOT_BOUND


def test_what_was_taken_back_makes_room_for_nobody() -> None:
    taken = KnownMeter(11, INSTALLED, {OWN.gateway_id: ()})
    assert may_speak(OWN, taken, known(taken)) == ()
    assert may_speak(OTHER, taken, known(taken)) == ()


@given(st.lists(st.tuples(ENDS, ENDS), max_size=3), st.lists(HOURS, min_size=1, max_size=6))
def test_no_row_is_taken_outside_of_a_binding(stretches: list[Stretch], hours: list[int]) -> None:
    own = KnownMeter(11, INSTALLED, {OWN.gateway_id: tuple(stretches)})
    times = sorted({START + timedelta(hours=each) for each in hours})
    verdict = said(OWN, known(own, OWN), times)
    right = [
        int(at.timestamp())
        for at in times
        if any((s is None or s <= at) and (e is None or at <= e) for s, e in stretches)
    ]
    assert [row[0] for block in verdict.blocks for row in block.rows] == right
    assert sum(len(each.row_indexes) for each in verdict.rejections) == len(times) - len(right)
