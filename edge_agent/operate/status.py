# SPDX-License-Identifier: GPL-2.0-only
"""The status of a gateway, from its spool: what was read, what waits, what the cloud has.

The spool is opened read-only, so the status can be read while the agent runs and after it died.

In: the settings and this moment. Out: a `GatewayStatus`.
Never: a write; a lock that would keep an agent from starting; a number that is not in the
spool.
"""

import itertools
import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from edge_agent.clock.samples import samples_of
from edge_agent.clock_policy import Sample, drift_s_per_day
from edge_agent.errors import ConfigurationError, Setup
from edge_agent.gateway_clock import Believed, Stand
from edge_agent.meters.credentials import unproven_security
from edge_agent.meters.model import load
from edge_agent.publish.tls import tls_files
from edge_agent.settings.bus import BusConfig, MeterConfig
from edge_agent.settings.gateway import AgentSettings
from edge_agent.spool.own_clock import believed
from edge_agent.spool.schema import APPLICATION_ID
from edge_agent.spool.stream import forked_at
from edge_agent.spool.unsealed import waiting
from shared_schema.catalogue import BILLING_PROFILE, DAILY_LOAD_PROFILE, EVENT_PROFILES
from shared_schema.message import MeterId
from shared_schema.tls import examine

RECENT_S: Final = 2 * 86400
"""Batches of this age and younger are searched for the last reading of each meter."""
BEHIND_CYCLES: Final = 3
"""A meter is behind after this many polls without a reading."""
_RARE: Final = tuple(map(str, (DAILY_LOAD_PROFILE, BILLING_PROFILE, *EVENT_PROFILES)))
"""Profiles whose newest row is a day, a month or an event old where nothing is wrong."""
_LOCKS: Final = Path("/proc/locks")


@dataclass(frozen=True, slots=True)
class MeterStatus:
    """What the spool says of one meter of the settings."""

    label: str
    bus: str
    address: int
    meter: str | None
    """Maker and serial number; None: it never answered."""
    last_read: datetime | None
    """When its newest readings in the spool were read."""
    rows_until: datetime | None
    """Up to when the rows of its load profiles are in the spool, by the one furthest behind."""
    behind: bool
    reason: str = ""
    """Why the last try to read it failed; empty after a success."""
    refused: bool = False
    """It refused its password or keys: the agent does not try again until they change."""
    clock_offset_s: float | None = None
    """How far its clock was ahead in the last stored comparison; they are 6 h apart."""
    clock_drift_s_per_day: float | None = None
    clock_remark: str = ""
    """What is wrong with its clock, by the limits of the settings."""
    unproven: str = ""
    """The part of its security that no meter has proven."""


@dataclass(frozen=True, slots=True)
class GatewayStatus:
    """What the spool says of a gateway and its meters."""

    gateway: str
    zone: str
    """The society's time zone: times are shown in it."""
    at: datetime
    running: bool | None
    """Whether an agent holds the spool; None: this machine does not show it."""
    spool: str
    stream: str | None
    """None: no agent ever ran with this spool."""
    waiting_live: int
    waiting_backlog: int
    last_receipt: datetime | None
    """The last one that covered something."""
    meters: tuple[MeterStatus, ...]
    forked_at: datetime | None = None
    """When it was last found that another gateway uses its key and a copy of its spool, or that the
    spool is an older copy of itself."""
    synchronised: bool = True
    """Whether the gateway's time may stamp readings; without that no meter is read."""
    certificate_remark: str = ""
    """What is wrong with the certificates for the broker: one ends soon, or has ended."""
    clock_jump_s: float | None = None
    """How far its clock is from where it was believed last, or behind its newest reading."""

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


def gateway_status(
    settings: AgentSettings,
    now: datetime,
    *,
    synchronised: bool = True,
    stand: Stand | None = None,
) -> GatewayStatus:
    """Read the status of a gateway.

    Args:
        settings: the gateway's; they name the spool and the meters.
        now: this moment, aware.
        synchronised: whether the gateway's time may stamp readings.
        stand: how its clock stands, where no time service keeps it: it may have jumped.

    Raises:
        ConfigurationError: the spool cannot be read, or is no spool.
    """
    facts = _spool_facts(settings, now)
    jump_s = 0.0 if stand is None else facts.believed.jump_s(stand, now.timestamp())
    return GatewayStatus(
        gateway=settings.gateway,
        zone=settings.zone,
        at=now,
        running=is_held(settings.spool),
        spool=str(settings.spool),
        stream=facts.stream,
        waiting_live=facts.waiting_live,
        waiting_backlog=facts.waiting_backlog,
        last_receipt=facts.last_receipt,
        forked_at=facts.forked_at,
        meters=tuple(
            _meter_status(settings, bus, meter, facts, now)
            for bus in settings.buses
            for meter in bus.meters
        ),
        synchronised=synchronised and not jump_s,
        clock_jump_s=round(jump_s, 1) or None,
        certificate_remark=_certificate_remark(settings, now),
    )


