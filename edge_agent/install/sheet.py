# SPDX-License-Identifier: GPL-2.0-only
"""The commissioning sheet: each meter of a line, and whether it may go into service.

In: what the installer lists, a scan, examinations. Out: a `Sheet`, for JSON and the page.
Never: a meter in service that did not say who it is; a secret.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from edge_agent.install.agent_toml import SerialLine
from edge_agent.install.examination import Examination
from edge_agent.install.meter_list import ListedMeter
from edge_agent.install.scan_result import Conflict
from edge_agent.install.shown import ShownValue
from edge_agent.poll.finding import CLOCK_TOLD, CLOCK_WRONG
from edge_agent.settings.bus import MeterConfig
from shared_schema.catalogue import BILLED_REGISTER, UNIT_SYMBOLS, WATER_VOLUME, Unit

CLOCK_LIMIT_S: Final = 60
"""A clock that is further off makes the meter amber: its months would close at another time."""
ERRORS_PER_1000: Final = 10.0
"""A line with more errors makes the meter amber: find the cause before it grows."""
Level = Literal["green", "amber", "red", "self-read"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a meter may go into service, and what is to be done."""

    level: Level
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One meter on the sheet."""

    listed: ListedMeter
    examination: Examination | None = None
    problem: str = "did not answer"
    """Why there is no examination."""
    dial: Decimal | None = None
    """What the dial beside the module shows, m³."""
    is_time_known: bool = True
    """Whether a time service keeps this machine's time: the meter's clock is compared with it."""

    @property
    def verdict(self) -> Verdict:
        """Whether it may go into service."""
        return judge(self.listed, self.examination, self.problem, is_time_known=self.is_time_known)

    @property
    def billed(self) -> ShownValue | None:
        """The register that bills are made from."""
        wanted = set(BILLED_REGISTER.values())
        shown = self.examination.registers if self.examination else ()
        return next((each for each in shown if each.obis in wanted), None)

    @property
    def volume(self) -> Decimal | None:
        """What a water module counted, m³; None where it does not say what a count is worth."""
        shown = self.billed
        if shown is None or not isinstance(shown.value, Decimal) or shown.obis != WATER_VOLUME:
            return None
        places = {UNIT_SYMBOLS[Unit.LITRE]: -3, UNIT_SYMBOLS[Unit.CUBIC_METRE]: 0}.get(shown.unit)
        return None if places is None else shown.value.scaleb(places)

    def dial_document(self) -> dict[str, str] | None:
        """Return the dial beside the register of its module for JSON, both in m³."""
        if self.dial is None or self.volume is None or self.examination is None:
            return None
        return {
            "at": self.examination.at.isoformat(timespec="seconds"),
            "dial_m3": f"{self.dial:f}",
            "register_m3": f"{self.volume:f}",
        }


@dataclass(frozen=True, slots=True)
class Sheet:
    """The commissioning sheet: what was commissioned on one line."""

    gateway: str
    fingerprint: str
    """Of the gateway's public key."""
    serial: SerialLine
    at: datetime
    by: str
    clock_synchronised: bool
    """Whether a time service keeps this machine's time: the meters' clocks are compared with it."""
    entries: tuple[Entry, ...]
    conflicts: tuple[Conflict, ...] = ()

    def count(self, level: Level) -> int:
        """Count the meters of a level."""
        return sum(entry.verdict.level == level for entry in self.entries)

    @property
    def is_green(self) -> bool:
        """Whether every meter may go into service, by a machine that knows the time."""
        flawless = not self.conflicts and not self.count("red") and not self.count("amber")
        return flawless and self.clock_synchronised

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "gateway": self.gateway,
            "key_fingerprint": self.fingerprint,
            "bus": self.serial.bus,
            "port": self.serial.port,
            "baudrate": self.serial.baudrate,
            "parity": self.serial.parity,
            "at": self.at.isoformat(timespec="seconds"),
            "by": self.by,
            "clock_synchronised": self.clock_synchronised,
            "green": self.is_green,
            "meters": [
                {
                    "label": entry.listed.label,
                    "verdict": entry.verdict.level,
                    "reasons": list(entry.verdict.reasons),
                    "dial": entry.dial_document(),
                    "seals": list(entry.listed.seals),
                    "examination": entry.examination.document() if entry.examination else None,
                }
                for entry in self.entries
            ],
            "conflicts": [
                {"address": each.hdlc.physical, "logical_address": each.hdlc.logical}
                for each in self.conflicts
            ],
        }

    def in_service(self) -> list[MeterConfig]:
        """Return how the meters are read that may go into service: they said who they are."""
        return [
            entry.examination.config
            for entry in self.entries
            if entry.examination is not None and entry.verdict.level in {"green", "amber"}
        ]


def judge(
    listed: ListedMeter,
    found: Examination | None,
    problem: str = "did not answer",
    *,
    is_time_known: bool = True,
) -> Verdict:
    """Tell whether a meter may go into service.

    Args:
        listed: how the installer lists it.
        found: what was read of it.
        problem: why nothing was read.
        is_time_known: whether a time service keeps this machine's time.
    """
    if listed.address is None:
        return Verdict("self-read", ("no data port: its resident reads the dial",))
    if found is None:
        return Verdict("red", (problem,))
    troubles = tuple(each.said for each in found.troubles)
    if found.meter is None or not found.registers:
        return Verdict("red", troubles or ("no register was read",))
    reasons = list(troubles)
    if listed.dial is not None and all(each.obis != WATER_VOLUME for each in found.registers):
        reasons.append("the list gives its dial, but no volume of water was read beside it")
    offset, kinds = found.clock_offset_s, {each.kind for each in found.troubles}
    if offset is None:
        if CLOCK_TOLD.isdisjoint(kinds):
            reasons.append("its clock shows no valid time")
    elif not is_time_known:
        reasons.append("its clock cannot be judged: this machine's own is not synchronised")
    elif abs(offset) > CLOCK_LIMIT_S and CLOCK_WRONG.isdisjoint(kinds):
        reasons.append(f"its clock is {offset:+.0f} s off")
    errors = found.line.errors_per_1000
    if errors is not None and errors > ERRORS_PER_1000:
        reasons.append(f"{errors} errors in 1000 frames: check cable, bias and termination")
    return Verdict("amber" if reasons else "green", tuple(reasons))
