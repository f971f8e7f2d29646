# SPDX-License-Identifier: GPL-2.0-only
"""All mistakes of a gateway's settings as one error.

In: the error of the first reading, the text, what file and environment say. Out: an error that
names each mistake. Never: settings that are used.
"""

import tomllib
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from edge_agent.errors import ConfigurationError, Setup
from edge_agent.settings.file import PATHS, PREFIX, prepared
from edge_agent.settings.gateway import AgentSettings
from shared_schema.settings.environment import Overlaid
from shared_schema.settings.mending import Mender, all_mistakes
from shared_schema.settings.mistakes import headline, not_toml, told

_SYNTAX: Final = (
    "correct the file there: a text stands in quotes, each key on its own line and once in its "
    "table; then edge-agent doctor reads it again"
)
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
    error: tomllib.TOMLDecodeError | ValidationError, said: Overlaid, text: str, path: Path
) -> ConfigurationError:
    """Return the error that names every mistake in the settings."""
    if isinstance(error, tomllib.TOMLDecodeError):
        line = f"{path}: {not_toml(error, text)}"
        return ConfigurationError(line, of=Setup.SETTINGS).advised(_SYNTAX)
    folder = path.absolute().parent
    found = all_mistakes(
        error,
        said.document,
        text,
        AgentSettings,
        variables=said.variables,
        mender=Mender(_ITEMS, _right),
        prepared=lambda document: prepared(document, folder),
    )
    refused = ConfigurationError(headline(found, str(path), PREFIX), of=Setup.SETTINGS)
    details = [*(told(found) if len(found) > 1 else ()), *said.unknown]
    return refused.detailed(details) if details else refused


def _right(path: str, key: str, number: int, _: dict[str, Any]) -> Any:
    """Return what can stand at a key; None where nothing needs to."""
    return {
        "bus.name": f"0.{number}",
        "bus.port": f"/dev/null/{number}",
        "bus.meter.label": f"\N{REPLACEMENT CHARACTER}{number}",
        "bus.meter.address": _FREE - number,
        "bus.meter.logical_address": 1,
    }.get(path, "x" if key in PATHS and path != "broker.port" else _RIGHT.get(key))
