# SPDX-License-Identifier: MIT
"""Which meters a list of units binds to which gateway.

A list binds a meter that is bound to nobody. Where somebody may speak for it already, the list must
say the same: a move is a person's word with a time, which no list has.

In: the lines of a list, what is bound, which gateways are enrolled. Out: what is to be bound, or
every bad line with its number. Pure.

Raises: ImportRefused.
"""

from collections.abc import Collection, Mapping

from cloud_ingest.core.unit_list import Line, refuse
from cloud_ingest.core.unit_meter import Meter


def listed_gateways(
    lines: Mapping[int, Line],
    bound: Mapping[Meter, Collection[str]],
    enrolled: Collection[str],
) -> dict[Meter, str]:
    """Return the meters that a list binds, each with its gateway.

    Args:
        lines: By their numbers.
        bound: The gateways that may speak for each meter; none: a person took that back.
        enrolled: The gateways of the society.
    """
    said: dict[Meter, tuple[int, str]] = {}
    bad: list[str] = []
    for number, line in lines.items():
        if line.gateway is None or line.meter is None:
            continue
        earlier, gateway = said.setdefault(line.meter, (number, line.gateway))
        fault = None
        if line.gateway not in enrolled:
            fault = f"gateway {line.gateway[:63]!r} is not enrolled: run cloud-ingest enrol first"
        elif line.gateway != gateway:
            fault = f"line {earlier} names gateway {gateway} for it: a move is no line's word"
        elif line.gateway not in bound.get(line.meter, (line.gateway,)):
            own = ", ".join(sorted(bound[line.meter])) or "nobody"
            fault = f"it is bound to {own}: say that it moved (cloud-ingest meter move)"
        if fault:
            bad.append(f"line {number}: meter {' '.join(line.meter)}: {fault}")
    refuse(bad)
    return {meter: gateway for meter, (_, gateway) in said.items() if meter not in bound}
