# SPDX-License-Identifier: GPL-2.0-only
"""The result of examining one meter: what was read, how good its line is, what failed.

In: what `examine` read. Out: an `Examination`, for the sheet, the screen and JSON.
Never: a secret; a float among values.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from edge_agent.dlms.exchange import Traffic
from edge_agent.dlms.hdlc import DAMAGE, Drop
from edge_agent.install.shown import ShownProfile, ShownValue, name_of
from edge_agent.poll.finding import Finding, FindingKind
from edge_agent.poll.name_plate import Plate
from edge_agent.settings.bus import MeterConfig
from shared_schema.message import MeterId

_BAD: Final = (*DAMAGE, Drop.OTHER_ADDRESS)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What failed, and what to try."""

    step: str
    said: str
    advice: str
    silent: bool = False
    """Nothing answers: further questions are useless."""
    finding: Finding | None = None
    """What the step found; None: an error ended it."""

    @property
    def kind(self) -> FindingKind | None:
        """What was noticed, for whoever tells cases apart."""
        return None if self.finding is None else self.finding.kind

    def document(self) -> dict[str, str]:
        """Return it for JSON."""
        return {"step": self.step, "said": self.said, "advice": self.advice}


@dataclass(frozen=True, slots=True)
class LineCount:
    """How good the line was."""

    traffic: Sequence[Traffic] = ()

    @property
    def frames(self) -> int:
        """Requests on the line, repeated ones among them."""
        return sum(each.exchanges + each.resends for each in self.traffic)

    @property
    def errors(self) -> int:
        """Repeated requests, or damaged frames where there were more.

        An echo is no error. Noise between frames is none either: the frame beside it was sound.
        """
        resends = sum(each.resends for each in self.traffic)
        return max(resends, sum(self.damaged.values()))

    @property
    def damaged(self) -> Counter[Drop]:
        """Damaged frames, by reason."""
        total: Counter[Drop] = Counter()
        for each in self.traffic:
            total += each.dropped
        return Counter({why: total[why] for why in _BAD if total[why]})

    @property
    def errors_per_1000(self) -> float | None:
        """Errors for 1000 frames, one decimal; None where nothing was sent."""
        return round(1000 * self.errors / self.frames, 1) if self.frames else None

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "frames": self.frames,
            "errors": self.errors,
            "errors_per_1000": self.errors_per_1000,
            "damaged": {str(why): count for why, count in self.damaged.items()},
        }


@dataclass(frozen=True, slots=True)
class Examination:
    """What was read of one meter, and what failed."""

    config: MeterConfig
    at: datetime
    plate: Plate | None = None
    meter: MeterId | None = None
    clock: datetime | None = None
    """What its clock showed, in its own zone."""
    clock_offset_s: float | None = None
    """How far it is ahead of this machine."""
    registers: tuple[ShownValue, ...] = ()
    profiles: tuple[ShownProfile, ...] = ()
    line: LineCount = LineCount()
    troubles: tuple[Trouble, ...] = ()
    remarks: tuple[str, ...] = ()
    """Objects of the model that this meter does not have."""
    is_time_known: bool = True
    """Whether a time service keeps this machine's time: the clock is compared with it."""

    @property
    def is_good(self) -> bool:
        """Whether the meter was read and nothing failed."""
        return self.meter is not None and bool(self.registers) and not self.troubles

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        plate = self.plate.entries if self.plate else {}
        return {
            "label": self.config.label,
            "address": self.config.address,
            "logical_address": self.config.logical_address,
            "model": self.config.model,
            "manufacturer": self.meter.manufacturer if self.meter else None,
            "serial": self.meter.serial if self.meter else None,
            "name_plate": [
                {"obis": str(obis), "name": name_of(obis), "value": text}
                for obis, text in plate.items()
            ],
            "at": self.at.isoformat(timespec="seconds"),
            "clock": self.clock.isoformat(timespec="seconds") if self.clock else None,
            "clock_offset_s": self.clock_offset_s,
            "registers": [each.document() for each in self.registers],
            "profiles": [each.document() for each in self.profiles],
            "line": self.line.document(),
            "good": self.is_good,
            "troubles": [each.document() for each in self.troubles],
            "remarks": list(self.remarks),
        }
