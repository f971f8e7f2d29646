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
from edge_agent.toml_lines import parsed

PATHS = frozenset(
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
        ConfigurationError: it cannot be read; or every mistake in it, each with its place.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        raise ConfigurationError(
            f"cannot read the settings: {error.strerror}: {path}",
            of=Setup.NO_SETTINGS if missing else Setup.FILE,
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"{path}: the settings must be UTF-8 text", of=Setup.SETTINGS
        ) from None
    return parse_settings(text, path)


def parse_settings(text: str, path: Path) -> AgentSettings:
    """Read a gateway's settings from the text of a TOML file.

    Args:
        text: the file's.
        path: where it is, or will be: relative paths in it begin at its folder.

    Raises:
        ConfigurationError: every mistake in it, each with its place.
    """
    try:
        document = parsed(text)
        return AgentSettings.model_validate(prepared(document, path.absolute().parent))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        from edge_agent.settings import mistakes  # noqa: PLC0415 - a sound file needs none

        raise mistakes.settings_refused(error, text, path) from None


def prepared(document: dict[str, Any], folder: Path) -> Any:
    """Return a document as `AgentSettings` reads it.

    Its paths are absolute, and each meter has models_dir.
    """
    return _with_models(_anchored(document, folder))


def _anchored(value: Any, folder: Path) -> Any:
    """Return the document with its relative paths made absolute."""
    if isinstance(value, dict):
        return {
            key: str(folder / item)
            if key in PATHS and isinstance(item, str)
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
    if not isinstance(folder, str) or not isinstance(buses, list):
        return document
    for bus in buses:
        meters = bus.get("meter") if isinstance(bus, dict) else None
        for meter in meters if isinstance(meters, list) else ():
            if isinstance(meter, dict):
                meter.setdefault("models_dir", folder)
    return document
