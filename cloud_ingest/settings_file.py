# SPDX-License-Identifier: MIT
"""Reading the settings of the cloud side: options, the environment, cloud.toml.

The command line reads them once. A setting comes from an option of the command, else from the
environment (``IOT_UTILITY_…``, `shared_schema.settings.environment`), else from a TOML file.

In: options, the environment, a file. Out: `CloudSettings`, or every mistake at once.
Never: a secret in a message or a log.
"""

import logging
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from cloud_ingest.errors import ConfigurationError, SettingsRefused
from cloud_ingest.settings import CloudSettings
from shared_schema.settings.environment import Overlaid, overlaid
from shared_schema.settings.mending import Mender, all_mistakes
from shared_schema.settings.mistakes import headline, not_toml, told
from shared_schema.settings.toml_lines import parsed

PREFIX: Final = "IOT_UTILITY_"
CONFIG_VARIABLE: Final = "IOT_UTILITY_CONFIG"
OTHER_VARIABLES: Final = (
    CONFIG_VARIABLE,
    "IOT_UTILITY_SOCIETY",
    "IOT_UTILITY_RULES_EVERY_S",
    "IOT_UTILITY_TEST_*",
    "IOT_UTILITY_BENCH_*",
    "IOT_UTILITY_YEAR_*",
    "IOT_UTILITY_ALERTS",
    "IOT_UTILITY_CONTAINERS",
    "IOT_UTILITY_DEEPER",
    "IOT_UTILITY_REGISTERS",
)
"""Variables of commands and of the lanes of tests in a checkout: they are no settings."""
_ITEMS: Final = {
    "webhook": ("url", "secret_file"),
    "mail": ("host", "sender"),
    "mail_to": ("address", "secret_file", "societies"),
    "broker_login": ("name", "role"),
    "society": ("name",),
    "oidc": ("issuer", "client_id", "client_secret_file", "name"),
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """The settings, and where each came from."""

    settings: CloudSettings
    said: Overlaid
    """What file, environment and options say."""
    options: frozenset[str]
    """Which of them an option said."""
    file: Path | None
    text: str
    """What stands in the file."""


def load_settings(config: Path | None = None, **options: object) -> CloudSettings:
    """Read the settings; an option that is None was not given.

    A variable of ours that is no setting is told in the log.

    Args:
        config: A TOML file with the fields of `CloudSettings`; without it the file that
            ``IOT_UTILITY_CONFIG`` names, if any.
        options: What the command line says: it wins over environment and file.

    Raises:
        ConfigurationError: the file cannot be read, or values cannot be right.
    """
    found = read_settings(config, os.environ, options)
    for line in found.said.unknown:
        _log.warning("settings: %s", line)
    return found.settings


def read_settings(
    config: Path | None, environment: Mapping[str, str], options: Mapping[str, object]
) -> ReadSettings:
    """Read the settings from a file, some variables and some options.

    Raises:
        ConfigurationError: the file cannot be read.
        SettingsRefused: values cannot be right; each mistake is a line of it.
    """
    if config is None and (named := environment.get(CONFIG_VARIABLE)):
        config = Path(named)
    text = "" if config is None else _text(config)
    try:
        document = parsed(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{config}: {not_toml(error, text)}") from None
    said = overlaid(document, environment, PREFIX, CloudSettings, OTHER_VARIABLES)
    given = {name: value for name, value in options.items() if value is not None}
    said.document.update(given)
    said = Overlaid(
        said.document,
        {place: name for place, name in said.variables.items() if place[0] not in given},
        said.unknown,
    )
    try:
        settings = CloudSettings.model_validate(said.document)
    except ValidationError as error:
        found = all_mistakes(
            error,
            said.document,
            text,
            CloudSettings,
            variables=said.variables,
            mender=Mender(_ITEMS, _right),
        )
        name = "" if config is None else str(config)
        lines = tuple(told(found)) if len(found) > 1 else ()
        raise SettingsRefused(headline(found, name, PREFIX), lines) from None
    return ReadSettings(settings, said, frozenset(given), config, text)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"cannot read the settings: {error.strerror}: {path}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: the settings must be UTF-8 text") from None


def _right(path: str, key: str, number: int, table: dict[str, Any]) -> Any:
    """Return what can stand at a key; None where nothing needs to."""
    if key.endswith("_file"):
        return "x"
    return {
        "broker_tls": True,
        "webhook.url": f"https://{number}.example",
        "broker_login.name": f"login-{number}",
        "public_url": "https://meters.example",
        "oidc.issuer": "https://login.example",
        "oidc.client_id": "metering",
        "oidc.name": "Login",
        "mail": {"host": "mail.example", "sender": "a@mail.example"},
        "mail.host": "mail.example",
        "mail.sender": "a@mail.example",
        "mail_to.address": f"{number}@mail.example",
        "mail_to.societies": ["Lake View"],
        "society.name": f"Society {number}",
        "broker_login.role": "billing" if table.get("societies") else "ingest",
    }.get(path)
