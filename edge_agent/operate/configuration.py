# SPDX-License-Identifier: GPL-2.0-only
"""The check of the settings alone: no port, no broker and no spool is touched.

What the file and the environment say; each file that they name: whether it is there, who may read
it, whether a key fits its certificate, and until when that is good. The doctor takes the same.

In: the settings file, the environment, the time. Out: a `Check` for each thing.
Never: a change; a secret; a connection.
"""

import contextlib
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from edge_agent.errors import ConfigurationError
from edge_agent.install.advice import for_error
from edge_agent.meters.credentials import unproven_security
from edge_agent.meters.model import load
from edge_agent.operate.readiness import examine_files, examine_meters
from edge_agent.publish.tls import tls_files
from edge_agent.settings.file import read_settings
from edge_agent.settings.gateway import AgentSettings
from shared_schema.tls import examine

Level = Literal["ok", "warn", "fail"]
_HERE: Final = frozenset(("localhost", "127.0.0.1", "::1"))
_NEW_CERTIFICATE: Final[dict[Level, str]] = {
    "ok": "",
    "warn": "have a new one issued: edge-agent request (docs/howto/enrol.md)",
    "fail": "have a new one issued: edge-agent request; look at the gateway's clock",
}


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check."""

    level: Level
    name: str
    said: str
    advice: str = ""


def examine_configuration(
    config: Path, environment: Mapping[str, str], now: datetime
) -> Iterator[Check]:
    """Look at the settings and at each file that they name.

    Args:
        config: the settings file.
        environment: its variables win over the file.
        now: this moment, aware.
    """
    settings = yield from check_settings(config, environment)
    if settings is not None:
        yield from check_files(settings)
        yield from check_certificates(settings, now)


def check_settings(
    config: Path, environment: Mapping[str, str]
) -> Generator[Check, None, AgentSettings | None]:
    """Look at what file and environment say, and return it; None: it cannot be used."""
    try:
        found = read_settings(config, environment)
    except ConfigurationError as error:
        yield from (Check("fail", "settings", each) for each in error.details)
        advice = error.next_step or "correct the file, or write it: edge-agent commission"
        yield Check("fail", "settings", str(error), advice)
        return None
    settings = found.settings
    meters = sum(len(bus.meters) for bus in settings.buses)
    counted = f"{_count(len(settings.buses), 'bus')}, {_count(meters, 'meter')}"
    yield Check("ok", "settings", f"{config}: {counted}")
    for line in found.said.unknown:
        yield Check("warn", "environment", line, "correct its name, or unset it")
    return settings


def check_files(settings: AgentSettings) -> Iterator[Check]:
    """Look at the keys of the gateway, what the broker asks for, and each meter's secrets."""
    yield from _files(settings)
    yield from _meters(settings)


def _count(number: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def _files(settings: AgentSettings) -> Iterator[Check]:
    for each in examine_files(settings):
        if each.error is None:
            yield Check("ok", each.name, "can be used")
        else:
            yield Check("fail", each.name, str(each.error), for_error(each.error))


def _meters(settings: AgentSettings) -> Iterator[Check]:
    refused = [
        Check("fail", each.name, str(each.error), for_error(each.error))
        for each in examine_meters(settings)
        if each.error is not None
    ]
    yield from refused
    yield from _unproven(settings)
    if not refused:
        yield Check("ok", "meters", "every meter has its model, and its password or keys")


def _unproven(settings: AgentSettings) -> Iterator[Check]:
    for bus in settings.buses:
        for meter in bus.meters:
            with contextlib.suppress(ConfigurationError):  # told by `_meters`
                doubt = unproven_security(meter, load(meter.model, meter.models_dir))
                if doubt:
                    what_next = "read it by hand and compare with its display: edge-agent read"
                    yield Check("warn", f"meter {meter.label}", f"unproven: {doubt}", what_next)


def check_certificates(settings: AgentSettings, now: datetime) -> Iterator[Check]:
    """Look at the certificates for the broker: their dates, and our name in our own."""
    tls = settings.broker.tls
    if tls is None and settings.broker.host in _HERE:
        yield Check("ok", "certificate", "the broker is on this machine: none is needed")
        return
    if tls is None:
        advice = "set [broker.tls] for a broker that is not on this machine"
        yield Check("warn", "certificate", "the agent speaks to the broker without TLS", advice)
        return
    for each in examine(tls_files(tls), settings.gateway, now):
        yield Check(each.level, each.name, each.said, _NEW_CERTIFICATE[each.level])