def _certificate_remark(settings: AgentSettings, now: datetime) -> str:
    if settings.broker.tls is None:
        return ""
    found = examine(tls_files(settings.broker.tls), settings.gateway, now)
    return ", ".join(each.said for each in found if each.level != "ok")


_Place = tuple[str, int, int]
"""Bus, logical address, physical address."""


@dataclass(frozen=True, slots=True)
class _SpoolFacts:
    """What the spool holds at one moment; without a spool, nothing."""

    stream: str | None = None
    waiting_live: int = 0
    waiting_backlog: int = 0
    last_receipt: datetime | None = None
    forked_at: datetime | None = None
    known: dict[_Place, MeterId] = field(default_factory=dict)
    rows_until: dict[MeterId, datetime] = field(default_factory=dict)
    last_read: dict[MeterId, datetime] = field(default_factory=dict)
    samples: dict[MeterId, list[Sample]] = field(default_factory=dict)
    """Comparisons of clocks, ascending."""
    refused: frozenset[_Place] = frozenset()
    reasons: dict[_Place, str] = field(default_factory=dict)
    believed: Believed = field(default_factory=Believed)
    """The gateway's own clock."""


def _meter_status(
    settings: AgentSettings, bus: BusConfig, meter: MeterConfig, facts: _SpoolFacts, now: datetime
) -> MeterStatus:
    place = (bus.name, meter.logical_address, meter.address)
    who = facts.known.get(place)
    read_at = facts.last_read.get(who) if who else None
    samples = facts.samples.get(who, []) if who else []
    offset_s = samples[-1].offset_s if samples else None
    drift = drift_s_per_day(samples)
    longest = timedelta(seconds=BEHIND_CYCLES * settings.poll_period_s)
    return MeterStatus(
        label=meter.label,
        bus=bus.name,
        address=meter.address,
        meter=str(who) if who else None,
        last_read=read_at,
        rows_until=facts.rows_until.get(who) if who else None,
        behind=read_at is None or now - read_at > longest,
        reason=facts.reasons.get(place, ""),
        refused=place in facts.refused,
        clock_offset_s=offset_s,
        clock_drift_s_per_day=drift,
        clock_remark="" if offset_s is None else settings.clocks.remark(offset_s, drift),
        unproven=_unproven(meter),
    )


def _unproven(meter: MeterConfig) -> str:
    try:
        return unproven_security(meter, load(meter.model, meter.models_dir))
    except ConfigurationError:  # `doctor` tells what is wrong
        return ""


def _spool_facts(settings: AgentSettings, now: datetime) -> _SpoolFacts:
    path = settings.spool
    if not path.exists():
        return _SpoolFacts()
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            return _read(database, path, now)
    except sqlite3.Error as error:
        raise ConfigurationError(
            f"cannot read the spool {path}: {error}; run it as the agent's user or as root",
            of=Setup.SPOOL,
        ) from None


def _read(database: sqlite3.Connection, path: Path, now: datetime) -> _SpoolFacts:
    database.execute("BEGIN")  # one moment for all of it
    if database.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise ConfigurationError(f"{path} is no spool of edge-agent", of=Setup.SPOOL)
    spool = database.execute("SELECT stream, store_at FROM spool").fetchone()
    live, backlog = waiting(database)
    known = {_place(row): _identity(row) for row in database.execute("SELECT * FROM known_meter")}
    meters = set(known.values())
    marks = database.execute(
        "SELECT manufacturer, serial, min(ts) AS ts FROM watermark"
        " WHERE profile NOT IN (SELECT value FROM json_each(?)) GROUP BY manufacturer, serial",
        (json.dumps(_RARE),),
    )
    return _SpoolFacts(
        stream=spool["stream"],
        waiting_live=live,
        waiting_backlog=backlog,
        last_receipt=datetime.fromisoformat(spool["store_at"]) if spool["store_at"] else None,
        forked_at=forked_at(database),
        known=known,
        rows_until={_identity(row): datetime.fromtimestamp(row["ts"], UTC) for row in marks},
        last_read=_last_read(database, now, len(meters)),
        samples={meter: samples_of(database, meter) for meter in meters},
        refused=frozenset(_place(row) for row in database.execute("SELECT * FROM refusal")),
        reasons={_place(row): row["text"] for row in database.execute("SELECT * FROM reason")},
        believed=believed(database),
    )


def _place(row: sqlite3.Row) -> _Place:
    return row["bus"], row["logical_address"], row["address"]


def _identity(row: sqlite3.Row) -> MeterId:
    return MeterId(manufacturer=row["manufacturer"], serial=row["serial"])


def _last_read(database: sqlite3.Connection, now: datetime, enough: int) -> dict[MeterId, datetime]:
    """Return when each meter was read last, from unsealed readings and the batches of two days.

    Args:
        database: the spool.
        now: this moment.
        enough: how many meters are known; when all are found, no older batch is read.
    """
    found: dict[MeterId, datetime] = {}
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
                found.setdefault(MeterId.model_validate(meter), datetime.fromtimestamp(at, UTC))
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
