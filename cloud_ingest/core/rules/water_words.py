# SPDX-License-Identifier: MIT
"""What a resident is told of water that does not stop: since when, how much, and what to try.

In: an episode of the water rules, and the zone of the society. Out: one message. Pure.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cloud_ingest.core.rules.water.episode import Episode

LOOK_IN_FLAT = (
    "To see whether it is in the flat: close the inner valve for ten minutes and look again."
)
LOOK_IN_COMMON = (
    "To see where it goes: close one branch behind this meter for ten minutes and look again."
)
LOOK_DURING_SUPPLY = (
    "To see whether it is before your tank: look at its float valve while there is supply and the "
    "tank is full."
)
CLOSE_NOW = "If nobody draws it, close the valve at once."


def water_message(episode: Episode, zone: ZoneInfo, *, common: bool = False) -> str:
    """Say an episode to a resident, and no more of its start than is known.

    Args:
        episode: As the rules tell it.
        zone: In which people read a time.
        common: It is of a common area and not of a flat.
    """
    detail = episode.detail
    known = "" if detail.get("start_known", True) else "at least "
    since = f"since {known}{weekday_time(episode.since_s, zone)}"
    facts = [_what(episode, since), *_amounts(episode)]
    if "burst" in episode.kind:
        return f"{'; '.join(facts)}. {CLOSE_NOW}"
    if "supply" in detail:
        return f"{'; '.join(facts)}. {LOOK_DURING_SUPPLY}"
    return f"{'; '.join(facts)}. {LOOK_IN_COMMON if common else LOOK_IN_FLAT}"


def weekday_time(time_s: int, zone: ZoneInfo) -> str:
    """Write a time with its weekday and its zone: Tuesday 17 Nov 2026 02:15 IST."""
    local = datetime.fromtimestamp(time_s, UTC).astimezone(zone)
    name = local.tzname() or ""
    named = name if name.isalpha() else f"UTC{name}"
    return f"{local:%A} {local.day} {local:%b %Y %H:%M} {named}"


def litres(amount: float) -> str:
    """Write litres to a tenth below ten, and whole ones from there on."""
    text = f"{amount:.1f}" if amount < 10 else f"{amount:.0f}"
    return f"{text.removesuffix('.0')} L"


def _what(episode: Episode, since: str) -> str:
    if "burst" in episode.kind:
        return f"Water runs strongly {since}"
    if hours := episode.detail.get("supply"):
        return f"Water has not stopped in the hours with supply ({hours}) {since}"
    if episode.detail.get("least_l_per_h"):
        return f"Water has not stopped {since}"
    return f"Water has hardly rested {since}"


def _amounts(episode: Episode) -> list[str]:
    """Return the least hour, or the rate of now, and how much it is so far."""
    least, rate, so_far = map(episode.detail.get, ("least_l_per_h", "rate_l_per_h", "litres"))
    told: list[str] = []
    if "burst" in episode.kind and isinstance(rate, int | float):
        told.append(f"{litres(rate)} an hour now")
    elif isinstance(least, int | float) and least > 0:
        told.append(f"at least {litres(least)} in every hour")
    if isinstance(so_far, int | float):
        told.append(f"{litres(so_far)} so far")
    return told
