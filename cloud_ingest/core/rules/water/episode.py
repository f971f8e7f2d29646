# SPDX-License-Identifier: MIT
"""What the water rules say: findings of an hour, and the episode that they make. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Severity = Literal["watch", "alarm"]
Detail = Mapping[str, str | int | float | None]

BURST, RUN_ON, STEPS = "burst", "run-on", "steps"
"""Parts of the rules of which people are told in other words."""
RUN_SINCE_S = "run_since_s"
"""In a detail: since when it runs that is told, where the event began earlier and paused."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What the evidence shows at the end of one hour."""

    kind: str
    """Water-loss kinds have "leak" or "burst" in their name."""
    severity: Severity
    since_s: int
    detail: Detail
    """rate_l_per_h, least_l_per_h, litres, known_h, part, start_known."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement of one hour."""

    finding: Finding | None = None
    """What the evidence shows now; None: not enough for anything."""
    over: bool = False
    """What was shown before has certainly ended (dry hours); unknown hours never say so."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One event, as it stands now; times in seconds since 1970."""

    kind: str
    severity: Severity
    raised_s: int
    since_s: int
    cleared_s: int | None
    detail: Detail
