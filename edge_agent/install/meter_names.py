# SPDX-License-Identifier: GPL-2.0-only
"""Which meter of the settings a person means.

A label says what hangs there and what it measures: ``A-1204 electricity``, ``A-1204 water``. So a
flat's name is the beginning of several labels. ``A-1204/water`` is the same as ``'A-1204 water'``
and needs no quotes.

In: a name, the settings. Out: the one meter, or an error that offers the choice.
Never: one of several taken for the meant one.
"""

import difflib
import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from edge_agent.errors import ConfigurationError
from edge_agent.settings.bus import BusConfig, MeterConfig
from edge_agent.settings.gateway import AgentSettings
from shared_schema.text import composed

_SHOWN: Final = 12
"""So many meters are offered; of the others, how many there are."""
Place = tuple[BusConfig, MeterConfig]


def find_meter(settings: AgentSettings, name: str, config: Path) -> Place:
    """Return the meter of this name: its label, or a beginning that no other label has.

    A label counts before its whole words, and these before a part of a word: with A-12 and
    A-1204 in the settings, ``A-12`` is the first.

    Args:
        settings: the gateway's.
        name: what a person calls it.
        config: where the settings are, for the error.

    Raises:
        ConfigurationError: no meter is called so, or several are.
    """
    name = composed(name)  # as labels are
    places = [(bus, meter) for bus in settings.buses for meter in bus.meters]
    wanted = _words(name)
    for fits in _ways(name, wanted):
        found = [each for each in places if fits(each[1].label)]
        if len(found) == 1:
            return found[0]
        if found and wanted:
            raise _several(name, found)
    raise _none(name, [meter.label for _, meter in places], config)


def _ways(name: str, wanted: list[str]) -> tuple[Callable[[str], bool], ...]:
    """Return how a label fits a name, the closest way first."""
    return (
        lambda label: label == name,
        lambda label: _words(label) == wanted,
        lambda label: _words(label)[: len(wanted)] == wanted,
        lambda label: " ".join(_words(label)).startswith(" ".join(wanted)),
    )


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[\s/]+", name.casefold()) if word]


def _several(name: str, found: Sequence[Place]) -> ConfigurationError:
    count = "two" if len(found) == 2 else str(len(found))
    meters = [f"{meter.label} ({bus.name}, address {meter.address})" for bus, meter in found]
    error = ConfigurationError(f"{count} meters are called {name}: {_listed(meters)}")
    label = found[-1][1].label
    short = "/".join(label.split())
    alike = sum(_words(meter.label) == _words(label) for _, meter in found)
    also = f" or {short}" if alike == 1 and short not in {label, name} else ""
    return error.advised(f"say which one, such as {shlex.quote(label)}{also}")


def _none(name: str, labels: Sequence[str], config: Path) -> ConfigurationError:
    folded = {each.casefold(): each for each in labels}
    said = f"{config} has no meter {name!r}"
    if near := difflib.get_close_matches(name.casefold(), folded, 1):
        return ConfigurationError(f"{said}; did you mean {folded[near[0]]}?")
    return ConfigurationError(f"{said}: there are {_listed(labels) or 'none'}")


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
