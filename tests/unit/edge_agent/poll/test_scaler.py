# SPDX-License-Identifier: GPL-2.0-only
"""Scalers: a meter's own word, a sibling's where it says nothing, and nothing made up."""

from typing import cast

import pytest

from edge_agent.dlms.axdr import Scale
from edge_agent.errors import AccessDenied
from edge_agent.meters.model import Model
from edge_agent.poll.meter_link import MeterLink
from edge_agent.poll.scaler import scaler_of
from shared_schema.obis import Obis

TARIFF, TOTAL = Obis(1, 0, 1, 8, 1, 255), Obis(1, 0, 1, 8, 0, 255)
WATT_HOURS = bytes.fromhex("0202 0FFD 161E")
"""10^-3 Wh."""


class Told:
    """A link to a meter that answers a tariff's scaler so, and its total's as it should."""

    model = Model(title="X", client=16)

    def __init__(self, answer: bytes | AccessDenied) -> None:
        self._answer = answer

    def read_one(self, wanted: tuple[Obis, int, int]) -> bytes | AccessDenied:
        return self._answer if wanted[0] == TARIFF else WATT_HOURS


@pytest.mark.parametrize("answer", [b"\x00", AccessDenied("none", result=4)])
def test_a_register_without_a_scaler_has_its_siblings(answer: bytes | AccessDenied) -> None:
    assert scaler_of(cast("MeterLink", Told(answer)), TARIFF, 3, {}) == Scale(-3, 30)


@pytest.mark.parametrize(
    "answer", ["0202 0F7F", "0203 0FFD 161E 00", "0600000001", "0202 0FFD 161E 00"]
)
def test_a_malformed_scaler_is_not_a_siblings(answer: str) -> None:
    link = cast("MeterLink", Told(bytes.fromhex(answer)))
    assert scaler_of(link, TARIFF, 3, {}) is None
