# SPDX-License-Identifier: GPL-2.0-only
"""A thousand spoiled payloads and files in the suite; `make fuzz` judges as many as asked for."""

import re

import pytest

from tests.fuzz.files import READERS
from tests.fuzz.lane import fuzz
from tests.fuzz.payloads import LAYERS, spoiled

SEED, COUNT = 20260310, 1000


@pytest.mark.parametrize(
    ("lane", "kinds"), [("payloads", {"accepted", "refused"}), ("files", set(READERS))]
)
def test_what_is_spoiled_is_read_or_refused(lane: str, kinds: set[str]) -> None:
    found = fuzz(lane, SEED, range(COUNT))
    assert found.broken == []
    assert found.outcomes.total() == COUNT
    assert {re.split("[:, ]", outcome)[0] for outcome in found.outcomes} == kinds


def test_payloads_are_of_every_layer_and_no_two_the_same() -> None:
    given = [spoiled(SEED, number) for number in range(COUNT // 2)]
    assert {each.layer for each in given} == set(LAYERS)
    assert len({each.payload for each in given}) == len(given)
    assert given[:9] == [spoiled(SEED, number) for number in range(9)]
