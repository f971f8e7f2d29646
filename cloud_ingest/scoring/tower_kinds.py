# SPDX-License-Identifier: MIT
"""The kinds of towers that the tower rules are scored on: sound ones, and one for each fault.

In: how the meters are read, how many towers. Out: `Kind`s, and in which order they are drawn. Pure.
"""

from dataclasses import replace
from enum import StrEnum
from typing import Final, NamedTuple

from cloud_ingest.scoring.tower_sim import Fault, Setting

VARIED: Final = 4
"""Of each kind of sound tower beside the plain one, one in so many."""
TANK_L: Final = 5000.0
AWAY_TOGETHER: Final = 0.9


class Metering(StrEnum):
    """How a tower is metered and read."""

    COARSE = "coarse"
    FINE = "fine"


SETTINGS: Final = {
    Metering.COARSE: Setting(),
    Metering.FINE: Setting(bulk_step_l=10, flat_step_l=1, late_h=0.0, outage_a_day=1 / 200),
}
FAULTS: Final = {
    "pipe, 10 L/h": Fault("leak", 10),
    "pipe, 25 L/h": Fault("leak", 25),
    "stopped": Fault("share", 1.0),
    "half bypassed": Fault("share", 0.5),
    "20 % less": Fault("share", 0.2),
    "5 % less": Fault("share", 0.05),
}
"""Water lost in the common pipe, and what one flat's meter misses."""


class Kind(NamedTuple):
    """What is simulated."""

    name: str
    setting: Setting
    fault: Fault = Fault()

    @property
    def is_sound(self) -> bool:
        """Return whether nothing is wrong."""
        return self.fault.kind == "none"


def varied(setting: Setting) -> list[Kind]:
    """Return sound towers that differ from a setting, by what may mislead a rule."""
    unmetered_l = setting.unmetered_sd_l
    return [
        Kind(f"a tank of {TANK_L:.0f} L", replace(setting, tank_l=TANK_L)),
        Kind("half as much unmetered", replace(setting, unmetered_sd_l=unmetered_l / 2)),
        Kind("twice as much unmetered", replace(setting, unmetered_sd_l=unmetered_l * 2)),
        Kind("a week all are away", replace(setting, leave_together=AWAY_TOGETHER)),
    ]


def drawn(setting: Setting, towers: int, sound: int) -> list[tuple[Kind, int]]:
    """Return each tower as its kind and number, so that a part of them has some of each kind.

    Args:
        setting: What the towers are like.
        towers: So many with each fault.
        sound: So many without one.
    """
    counts = {Kind("sound", setting): sound}
    counts |= dict.fromkeys(varied(setting), sound // VARIED)
    counts |= {Kind(name, setting, fault): towers for name, fault in FAULTS.items()}
    every = [(kind, number) for kind, count in counts.items() for number in range(count)]
    return sorted(every, key=lambda each: (each[1] + 1) / counts[each[0]])
