# SPDX-License-Identifier: MIT
"""What the commands around the running ingest do: serve, keys, enrolment, quarantine, flags.

In: options as a person gave them. Out: lines for that person. The command line itself, with
its help, is `cloud_ingest.cli`; every error leaves from here as one of ours.
"""

import asyncio
import json
import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cloud_ingest import logs
from cloud_ingest.errors import (
    BrokerLost,
    ConfigurationError,
    StoreError,
    StoreUnavailable,
    UserError,
)
from cloud_ingest.loops import ServiceSettings
from cloud_ingest.service import Service
from cloud_ingest.settings import CloudSettings
from cloud_ingest.store import quarantine
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import StoredEvent, list_events
from cloud_ingest.store.meter_events import StoredMeterEvent, list_meter_events
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.quarantine import Entry, QuarantineState, Replay
from cloud_ingest.store.registry import find_society, load_registry
from cloud_ingest.subscribe import MEMBER_EXPIRY_S, Broker
from shared_schema.catalogue import event_name
from shared_schema.errors import ContractError
from shared_schema.signing import (
    SigningKey,
    fingerprint,
    generate_key,
    private_key_from_pem,
    private_key_to_pem,
    public_key_to_pem,
)

Say = Callable[[str], None]
MOST_LISTED = 1000
EVERYTHING = 2**31


def parse_broker(text: str) -> tuple[str, int]:
    """Take ``HOST:PORT`` apart; without a port it is 1883.

    Raises:
        ConfigurationError: it is neither.
    """
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = text, "1883"
    host = host.removeprefix("[").removesuffix("]")
    if (
        not host
        or not port.isdigit()
        or not 0 < int(port) < 65536
        or (":" in host and not text.startswith("["))
    ):
        raise ConfigurationError(f"--broker wants HOST:PORT such as localhost:1883, not {text!r}")
    return host, int(port)


def service_settings(
    settings: CloudSettings,
    dsn: str,
    *,
    client_id: str,
    rules_every_s: float,
    group: str | None = None,
) -> ServiceSettings:
    """Gather what the service needs, with its secrets read from their files.

    Raises:
        ConfigurationError: a file is missing, is not its owner's alone, or holds no key.
    """
    if settings.cloud_key_file is None:
        raise ConfigurationError(
            "no key signs the receipts: make one with cloud-ingest keygen cloud.pem, "
            "then give --key cloud.pem"
        )
    broker = broker_of(settings, client_id)
    if group is not None:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", group):
            raise ConfigurationError(f"--group wants letters, digits, '_' and '-', not {group!r}")
        broker = replace(broker, group=group, session_expiry_s=MEMBER_EXPIRY_S)
    return ServiceSettings(
        dsn=dsn,
        broker=broker,
        key=read_key(settings.cloud_key_file),
        zone=settings.zone,
        rules_every_s=rules_every_s,
    )


def broker_of(settings: CloudSettings, client_id: str) -> Broker:
    """Gather what a link to the broker needs, with the password read from its file.

    Raises:
        ConfigurationError: the file cannot be read, or is not its owner's alone.
    """
    password: str | None = None
    if settings.broker_password_file is not None:
        path = settings.broker_password_file
        password = _read_secret(path, "the broker's password").decode().rstrip("\r\n")
    return Broker(
        settings.broker_host,
        settings.broker_port,
        username=settings.broker_username,
        password=password,
        client_id=client_id,
        tls=settings.broker_tls,
        tls_ca=settings.broker_ca_file,
    )


def serve(settings: ServiceSettings, *, check: bool, verbose: bool, say: Say) -> None:
    """Run the ingest, or only see whether it could.

    Raises:
        IngestError: at the start a server cannot be reached, or refuses.
    """
    logs.set_up(verbose=verbose)

    async def run() -> None:
        service = Service(settings)
        if check:
            store = await service.check()
            say(
                f"The store {store.store_id} ({store.zone.key}) and the broker at "
                f"{settings.broker} are ready; receipts are signed by "
                f"{fingerprint(settings.key.public_key())}."
            )
        else:
            await service.run()

    try:
        asyncio.run(run())
    except BrokerLost as error:
        raise ConfigurationError(f"{error}; start the broker, or give --broker HOST:PORT") from None
    except StoreUnavailable as error:
        raise ConfigurationError(str(error)) from None


