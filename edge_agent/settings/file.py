# SPDX-License-Identifier: GPL-2.0-only
"""The settings of a gateway: its file agent.toml, and the variables ``EDGE_AGENT_…``.

A variable wins over the file (`shared_schema.settings.environment`).

In: a path, the environment. Out: `AgentSettings`, whose relative paths are anchored at the
file's folder.
"""

import logging
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from edge_agent.errors import ConfigurationError, Setup
from edge_agent.settings.gateway import AgentSettings
from shared_schema.settings.environment import Overlaid, overlaid
from shared_schema.settings.toml_lines import parsed

PREFIX: Final = "EDGE_AGENT_"
CONFIG_VARIABLE: Final = "EDGE_AGENT_CONFIG"
_log = logging.getLogger(__name__)
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


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """The settings, and where each came from."""

    settings: AgentSettings
    said: Overlaid
    """What the file and the environment say."""
    text: str
    """What stands in the file."""


def load_settings(path: Path) -> AgentSettings:
    """Read a gateway's settings from a TOML file and the environment.

    A variable of ours that is no setting is told in the log.

    Raises:
        ConfigurationError: it cannot be read; or every mistake in it, each with its place.
    """
    found = read_settings(path, os.environ)
    for line in found.said.unknown:
        _log.warning("settings: %s", line)
    return found.settings


def read_settings(path: Path, environment: Mapping[str, str]) -> ReadSettings:
    """Read a gateway's settings from a TOML file and some variables.

    Raises:
        ConfigurationError: it cannot be read; or every mistake in it, each with its place.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
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
    return _parsed(text, path, environment)


def parse_settings(text: str, path: Path) -> AgentSettings:
    """Read a gateway's settings from the text of a TOML file alone.

    Args:
        text: the file's.
        path: where it is, or will be: relative paths in it begin at its folder.

    Raises:
        ConfigurationError: every mistake in it, each with its place.
    """
    return _parsed(text, path, {}).settings


def _parsed(text: str, path: Path, environment: Mapping[str, str]) -> ReadSettings:
    said = Overlaid({}, {}, ())
    try:
        said = overlaid(parsed(text), environment, PREFIX, AgentSettings, (CONFIG_VARIABLE,))
        document = prepared(said.document, path.absolute().parent)
        return ReadSettings(AgentSettings.model_validate(document), said, text)
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        from edge_agent.settings import mistakes  # noqa: PLC0415 - a sound file needs none

        raise mistakes.settings_refused(error, said, text, path) from None


def has_settings(path: Path) -> bool:
    """Tell whether a file sets anything: the package brings one of comments alone."""
    try:
        return bool(parsed(path.read_text(encoding="utf-8-sig")))
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True


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
    """Return the document with each meter told where the gateway's own models are.

    It is a copy already (`_anchored`).
    """
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
