# SPDX-License-Identifier: GPL-2.0-only
"""The secrets of a gateway: what its settings name, and the passwords of the machine's Wi-Fi.

In: the settings. Out: the secrets as bytes, for `shared_schema.masking`, and what was not read.
Never: a secret in an error, a log or a `repr`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_agent.settings.bus import MeterConfig, SetterConfig
from edge_agent.settings.gateway import AgentSettings
from shared_schema.masking import named_secrets

_SECRET_FILES: Final = (
    "password_file",
    "encryption_key_file",
    "authentication_key_file",
    "signing_key_file",
)
_NETWORK: Final = (
    "/etc/netplan/*.yaml",
    "/etc/NetworkManager/system-connections/*",
    "/etc/wpa_supplicant/*.conf",
)
"""Where Debian and Raspberry Pi OS keep the Wi-Fi's password."""


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """The secrets of a gateway, and the files of them that could not be read."""

    values: tuple[bytes, ...]
    unread: tuple[Path, ...] = ()


def secrets_of(settings: AgentSettings, network: Iterable[str] = _NETWORK) -> Secrets:
    """Read every secret that the settings name, and the passwords of the machine's Wi-Fi."""
    values: list[bytes] = []
    unread: list[Path] = []
    for path in _secret_paths(settings):
        try:
            values.append(path.read_bytes())
        except OSError as error:
            is_optional = path == settings.next_key_file and isinstance(error, FileNotFoundError)
            unread += [] if is_optional else [path]
    return Secrets((*values, *_network_passwords(network)), tuple(unread))


def _secret_paths(settings: AgentSettings) -> Iterator[Path]:
    yield from (settings.key_file, settings.next_key_file)
    if settings.broker.password_file is not None:
        yield settings.broker.password_file
    if settings.broker.tls is not None and settings.broker.tls.key is not None:
        yield settings.broker.tls.key
    for bus in settings.buses:
        for meter in bus.meters:
            yield from _meter_paths(meter)
            if meter.setter is not None:
                yield from _meter_paths(meter.setter)


def _meter_paths(meter: MeterConfig | SetterConfig) -> Iterator[Path]:
    for name in _SECRET_FILES:
        path = getattr(meter, name)
        if path is not None:
            yield path


def _network_passwords(patterns: Iterable[str]) -> Iterator[bytes]:
    """Yield what the machine's network files name as passwords; its agent may not read them."""
    for pattern in patterns:
        for path in Path("/").glob(pattern.removeprefix("/")):
            try:
                text = path.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            yield from named_secrets(text)
