# SPDX-License-Identifier: GPL-2.0-only
"""A small part of the fuzz in the suite; `make fuzz` plays as much as is asked for."""

import pytest

from edge_agent.virtual.hdlc import build
from tests.fuzz.__main__ import fuzz
from tests.fuzz.corpus import StandingClock, repeatable, scenes
from tests.fuzz.judge import Broken, plain_of, was_said
from tests.fuzz.play import LAYERS, Input, play
from tests.fuzz.speaker import GATEWAY, LANES, LLC, METER, OTHER

SEED, COUNT = 20260310, 3000


def test_spoiled_answers_end_in_a_value_or_the_error() -> None:
    found = fuzz(SEED, range(COUNT))
    assert found.broken == []
    assert found.outcomes.total() == COUNT
    assert {"value", "ProtocolViolation", "AccessDenied", "BusTimeout"} <= set(found.outcomes)


def test_an_input_is_the_same_each_time() -> None:
    with repeatable(StandingClock()):
        one, other = (Input(SEED, 7) for _ in range(2))
        first, second = (play(SEED, 7, StandingClock()) for _ in range(2))
    assert (one.ua, one.messages, one.about) == (other.ua, other.messages, other.about)
    assert (first.outcome, first.about) == (second.outcome, second.about)


def test_every_meter_lane_and_layer_is_met() -> None:
    with repeatable(StandingClock()):
        met = [Input(SEED, number) for number in range(COUNT)]
    assert {each.scene.name for each in met} == {each.name for each in scenes()}
    assert {each.lane for each in met} == set(LANES)
    assert {each.layer for each in met} == set(LAYERS)


@pytest.mark.parametrize(("source", "said"), [(METER, True), (OTHER, False)])
def test_only_frames_of_the_asked_meter_count_as_said(source: bytes, said: bool) -> None:
    apdu = b"\xc4\x01\xc1\x00\x00"
    frames = [
        build(GATEWAY, source, 0x30, (LLC + apdu)[:4], segmented=True),
        build(GATEWAY, source, 0x52, (LLC + apdu)[4:]),
    ]
    assert was_said(apdu, frames) is said


def test_what_was_not_sealed_does_not_count() -> None:
    with pytest.raises(Broken, match="not sealed"):
        plain_of(b"\xcc\x03abc", {b"abd": b"\xc4"}, ciphered=True)
