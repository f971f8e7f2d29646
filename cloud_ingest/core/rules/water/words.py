# SPDX-License-Identifier: MIT
"""What a resident is told of water that does not stop: since when, how much, and what to try.

In: an episode of the water rules, and the zone of the society. Out: one message. Pure.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.core.local_time import local_time
from cloud_ingest.core.rules.valve import WAITS, least_shown, minutes_to_wait
from cloud_ingest.core.rules.water.episode import (
    BURST,
    RUN_ON,
    RUN_SINCE_S,
    STEPS,
    Detail,
    Episode,
)
from cloud_ingest.core.rules.water.supply import SupplySource

LOOK_IN_FLAT = "To see whether it is in the flat: close the inner valve for {} and look again."
LOOK_IN_COMMON = "To see where it goes: close one branch behind this meter for {} and look again."
MAY_NOT_SHOW = " In that time less than {} an hour may not show on this meter."
LOOK_DURING_SUPPLY = (
    "To see whether it is before your tank: watch its float valve during supply when the tank is "
    "full."
)
CLOSE_NOW = "If nobody draws it, close the valve at once."
LOOK_WHAT_STICKS = "If nobody drew it, look for a cistern, tap or valve that sticks."


def water_message(
    episode: Episode, zone: ZoneInfo, *, common: bool = False, step_litres: Decimal = Decimal(1)
) -> str:
    """Say an episode to a resident, and no more of its start than is known.

    Args:
        episode: As the rules tell it.
        zone: In which people read a time.
        common: It is of a common area and not of a flat.
        step_litres: A step of the register: less than that moves no meter.
    """
    detail = episode.detail
    run_since_s = detail.get(RUN_SINCE_S)
    began = datetime.fromtimestamp(episode.since_s, UTC)
    run_began = datetime.fromtimestamp(run_since_s, UTC) if isinstance(run_since_s, int) else began
    known = "" if detail.get("start_known", True) else "at least "
    runs = "" if run_began == began else f" in all runs since {local_time(began, zone)}"
    since = f"since {known}{local_time(run_began, zone)}"
    facts = [_what(detail, since), *_amounts(detail, runs)]
    return f"{'; '.join(facts)}. {_advice(detail, step_litres, common=common)}"


def litres(amount: float) -> str:
    """Write litres to a tenth below ten, and whole ones from there on."""
    text = f"{amount:.1f}" if amount < 10 else f"{amount:.0f}"
    return f"{text.removesuffix('.0')} L"


def _what(detail: Detail, since: str) -> str:
    part = detail.get("part")
    if part == BURST:
        return f"Water runs strongly {since}"
    if part == RUN_ON:
        return f"Water ran strongly in {detail.get('known_h'):g} of the hours {since}"
    if hours := detail.get("supply"):
        by_bulk = ", by the tower's bulk meter" * (detail.get("supply_source") == SupplySource.BULK)
        return f"Water has not stopped in the hours with supply ({hours}{by_bulk}) {since}"
    if detail.get("least_l_per_h"):
        return f"Water has not stopped {since}"
    return f"Water has hardly rested {since}"


def _advice(detail: Detail, step_litres: Decimal, *, common: bool) -> str:
    part = detail.get("part")
    if part == BURST:
        return CLOSE_NOW
    if part == RUN_ON:
        return LOOK_WHAT_STICKS
    if "supply" in detail:
        return LOOK_DURING_SUPPLY
    least = detail.get("least_l_per_h")
    seen = Decimal(str(least)) if isinstance(least, int | float) else None
    minutes = minutes_to_wait(step_litres, seen)
    look = (LOOK_IN_COMMON if common else LOOK_IN_FLAT).format(WAITS[minutes])
    shown = least_shown(step_litres, timedelta(minutes=minutes))
    return look + MAY_NOT_SHOW.format(litres(float(shown))) if seen and seen < shown else look


def _amounts(detail: Detail, runs: str) -> list[str]:
    """Return the least hour, or the rate of now, and how much it is so far."""
    least, rate, so_far = map(detail.get, ("least_l_per_h", "rate_l_per_h", "litres"))
    told: list[str] = []
    if detail.get("part") == BURST and isinstance(rate, int | float):
        told.append(f"{litres(rate)} an hour now")
    elif isinstance(least, int | float) and least > 0:
        every = "an hour" if detail.get("part") == STEPS else "in every hour"
        told.append(f"at least {litres(least)} {every}")
    if isinstance(so_far, int | float):
        use = "" if detail.get("part") == BURST else ", use included"
        told.append(f"{litres(so_far)} so far{runs}{use}")
    return told
