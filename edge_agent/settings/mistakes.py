# SPDX-License-Identifier: GPL-2.0-only
"""All mistakes of an agent.toml as one error.

Pydantic compares the keys of a table only if each of them is right. So what is wrong is replaced
by something that is right, and the rest is read again, until nothing new is found.

In: the error of the first reading, the text. Out: an error that names each mistake.
Never: settings that are used.
"""

import copy
import tomllib
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from edge_agent.errors import ConfigurationError, Setup
from edge_agent.settings.file import PATHS, prepared
from edge_agent.settings.gateway import AgentSettings
from edge_agent.toml_lines import Place
from edge_agent.toml_mistakes import Mistake, not_toml, refused

_SYNTAX: Final = (
    "correct the file there: a text stands in quotes, each key on its own line and once in its "
    "table; then edge-agent doctor reads it again"
)
_ROUNDS: Final = 8
"""After so many readings the mistakes that are found so far are told."""
_ITEMS: Final = {"bus": ("name", "port"), "bus.meter": ("label", "address", "logical_address")}
"""The lists of tables, and by what their items are told apart."""
_RIGHT: Final[dict[str, Any]] = {
    "gateway": "gateway",
    "broker": {"host": "host"},
    "host": "host",
    "username": "user",
    "client": 48,
    "setter": {},
    "set_above_s": 5,
    "set_within_s": 1800,
}
"""Keys without which a table is refused, or another key of it."""
_FREE: Final = 0x3FFD
"""The last address; those below it stand for addresses that are wrong."""


def settings_refused(
    error: tomllib.TOMLDecodeError | ValidationError, text: str, path: Path
) -> ConfigurationError:
    """Return the error that names every mistake in the settings."""
    if isinstance(error, ValidationError):
        return _error(_all_mistakes(error, text, path.absolute().parent), path)
    return _error([not_toml(error)], path).advised(_SYNTAX)


def _error(found: list[Mistake], path: Path) -> ConfigurationError:
    if len(found) == 1:
        return ConfigurationError(f"{path}: {found[0]}", of=Setup.SETTINGS)
    error = ConfigurationError(f"{path}: {len(found)} mistakes", of=Setup.SETTINGS)
    return error.detailed([str(each) for each in found])


def _all_mistakes(error: ValidationError, text: str, folder: Path) -> list[Mistake]:
    document = tomllib.loads(text)
    mended = copy.deepcopy(document)
    found: dict[Place, Mistake] = {}
    for _ in range(_ROUNDS):
        anew = refused(error, document, text, AgentSettings)
        if anew.keys() <= found.keys():
            break
        for place, mistake in anew.items():
            found.setdefault(place, mistake)
            meant = mistake.near if mistake.is_key_unknown else ""
            _mend(mended, place, meant, len(found))
        try:
            AgentSettings.model_validate(prepared(copy.deepcopy(mended), folder))
        except ValidationError as again:
            error = again
        else:
            break
    return sorted(found.values(), key=lambda each: each.line or 0)


def _mend(document: dict[str, Any], place: Place, meant: str, number: int) -> None:
    """Put something right where a mistake is.

    Args:
        document: what is read next.
        place: of the mistake.
        meant: the key that was probably meant by an unknown one.
        number: of the mistake: what must differ from others is made of it.
    """
    path = ".".join(part for part in place if isinstance(part, str))
    if isinstance(place[-1], int) and path not in _ITEMS:
        return _mend(document, place[:-1], meant, number)
    here: Any = document
    for part in place[:-1]:
        here = here[part]
    last = place[-1]
    if isinstance(last, int):
        kept = here[last] if isinstance(here[last], dict) else {}
        here[last] = {
            key: kept.get(key, _right(f"{path}.{key}", key, number)) for key in _ITEMS[path]
        }
    elif (right := _right(path, last, number)) is not None:
        here[last] = right
    else:
        wrong = here.pop(last, None)
        if meant and meant not in here and wrong is not None:
            here[meant] = wrong
    return None


def _right(path: str, key: str, number: int) -> Any:
    """Return what can stand at a key; None where nothing needs to."""
    return {
        "bus.name": f"0.{number}",
        "bus.port": f"/dev/null/{number}",
        "bus.meter.label": f"\N{REPLACEMENT CHARACTER}{number}",
        "bus.meter.address": _FREE - number,
        "bus.meter.logical_address": 1,
    }.get(path, "x" if key in PATHS and path != "broker.port" else _RIGHT.get(key))
