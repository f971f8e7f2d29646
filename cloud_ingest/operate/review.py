# SPDX-License-Identifier: MIT
"""What is kept for a person to look into: the quarantine, flags, events of meters.

In: an open store, what is asked. Out: lines for that person, or JSON; a replay or a dismissal.
The command line itself, with its help, is `cloud_ingest.cli.review`.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cloud_ingest.errors import (
    ConfigurationError,
    StoreError,
    StoreUnavailable,
    UserError,
)
from cloud_ingest.store import quarantine
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import StoredEvent, list_events
from cloud_ingest.store.meter_events import StoredMeterEvent, list_meter_events
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.quarantine import Entry, QuarantineState, Replay
from cloud_ingest.store.registry import find_society, load_registry
from shared_schema.catalogue import event_name

Say = Callable[[str], None]
MOST_LISTED = 1000
EVERYTHING = 2**31


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
