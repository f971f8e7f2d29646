# SPDX-License-Identifier: GPL-2.0-only
"""The text of agent.toml, as commissioning writes it.

In: the gateway, a line, its meters. Out: TOML that `load_settings` reads back unchanged.
Never: a secret; only the names of the files that hold them.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edge_agent.settings.bus import MeterConfig


@dataclass(frozen=True, slots=True)
class Gateway:
    """The gateway and its broker: what agent.toml says besides the buses."""

    name: str
    spool: Path
    key_file: Path
    cloud_key_file: Path
    broker_host: str
    broker_port: int | None = None
    username: str | None = None
    broker_password_file: Path | None = None
    ca: Path | None = None
    cert: Path | None = None
    cert_key: Path | None = None
    models_dir: Path | None = None


def agent_toml(gateway: Gateway, bus: str) -> str:
    """Write a gateway's settings with one bus; see `bus_toml`."""
    head = _table(
        {
            "gateway": gateway.name,
            "spool": gateway.spool,
            "key_file": gateway.key_file,
            "cloud_key_file": gateway.cloud_key_file,
            "models_dir": gateway.models_dir,
        }
    )
    broker = _table(
        {
            "host": gateway.broker_host,
            "port": gateway.broker_port,
            "username": gateway.username,
            "password_file": gateway.broker_password_file,
        }
    )
    tls = _table({"ca": gateway.ca, "cert": gateway.cert, "key": gateway.cert_key})
    tls = tls and f"\n[broker.tls]\n{tls}"
    return f"# Written by edge-agent commission.\n{head}\n[broker]\n{broker}{tls}\n{bus}"


@dataclass(frozen=True, slots=True)
class SerialLine:
    """One serial line, as a ``[[bus]]`` of agent.toml has it."""

    bus: str
    port: str
    baudrate: int
    parity: str
    direction_control: str


def bus_toml(line: SerialLine, meters: Iterable[MeterConfig]) -> str:
    """Write a line with these meters."""
    control = line.direction_control
    text = "[[bus]]\n" + _table(
        {
            "name": line.bus,
            "port": line.port,
            "baudrate": line.baudrate,
            "parity": None if line.parity == "none" else line.parity,
            "direction_control": None if control == "adapter" else control,
        }
    )
    return text + "".join(f"\n[[bus.meter]]\n{_table(_meter(meter))}" for meter in meters)


def _meter(config: MeterConfig) -> dict[str, object]:
    logical = None if config.logical_address == 1 else config.logical_address
    return {
        "label": config.label,
        "address": config.address,
        "logical_address": logical,
        "address_bytes": config.address_bytes,
        "model": config.model,
        "deviation_sign": config.deviation_sign,
        "client": config.client,
        "security": config.security,
        "password_file": config.password_file,
        "encryption_key_file": config.encryption_key_file,
        "authentication_key_file": config.authentication_key_file,
        "security_suite": config.security_suite or None,
        "signing_key_file": config.signing_key_file,
        "meter_public_key_file": config.meter_public_key_file,
    }


def _table(fields: dict[str, object]) -> str:
    """Write the fields that are set, a line each."""
    return "".join(
        f"{name} = {value if isinstance(value, int) else _text(str(value))}\n"
        for name, value in fields.items()
        if value is not None
    )


def _text(value: str) -> str:
    """Write a TOML string: JSON's escapes are TOML's."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
