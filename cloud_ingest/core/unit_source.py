# SPDX-License-Identifier: MIT
"""The sources of supply that a list of units may name: a closed list, each with its meaning.

Rules and balances go by the source, so that a word of one's own would be a supply that nobody
knows. What a store had before the list was closed stays, with a remark.

In: a word of a list. Out: whether it is a source, or which one was probably meant. Pure.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from cloud_ingest.core.balance import CHECK, GENERATOR, SOLAR
from shared_schema.catalogue import Service

_CHECK = "a check meter beside the meter itself: in no number and in no balance"
_INLET = "one of several inlets of a unit, counted from 1: inlet-1, inlet-2"
SOURCES: Final[Mapping[Service, Mapping[str, str]]] = {
    Service.ELECTRICITY: {
        "grid": "the distribution company's supply; what an empty field means",
        GENERATOR: "the generator of the society: it does not pass the grid's bulk meter",
        SOLAR: "the panels of the society",
        "inlet-n": _INLET,
        CHECK: _CHECK,
    },
    Service.WATER: {
        "main": "the water works' supply; what an empty field means",
        "inlet-n": _INLET,
        "tanker": "water that comes by lorry, counted where it is let in",
        "borewell": "water of a well of the society",
        CHECK: _CHECK,
    },
}
DEFAULT_SOURCES: Final = {Service.ELECTRICITY: "grid", Service.WATER: "main"}
_INLET_NAME = re.compile(r"inlet-[1-9][0-9]?")
_CALLED: Final = {
    **dict.fromkeys(("dg", "dg set", "genset", "gen"), GENERATOR),
    **dict.fromkeys(("eb", "mains", "utility"), "grid"),
    **dict.fromkeys(("municipal", "mains", "corporation"), "main"),
    **dict.fromkeys(("bore", "borehole", "well", "tubewell"), "borewell"),
    **dict.fromkeys(("pv", "rooftop"), SOLAR),
    "inlet": "inlet-1",
    "lorry": "tanker",
}


def is_source(text: str, service: Service) -> bool:
    """Say whether a service has a source of that name."""
    return (text in SOURCES[service] and text != "inlet-n") or bool(_INLET_NAME.fullmatch(text))


def source_fault(text: str, service: Service) -> str:
    """Say what is wrong with a word that is no source, and what was probably meant."""
    names = [name for name in SOURCES[service] if name != "inlet-n"]
    said = text.casefold()
    inlet = re.fullmatch(r"inlet[ _.-]*0*([1-9][0-9]?)", said)
    own = _CALLED.get(said)
    meant = f"inlet-{inlet[1]}" if inlet else own if own and is_source(own, service) else None
    meant = meant or next(iter(get_close_matches(said, names, n=1)), None)
    hint = f": did you mean {meant!r}?" if meant else f": it is {', '.join(SOURCES[service])}"
    return f"source {text[:40]!r} is none of {service}{hint}"
