# SPDX-License-Identifier: GPL-2.0-only
"""How a gateway stands, told from its spool: what was read, what waits, what the cloud has.

In: the settings and this moment. Out: a `Standing`.
Never: a write; a lock that would keep an agent from starting; a number that is not in the
spool. The spool is opened read-only, so it may be asked while the agent runs and after it died.
"""

import itertools
import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from edge_agent.clock.samples import samples_of
from edge_agent.clock_policy import drift_s_per_day
from edge_agent.errors import ConfigurationError
from edge_agent.meters.credentials import unproven
from edge_agent.meters.model import load
from edge_agent.settings import AgentSettings, BusConfig, MeterConfig
from edge_agent.spool.file import APPLICATION_ID
from edge_agent.spool.unsealed import waiting
from shared_schema.message import MeterId

RECENT_S: Final = 2 * 86400
"""How far back batches are looked through for the last reading of each meter."""
BEHIND_CYCLES: Final = 3
"""A meter without a reading for so many polls is behind."""
_LOCKS: Final = Path("/proc/locks")


@dataclass(frozen=True, slots=True)
class MeterStanding:
    """One meter of the settings."""

    label: str
    bus: str
    address: int
    meter: str | None
    """Maker and serial number; None: it never answered."""
    last_read: datetime | None
    """When the newest readings of it that are kept were read."""
    rows_until: datetime | None
    """Up to when the rows of its profiles are kept, of the one that is furthest behind."""
    behind: bool
    reason: str = ""
    """Why it was not read when it was last tried; empty where it was."""
    refused: bool = False
    """It refused its password or keys: it is not tried again until they are changed."""
    clock_offset_s: float | None = None
    """How far its clock was ahead in the last comparison that is kept: they are 6 h apart."""
    clock_drift_s_per_day: float | None = None
    clock_remark: str = ""
    """What is wrong with its clock, by the limits of the settings."""
    unproven: str = ""
    """What of its security no meter has proven."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One gateway."""

    gateway: str
    at: datetime
    running: bool | None
    """Whether an agent holds the spool; None: it cannot be told here."""
    spool: str
    stream: str | None
    """None: no agent ever ran with this spool."""
    waiting_live: int
    waiting_backlog: int
    last_receipt: datetime | None
    """The last one that covered something."""
    meters: tuple[MeterStanding, ...]

    def document(self) -> dict[str, Any]:
        """Return it for JSON."""
        found = asdict(self)
        found["meters"] = [_texts(each) for each in found["meters"]]
        return _texts(found)


def _texts(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
        for name, value in fields.items()
    }


def standing(settings: AgentSettings, now: datetime) -> Standing:
    """Read how a gateway stands.

    Args:
        settings: the gateway's; they name the spool and the meters.
        now: this moment, aware.

    Raises:
        ConfigurationError: the spool cannot be read, or is no spool.
    """
    path = settings.spool
    meters = [(bus, meter) for bus in settings.buses for meter in bus.meters]
    if not path.exists():
        silent = tuple(
            MeterStanding(
                meter.label,
                bus.name,
                meter.address,
                meter=None,
                last_read=None,
                rows_until=None,
                behind=True,
                unproven=_unproven(meter),
            )
            for bus, meter in meters
        )
        return Standing(settings.gateway, now, is_held(path), str(path), None, 0, 0, None, silent)
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            return _read(database, settings, meters, now)
    except sqlite3.Error as error:
        raise ConfigurationError(
            f"cannot read the spool {path}: {error}; run it as the agent's user or as root"
        ) from None


