# SPDX-License-Identifier: GPL-2.0-only
"""The commissioning sheet as the gateway writes it is the one that the cloud reads."""

import json
from dataclasses import replace
from decimal import Decimal

from cloud_ingest.entries.sheet import read_sheet
from edge_agent.install.meter_list import ListedMeter
from edge_agent.install.sheet import Entry
from tests.unit.edge_agent.install.samples import AT, examined, module, sheet


def test_the_cloud_reads_what_the_gateway_writes() -> None:
    water = ListedMeter("A-1 water", 19, dial=Decimal("123.456"), seals=("S-1", "S-2"))
    late = examined(label="A-2", clock_offset_s=90.0)
    written = replace(
        sheet(
            Entry(water, module("7", "m³"), dial=water.dial),
            Entry(ListedMeter("A-2", 17), late),
            Entry(ListedMeter("A-3", 18), examined(meter=None)),
            Entry(ListedMeter("A-4", 20)),
            Entry(ListedMeter("A-5", None)),
        ),
        by="R. Rao",
    )
    found = read_sheet(json.dumps(written.document()))
    assert (found.gateway, found.key_fingerprint, found.at, found.author(None)) == (
        "gw-1",
        "ab" * 32,
        AT,
        "R. Rao",
    )
    assert found.clock_synchronised
    assert [each.in_service for each in found.meters] == [
        ("LNT", "E1"),
        ("LNT", "E1"),
        None,
        None,
        None,
    ]
    assert found.meters[0].seals == ("S-1", "S-2")
    dial = found.meters[0].dial
    assert dial is not None
    assert (dial.at, dial.dial_m3, dial.register_m3) == (AT, Decimal("123.456"), Decimal(7))
