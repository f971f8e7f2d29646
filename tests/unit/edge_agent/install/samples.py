# SPDX-License-Identifier: GPL-2.0-only
"""An examined meter and a sheet, as the tests of the installer's visit need them."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from edge_agent.install.agent_toml import SerialLine
from edge_agent.install.examination import Examination
from edge_agent.install.sheet import Entry, Sheet
from edge_agent.install.shown import ShownValue
from edge_agent.settings.bus import MeterConfig
from shared_schema.catalogue import ACTIVE_IMPORT, WATER_VOLUME
from shared_schema.message import MeterId

AT = datetime(2026, 3, 10, 6, 37, tzinfo=UTC)
SERIAL = SerialLine(
    bus="riser-1",
    port="/dev/ttyUSB0",
    baudrate=19200,
    parity="even",
    direction_control="rts",
)


def examined(label: str = "A-1", **changes: Any) -> Examination:
    """Return a meter that was read without a fault, but for the changes."""
    found = Examination(
        MeterConfig(label=label, address=17, model="is16444"),
        AT,
        meter=MeterId(manufacturer="LNT", serial="E1"),
        registers=(ShownValue(ACTIVE_IMPORT, "active energy import", Decimal(5), "Wh"),),
        clock_offset_s=2.0,
    )
    return replace(found, **changes)


def module(value: str, unit: str) -> Examination:
    """Return a water module that counted this much."""
    return examined(registers=(ShownValue(WATER_VOLUME, "water volume", Decimal(value), unit),))


def sheet(*entries: Entry) -> Sheet:
    """Return the sheet of these meters."""
    return Sheet(
        gateway="gw-1",
        fingerprint="ab" * 32,
        serial=SERIAL,
        at=AT,
        by="",
        clock_synchronised=True,
        entries=entries,
    )
