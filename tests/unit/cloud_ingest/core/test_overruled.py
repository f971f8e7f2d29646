# SPDX-License-Identifier: MIT
"""Readings that count only because a person restored them."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

import pytest

from cloud_ingest.core.claim import Rule
from cloud_ingest.core.judgement import (
    Claims,
    DialChannel,
    Judgement,
    Ruling,
    RulingKind,
    StoredClaim,
    judge_dial,
)
from cloud_ingest.core.overruled import overruled
from cloud_ingest.core.register import Epoch
from shared_schema.quality import Origin

METER, SELF_READ = tuple(Origin).index(Origin.METER), tuple(Origin).index(Origin.SELF_READ)
CHANNEL = DialChannel(7, -3, 1)


def judge(claims: Claims, channel: DialChannel = CHANNEL) -> Judgement:
    return judge_dial(claims, [channel], Decimal(72))


def a_day(raw_at_noon: int, *, origin: int = METER) -> tuple[Claims, StoredClaim]:
    """Hours of 40 Wh, but for one; with that one."""
    hours = [StoredClaim(7, 3600 * hour, 1000 + 40 * hour, METER) for hour in range(24)]
    hours[12] = hours[12]._replace(raw=raw_at_noon, origin=origin)
    return Claims({each.moment: each for each in hours}, ()), hours[12]


def said(claims: Claims, claim: StoredClaim, kind: RulingKind) -> Claims:
    return replace(claims, rulings=[Ruling(*claim.moment, claim.raw, claim.origin, kind, 1)])


def test_a_restored_lie_is_overruled() -> None:
    claims, lie = a_day(0)
    claims = said(claims, lie, "restore")
    (found,) = overruled(claims, judge(claims), judge)
    assert (found.claim, found.rule) == (lie, Rule.FALL)


@pytest.mark.parametrize(
    ("raw", "origin", "kind"),
    [(1480, METER, "restore"), (0, METER, "set_aside"), (0, SELF_READ, "restore")],
    ids=["sound", "set_aside", "by_hand"],
)
def test_nothing_else_is(raw: int, origin: int, kind: RulingKind) -> None:
    claims, claim = a_day(raw, origin=origin)
    claims = said(claims, claim, kind)
    assert overruled(claims, judge(claims), judge) == ()


def test_a_fall_that_is_explained_is_not_overruled() -> None:
    hours = [StoredClaim(7, 3600 * hour, 1000 + 40 * hour, METER) for hour in range(12)]
    hours += [StoredClaim(7, 3600 * hour, 40 * (hour - 12), METER) for hour in range(12, 14)]
    claims = said(Claims({each.moment: each for each in hours}, ()), hours[12], "restore")
    assert len(overruled(claims, judge(claims), judge)) == 1
    explained = partial(judge, channel=replace(CHANNEL, epochs=[Epoch(_at(12), 1480)]))
    assert overruled(claims, explained(claims), explained) == ()


def _at(hour: int) -> datetime:
    return datetime.fromtimestamp(3600 * hour, UTC)