def _read(
    database: sqlite3.Connection,
    settings: AgentSettings,
    meters: list[tuple[BusConfig, MeterConfig]],
    now: datetime,
) -> Standing:
    database.execute("BEGIN")  # one moment for all of it
    if database.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise ConfigurationError(f"{settings.spool} is no spool of edge-agent")
    stream, store_at = database.execute("SELECT stream, store_at FROM spool").fetchone()
    live, backlog = waiting(database)
    known = {
        (bus, address, logical): (maker, serial)
        for bus, address, logical, maker, serial in database.execute(
            "SELECT bus, address, logical_address, manufacturer, serial FROM known_meter"
        )
    }
    meters_known = len(set(known.values()))
    marks = {
        (maker, serial): ts
        for maker, serial, ts in database.execute(
            "SELECT manufacturer, serial, min(ts) FROM watermark GROUP BY manufacturer, serial"
        )
    }
    refused = set(database.execute("SELECT bus, logical_address, address FROM refusal"))
    reasons = {
        (bus, logical, address): text
        for bus, logical, address, text in database.execute(
            "SELECT bus, logical_address, address, text FROM reason"
        )
    }
    last = _last_read(database, now, meters_known)
    longest_s = BEHIND_CYCLES * settings.poll_period_s
    found = []
    for bus, meter in meters:
        who = known.get((bus.name, meter.address, meter.logical_address))
        read_at = last.get(who) if who else None
        until = marks.get(who) if who else None
        place = (bus.name, meter.logical_address, meter.address)
        samples = samples_of(database, MeterId(manufacturer=who[0], serial=who[1])) if who else []
        offset_s = samples[-1].offset_s if samples else None
        drift = drift_s_per_day(samples)
        found.append(
            MeterStanding(
                label=meter.label,
                bus=bus.name,
                address=meter.address,
                meter=" ".join(who) if who else None,
                last_read=read_at,
                rows_until=None if until is None else datetime.fromtimestamp(until, UTC),
                behind=read_at is None or (now - read_at).total_seconds() > longest_s,
                reason=reasons.get(place, ""),
                refused=place in refused,
                clock_offset_s=offset_s,
                clock_drift_s_per_day=drift,
                clock_remark="" if offset_s is None else settings.clocks.remark(offset_s, drift),
                unproven=_unproven(meter),
            )
        )
    return Standing(
        gateway=settings.gateway,
        at=now,
        running=is_held(settings.spool),
        spool=str(settings.spool),
        stream=stream,
        waiting_live=live,
        waiting_backlog=backlog,
        last_receipt=datetime.fromisoformat(store_at) if store_at else None,
        meters=tuple(found),
    )


def _unproven(meter: MeterConfig) -> str:
    try:
        return unproven(meter, load(meter.model, meter.models_dir))
    except ConfigurationError:  # `doctor` tells what is wrong
        return ""


def _last_read(
    database: sqlite3.Connection, now: datetime, enough: int
) -> dict[tuple[str, str], datetime]:
    """Return when each meter was read last, by what is gathered and the batches of two days.

    Args:
        database: the spool.
        now: this moment.
        enough: how many meters are known; when all are found, no older batch is read.
    """
    found: dict[tuple[str, str], datetime] = {}
    newest_first = itertools.chain(
        database.execute("SELECT at, line FROM gathered ORDER BY place DESC"),
        database.execute(
            "SELECT created_at, payload FROM batch WHERE created_at >= ? ORDER BY created_at DESC",
            (int(now.timestamp()) - RECENT_S,),
        ),
    )
    for at, text in newest_first:
        if len(found) >= enough:
            break
        for line in text.split(b"\n"):
            meter = json.loads(line).get("meter") if b'"meter"' in line else None
            if isinstance(meter, dict):
                who = (str(meter.get("manufacturer")), str(meter.get("serial")))
                found.setdefault(who, datetime.fromtimestamp(at, UTC))
    return found


def is_held(spool: Path, locks: Path = _LOCKS) -> bool | None:
    """Tell whether an agent holds the spool, without touching its lock."""
    try:
        inode = spool.with_name(spool.name + ".lock").stat().st_ino
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        held = locks.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
    return any(line.split()[-3].rpartition(":")[2] == str(inode) for line in held.splitlines())
