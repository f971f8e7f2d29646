# SPDX-License-Identifier: GPL-2.0-only
"""The diagnosis: what somebody elsewhere needs to help, in one document without a secret.

The log goes along only where every secret of the settings could be read and so be masked. Meters
stand there by label and serial number, as on the commissioning sheet; readings do not.

In: the settings, this moment; the log's lines. Out: a document for JSON.
Never: a secret; a reading; a change; a wait for the broker.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from edge_agent import gateway_clock
from edge_agent.errors import ConfigurationError
from edge_agent.operate import surroundings
from edge_agent.operate.doctor import examine_settings
from edge_agent.operate.secrets import secrets_of
from edge_agent.operate.spool_facts import spool_facts
from edge_agent.operate.status import gateway_status
from edge_agent.settings.gateway import AgentSettings
from shared_schema.diagnosis import MOST_PACKED, packed
from shared_schema.masking import MASK, Mask

LONGEST_LINE: Final = 2000
LOG_LINES: Final = 2000
SENT_LINES: Final = 400
"""Of the log, with an answer to the cloud."""
FORMAT: Final = "edge-agent diagnosis 1"


@dataclass(frozen=True, slots=True)
class Asked:
    """What goes into a diagnosis beside the settings."""

    now: datetime
    log: Sequence[str] = ()
    running: Mapping[str, Any] = field(default_factory=dict)
    """What the agent that runs knows by itself: polls, bytes on the lines."""


def diagnose(settings: AgentSettings, asked: Asked) -> dict[str, Any]:
    """Return the diagnosis of a gateway. A part that fails says why in its own place."""
    secrets = secrets_of(settings)
    mask = Mask(secrets.values)
    parts: dict[str, Callable[[], Any]] = {
        "versions": surroundings.versions,
        "settings": lambda: _shown(settings),
        "doctor": lambda: [asdict(each) for each in examine_settings(settings, asked.now)],
        "status": lambda: _status(settings, asked.now),
        "spool": lambda: _spool(settings),
        "running": lambda: dict(asked.running),
        "clock": surroundings.clock,
        "disks": lambda: surroundings.disks(settings.spool),
        "memory": surroundings.memory,
        "ports": surroundings.ports,
        "service": surroundings.service,
    }
    found = {name: _tried(part) for name, part in parts.items()}
    log = mask.lines(asked.log[-LOG_LINES:], LONGEST_LINE)
    if secrets.unread:
        log = [
            f"left out: {path} cannot be read, so that it cannot be masked: run this as root"
            for path in secrets.unread
        ]
    heading = {
        "format": FORMAT,
        "gateway": settings.gateway,
        "at": asked.now.astimezone(UTC).isoformat(timespec="seconds"),
    }
    return {**heading, **mask.document(found), "log": log}


def unusable(error: ConfigurationError, now: datetime) -> dict[str, Any]:
    """Return what can be told where the settings cannot be used: no secret is known to be masked.

    Args:
        error: why they cannot; its text may hold a piece of the file, and is left out.
        now: this moment, aware.
    """
    return {
        "format": FORMAT,
        "gateway": None,
        "at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "settings": f"cannot be used ({error.of.name}): edge-agent doctor says why, on the gateway",
        "versions": surroundings.versions(),
        "clock": surroundings.clock(),
        "disks": surroundings.disks(Path("/var/lib/edge-agent/spool.db")),
        "memory": surroundings.memory(),
        "ports": surroundings.ports(),
        "service": surroundings.service(),
    }


def to_send(document: Mapping[str, Any]) -> str:
    """Pack a diagnosis for an answer: where it is too large, the older half of the log goes.

    Raises:
        ValueError: it is too large without a log.
    """
    log = list(document.get("log", ()))[-SENT_LINES:]
    while True:
        text = packed({**document, "log": log})
        if len(text) <= MOST_PACKED:
            return text
        if not log:
            raise ValueError(f"a diagnosis of {len(text)} characters is too large to be sent")
        log = log[-(len(log) // 2) :] if len(log) > 1 else []


def _tried(part: Callable[[], Any]) -> Any:
    try:
        return part()
    except Exception as error:
        return f"cannot be told: {type(error).__name__}: {error}"


def _shown(settings: AgentSettings) -> Any:
    """Return the settings, where files of secrets lie being masked."""
    return _without_places(settings.model_dump(mode="json", by_alias=True))


def _without_places(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: MASK if each is not None and _is_place(key) else _without_places(each)
            for key, each in value.items()
        }
    return [_without_places(each) for each in value] if isinstance(value, list) else value


def _is_place(key: str) -> bool:
    return key == "key" or key.endswith(("key_file", "password_file"))


def _status(settings: AgentSettings, now: datetime) -> Any:
    return gateway_status(
        settings,
        now,
        synchronised=gateway_clock.is_synchronised(
            assume_synchronised=settings.assume_synchronised_clock
        ),
        stand=gateway_clock.unkept_stand(),
    ).document()


def _spool(settings: AgentSettings) -> Any:
    facts = spool_facts(settings.spool)
    return None if facts is None else asdict(facts)


def readings(spool: Path, most_bytes: int) -> Iterator[bytes]:
    """Yield the newest batches of a spool, as they are sent, up to so many bytes."""
    left = most_bytes
    with closing(sqlite3.connect(f"{spool.absolute().as_uri()}?mode=ro", uri=True)) as database:
        for (payload,) in database.execute("SELECT payload FROM batch ORDER BY seq DESC"):
            left -= len(payload)
            if left < 0:
                return
            yield payload


def as_text(document: Mapping[str, Any]) -> str:
    """Write a diagnosis for a file, which a person may read before it is mailed."""
    return json.dumps(document, ensure_ascii=False, indent=1, default=str) + "\n"
