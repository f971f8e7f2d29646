# SPDX-License-Identifier: MIT
"""What a balance says, in a sentence for a person.

In: a balance, and of whom. Out: a text. Pure.
"""

from collections.abc import Iterator, Sequence
from decimal import ROUND_UP, Decimal
from typing import Literal, Protocol

from cloud_ingest.core.balance import Balance, Uncertainty
from cloud_ingest.core.exact import exactly, widely
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import Service
from shared_schema.text import LONGEST_REMARK

NAMES_TOLD = 3
LONGEST_NAME = 24
LEAST_DIGIT = Decimal("0.001")
Excuse = Literal["meters", "borders"]
"""What explains a loss: the error of the meters, or what borders and registers leave open."""


def sentence(place: str, service: Service, found: Balance) -> str:
    """Say what is unaccounted, how sure that is, and what was entered by hand."""
    unit = BILLING_UNITS[service]
    told = " ".join((_verdict(place, service, found), *_remarks(service, found, unit)))
    return told if len(told) <= LONGEST_REMARK else told[: LONGEST_REMARK - 1] + "…"


def _verdict(place: str, service: Service, found: Balance) -> str:
    unit = BILLING_UNITS[service]
    what = f"{_cut(place)}, {service.value}:"
    if not found.supplies:
        return f"{what} no bulk meter, so that nobody can say what came in."
    if found.loss is None:
        return f"{what} {cannot_say(found)}."
    came = f"of {found.bulk:f} {unit}"
    amount = _amount(abs(found.loss), found.uncertainty, unit)
    if found.loss < 0:
        return (
            f"{what} {amount} more counted below than above, {came}"
            f"{_excuse(found)}: a meter counts wrongly or hangs elsewhere than the record says, or "
            "something came in that is not in it."
        )
    share = "" if found.loss_percent is None else f" ({found.loss_percent:f} %)"
    return f"{what} {amount}{share} unaccounted {came}{_excuse(found)}."


def _amount(quantity: Decimal, uncertainty: Uncertainty | None, unit: str) -> str:
    open_by = plus_minus(uncertainty)
    if uncertainty is not None and uncertainty.total is None:
        return f"{quantity:f} {unit}{open_by}"
    return f"{quantity:f}{open_by} {unit}"


class Unsaid(Protocol):
    """What names the meters that are not known."""

    @property
    def unknown(self) -> tuple[str, ...]:
        """The subjects whose meters are not known."""

    @property
    def unknown_exports(self) -> tuple[str, ...]:
        """Those of them of which only what they gave back is not known."""


def cannot_say(found: Unsaid) -> str:
    """Say which meters are not known, and of which only the export is not."""
    exports = found.unknown_exports
    meters = [name for name in found.unknown if name not in exports]
    count = len(meters)
    said = []
    if meters or not exports:
        named = f" ({_names(meters)})" if meters else ""
        said.append(f"{count} meter{'' if count == 1 else 's'} unknown{named}")
    if exports:
        said.append(f"the export of {_names(exports)} is not known")
    return f"cannot say: {'; '.join(said)}"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_TOLD} more" if len(names) > NAMES_TOLD else ""
    return ", ".join(map(_cut, names[:NAMES_TOLD])) + more


def plus_minus(uncertainty: Uncertainty | None) -> str:
    """Write by how much a number may be wrong."""
    if uncertainty is None:
        return ""
    total = uncertainty.total
    return " ± an unknown amount" if total is None else f" ± {rounded_up(total):f}"


def rounded_up(quantity: Decimal) -> Decimal:
    """Return an uncertainty with no more digits than a register has."""
    with widely():
        return quantity.quantize(LEAST_DIGIT, rounding=ROUND_UP).normalize()


def excuse_of(found: Balance) -> Excuse | None:
    """Say why what is unaccounted may be nothing at all; None: it is something."""
    doubt = found.uncertainty
    if doubt is None or doubt.total is None or found.loss is None:
        return None
    with exactly():
        if doubt.meters is not None and abs(found.loss) <= doubt.meters:
            return "meters"
        return "borders" if abs(found.loss) <= doubt.total else None


def _excuse(found: Balance) -> str:
    excuse, doubt = excuse_of(found), found.uncertainty
    if excuse == "meters" and doubt is not None and doubt.meters is not None:
        return f", within the meters' own error of {rounded_up(doubt.meters):f}"
    return "" if excuse is None else ", within what borders and registers leave open"


def _remarks(service: Service, found: Balance, unit: str) -> Iterator[str]:
    by_hand = [each for each in found.supplies if each.by]
    for each in by_hand:
        names = ", ".join(map(_cut, each.by[:NAMES_TOLD]))
        yield f"{each.source.capitalize()}: {each.quantity:f} {unit} entered by hand by {names}."
    if by_hand and service is Service.WATER:
        yield "What tanks held more at the end than at the beginning counts as unaccounted."
    generator = found.generator
    if generator is None:
        return
    if generator.run_hours is not None:
        names = ", ".join(map(_cut, generator.by[:NAMES_TOLD]))
        yield f"The generator ran {generator.run_hours:f} h, entered by hand by {names}."
    if generator.unaccounted is not None:
        yield (
            f"Of the generator's own {generator.given:f} {unit}, {generator.unaccounted:f} "
            "are unaccounted."
        )
    elif generator.given is None and not generator.is_in_bulk and generator.units is None:
        yield "It has no meter: what it gave is counted as used, and not as come in."


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
