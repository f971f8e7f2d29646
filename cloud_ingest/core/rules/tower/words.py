# SPDX-License-Identifier: MIT
"""What a tower's flags say to people. In: what was found. Out: a sentence. Pure."""

from collections.abc import Sequence

from cloud_ingest.core.rules.tower.loss import Loss
from cloud_ingest.core.rules.tower.suspects import Suspect
from shared_schema.catalogue import Service

LOOK = {
    Service.WATER: "Look for a leak or an outlet without a meter in the common pipe.",
    Service.ELECTRICITY: "Look for a supply without a meter.",
}
"""What to do where no meter explains a loss."""


def amount(per_day: float, service: Service) -> str:
    """Write what is used or lost."""
    if service is Service.WATER:
        return f"{per_day:.0f} L"
    return f"{per_day / 1000:.1f} kWh"


def loss_message(
    tower: str, service: Service, loss: Loss, named: Sequence[str], likeliest: Sequence[str]
) -> str:
    """Say how much a tower loses, and where to look.

    Args:
        tower: Its label.
        service: What is metered.
        loss: The loss, in litres or watt hours.
        named: Units whose meter explains it.
        likeliest: Units where to look first while none does.
    """
    lower, upper = (amount(max(0.0, each), service) for each in (loss.lower, loss.upper))
    name = tower if tower.casefold().startswith("tower") else f"tower {tower}"
    said = (
        f"Since {loss.since:%d %b %Y} {name} lacks {amount(loss.per_day, service)} of "
        f"{service} a day ({lower} to {upper}): its bulk meter counts it, and no meter behind it."
    )
    if named:
        return f"{said} The meter of {', '.join(named)} explains it."
    if likeliest:
        return f"{said} No meter is accused; look first at {', '.join(likeliest)}."
    return f"{said} {LOOK[service]}"


def suspect_message(unit: str, service: Service, suspect: Suspect, *, hangs: bool = True) -> str:
    """Say what a meter misses, and why that is thought; or that it hangs there no more."""
    lacking = amount(suspect.per_day, service)
    since = f"{suspect.since:%d %b %Y}"
    if suspect.kind == "stopped_meter" and not hangs:
        return (
            f"No {service} meter hangs at {unit}: since {since} nothing is counted there, and its "
            f"tower lacks {lacking} a day, as much as the unit used before. Have one hung."
        )
    if suspect.kind == "stopped_meter":
        return (
            f"The {service} meter of {unit} has counted nothing since {since}, and since then its "
            f"tower lacks {lacking} a day, as much as the unit used before: have the meter checked."
        )
    lower, upper = (f"{100 * (1 - each):.0f}" for each in (suspect.upper, suspect.lower))
    return (
        f"Since {since} the {service} meter of {unit} counts only {lower} to {upper} % of what is "
        f"used: its tower lacks {lacking} a day, more when the unit uses more. Have it checked."
    )