def read_key(path: Path) -> SigningKey:
    """Read the cloud's private key.

    Raises:
        ConfigurationError: it cannot be read, others than its owner may read it, or it is no
            such key.
    """
    pem = _read_secret(path, "the key")
    try:
        return private_key_from_pem(pem)
    except ContractError as error:
        raise ConfigurationError(
            f"{path}: {error}: make one with cloud-ingest keygen {path}"
        ) from None


def _read_secret(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise ConfigurationError(f"others may read {what}: run chmod 600 {path}")
            return file.read(65536)
    except OSError as error:
        raise ConfigurationError(f"cannot read {what}: {error.strerror}: {path}") from None


def keygen(path: Path, say: Say) -> None:
    """Make the cloud's key pair: ``path`` for us, ``path``.pub for the gateways.

    Raises:
        ConfigurationError: the file is there already, or cannot be written.
    """
    key = generate_key()
    if path.name in {"", ".."}:
        raise ConfigurationError(f"{str(path)!r} is a folder: name the file of the key in it")
    public = path.with_name(f"{path.name}.pub")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(private_key_to_pem(key))
        public.write_bytes(public_key_to_pem(key.public_key()))
    except FileExistsError:
        raise ConfigurationError(
            f"{path} is there already: gateways trust it; choose another name for a new key"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from None
    say(f"Private key: {path} (keep it)")
    say(f"Public key:  {public} (each gateway needs it)")
    say(f"Fingerprint: {fingerprint(key.public_key())} (for the commissioning sheet)")


def read_public_key(path: Path) -> bytes:
    """Read a gateway's public key file.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot read the key: {error.strerror}: {path}") from None


def list_quarantine(
    conn: Connection,
    *,
    state: QuarantineState | None,
    reason: str | None,
    society: str | None,
    as_json: bool,
    say: Say,
) -> None:
    """Show what is kept apart; as a table the newest `MOST_LISTED` of it.

    Raises:
        NotFound: no such society.
    """
    if society is not None:
        find_society(conn, society)
    limit = EVERYTHING if as_json else MOST_LISTED + 1
    entries = quarantine.list_entries(
        conn, state=state, reason=reason, society=society, limit=limit
    )
    if as_json:
        say(_json([asdict(entry) for entry in entries]))
        return
    if not entries:
        say("Nothing is kept apart.")
        return
    shown = entries[:MOST_LISTED]
    say(_table(["id", "reason", "gateway", "times", "last", "detail"], map(_entry_row, shown)))
    if len(entries) > len(shown):
        say(
            f"These are the newest {MOST_LISTED}, there are more: "
            "narrow it with --reason or --society, or take --json for all"
        )


def show_quarantine(conn: Connection, quarantine_id: int, *, as_json: bool, say: Say) -> None:
    """Show an entry and its bytes.

    Raises:
        NotFound: there is no such entry.
    """
    entry, payload = quarantine.show(conn, quarantine_id)
    text = None if payload is None else payload.decode("utf-8", "backslashreplace")
    if as_json:
        say(_json({**asdict(entry), "payload": text}))
        return
    for name, value in asdict(entry).items():
        if value not in {None, ()}:
            say(f"{name:14} {value}")
    say("")
    say(
        "".join(
            c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text or ""
        )
    )


def replay_quarantine(
    conn: Connection, quarantine_ids: Sequence[int], *, everything: bool, as_json: bool, say: Say
) -> None:
    """Try entries once more; one that cannot be tried stays open and stops no other.

    Raises:
        UserError: none or both of ids and everything were given, or some could not be tried.
        StoreUnavailable: the store went away; what was done before is said.
    """
    ids = list(quarantine_ids)
    if everything == bool(ids):
        raise UserError("say which: entry numbers from cloud-ingest quarantine list, or --all")
    if everything:
        ids = sorted(
            entry.quarantine_id
            for entry in quarantine.list_entries(conn, limit=EVERYTHING)
            if entry.reason not in quarantine.NOT_MENDED
        )
    registry = load_registry(conn)
    done: list[Replay] = []
    failed = 0
    try:
        for each in ids:
            try:
                done.append(quarantine.replay(conn, registry, each, datetime.now(UTC)))
            except (StoreUnavailable, ConfigurationError):
                raise
            except (StoreError, UserError) as error:
                done.append(Replay(each, QuarantineState.OPEN, 0, str(error)))
                failed += 1
    finally:
        _say_replays(done, as_json=as_json, say=say)
    if not ids and not as_json:
        say("Nothing can be replayed.")
    if failed:
        raise UserError(f"{failed} of {len(ids)} entries could not be tried: see above why")


def _say_replays(done: Sequence[Replay], *, as_json: bool, say: Say) -> None:
    if as_json:
        say(_json([asdict(each) for each in done]))
        return
    for each in done:
        if each.state is QuarantineState.REPLAYED:
            say(f"{each.quarantine_id}: replayed, {each.new_readings} new readings")
        else:
            say(f"{each.quarantine_id}: still open: {each.reason}")


def list_flags(
    conn: Connection, *, society: str | None, everything: bool, as_json: bool, say: Say
) -> None:
    """Show flags: those that are open, or all.

    Raises:
        NotFound: no such society.
    """
    if society is not None:
        find_society(conn, society)
    found = list_events(conn, society=society, state=None if everything else "open")
    if as_json:
        say(_json([each.event.model_dump(mode="json", by_alias=True) for each in found]))
    elif not found:
        say("No flag is open." if not everything else "There never was a flag.")
    else:
        columns = ["state", "kind", "society", "subject", "service", "since", "message"]
        say(_table(columns, map(_event_row, found)))


def list_of_meters(
    conn: Connection,
    society: str,
    *,
    serial: str | None,
    codes: Sequence[int],
    days: int,
    now: datetime,
    as_json: bool,
    say: Say,
) -> None:
    """Show what the meters of a society noted in their own event logs, and gateways saw of them.

    Raises:
        NotFound: no such society.
    """
    zone = open_store(conn).zone
    found = list_meter_events(
        conn,
        society,
        since=now - timedelta(days=days),
        serial=serial,
        codes=codes,
        limit=MOST_LISTED,
    )
    if as_json:
        say(_json([_as_document(each) for each in found]))
    elif not found:
        say(f"No such event of a meter in the last {days} days.")
    else:
        columns = ["time", "meter", "log", "code", "event"]
        say(_table(columns, (_meter_event_row(each, zone) for each in found)))


def _as_document(event: StoredMeterEvent) -> dict[str, object]:
    named = {"log": str(event.log), "name": event_name(event.log, event.code)}
    return {**asdict(event), **named}


def _meter_event_row(event: StoredMeterEvent, zone: ZoneInfo) -> list[str]:
    return [
        event.at.astimezone(zone).isoformat(timespec="seconds"),
        f"{event.manufacturer} {event.serial}",
        str(event.log),
        str(event.code),
        (event_name(event.log, event.code) or "not in the catalogue")
        + (f": {detail}" if (detail := _detail(event.detail or {})) else ""),
    ]


def _detail(seen: Mapping[str, Any]) -> str:
    """Say in words what a gateway saw."""
    found: list[str] = []
    for change in seen.get("captures", ()):
        columns = [
            f"{word} {' '.join(change[word])}" for word in ("lost", "gained") if change.get(word)
        ]
        hashes = f"{change['before']} to {change['after']}"
        found.append(", ".join([f"{change['profile']} from {hashes}", *columns]))
    if "offset_before_s" in seen:
        found.append(f"was {seen['offset_before_s']:+.0f} s off")
    if "offset_s" in seen:
        found.append(f"is {seen['offset_s']:+.0f} s off")
    if "drift_s_per_day" in seen:
        found.append(f"gains {seen['drift_s_per_day']:+.1f} s a day")
    if "left_out" in seen:
        found.append(f"{seen['left_out']} more before it were left out")
    return "; ".join(found)


def _entry_row(entry: Entry) -> list[str]:
    last = entry.last_at.isoformat(timespec="seconds")
    return [
        str(entry.quarantine_id),
        entry.reason,
        entry.gateway or "-",
        str(entry.times),
        last,
        entry.detail,
    ]


def _event_row(stored: StoredEvent) -> list[str]:
    event = stored.event
    return [
        event.state,
        event.kind,
        event.society,
        f"{event.subject.type} {event.subject.id}",
        event.service,
        event.since.isoformat(timespec="minutes"),
        event.message,
    ]


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head) - 1)]
    return "\n".join(
        "  ".join(
            [*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]]
        )
        for line in lines
    )


def _json(value: object) -> str:
    return json.dumps(value, default=_plain, ensure_ascii=False)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
