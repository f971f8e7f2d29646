# SPDX-License-Identifier: GPL-2.0-only
"""The settings file of a gateway, agent.toml.

In: a path. Out: `AgentSettings`, with relative paths anchored at the file's folder.
"""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge_agent.errors import ConfigurationError, Setup
from edge_agent.settings.gateway import AgentSettings

_PATHS = frozenset(
    {
        "spool",
        "models_dir",
        "key_file",
        "cloud_key_file",
        "password_file",
        "encryption_key_file",
        "authentication_key_file",
        "signing_key_file",
        "meter_public_key_file",
        "port",
        "ca",
        "cert",
        "key",
    }
)
"""Keys whose texts are paths: a relative one starts at the settings file's folder."""


def load_settings(path: Path) -> AgentSettings:
    """Read a gateway's settings from a TOML file.

    Raises:
        ConfigurationError: one line that names the file, the table, the field and what is wrong.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the settings: {error.strerror}: {path}", of=Setup.FILE
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"{path}: the settings must be UTF-8 text", of=Setup.SETTINGS
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: not TOML: {error}", of=Setup.SETTINGS) from None
    try:
        return AgentSettings.model_validate(
            _with_models(_anchored(document, path.absolute().parent))
        )
    except ValidationError as error:
        raise ConfigurationError(
            f"{path}: {_first_problem(error, document)}", of=Setup.SETTINGS
        ) from None


def _anchored(value: Any, folder: Path) -> Any:
    """Return the document with its relative paths made absolute."""
    if isinstance(value, dict):
        return {
            key: str(folder / item)
            if key in _PATHS and isinstance(item, str)
            else _anchored(item, folder)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_anchored(item, folder) for item in value]
    return value


def _with_models(document: Any) -> Any:
    """Return the document with each meter told where the gateway's own models are."""
    folder = document.get("models_dir")
    buses = document.get("bus")
    if folder is None or not isinstance(buses, list):
        return document
    for bus in buses:
        meters = bus.get("meter") if isinstance(bus, dict) else None
        for meter in meters if isinstance(meters, list) else ():
            if isinstance(meter, dict):
                meter.setdefault("models_dir", folder)
    return document


def _first_problem(error: ValidationError, document: dict[str, Any]) -> str:
    """Write the first problem as ``[[bus.meter]] A-1204, address: …``."""
    first = error.errors(include_url=False)[0]
    tables: list[str] = []
    names: list[str] = []
    here: Any = document
    field = ""
    repeated = False
    for part in first["loc"]:
        if isinstance(part, int):
            repeated = True
            here = here[part] if isinstance(here, list) and part < len(here) else None
            label = here.get("label", here.get("name")) if isinstance(here, dict) else None
            names = [str(label) if label else f"number {part + 1}"]
        else:
            if field:
                tables.append(field)
            field = {"buses": "bus", "meters": "meter"}.get(part, part)
            here = here.get(field) if isinstance(here, dict) else None
    if isinstance(here, dict):
        tables.append(field)
        field = ""
    table = ".".join(tables)
    shown = f"[[{table}]] " if repeated else f"[{table}] " if table else ""
    where = shown + ", ".join(filter(None, [*names, field]))
    message = {
        "missing": "is missing",
        "extra_forbidden": "no such field is known here",
    }.get(first["type"], first["msg"].removeprefix("Value error, "))
    return f"{where.strip()}: {message}" if where.strip() else message
