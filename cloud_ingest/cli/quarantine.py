# SPDX-License-Identifier: MIT
"""``cloud-ingest quarantine``: what was received and is not stored, and why.

In: options as a person typed them. Out: lines, a table or JSON. Never: a decision.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.json_text import json_text
from cloud_ingest.cli.options import Config, Dsn, Json, OneSociety, opened_store
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import Column, local, table
from cloud_ingest.errors import UserError
from cloud_ingest.operate import review
from cloud_ingest.store.quarantine import Entry, QuarantineState, Replay, dismiss, show
from cloud_ingest.store.quarantine_room import Dropped, dropped

app = new_group("What was received and is not stored, and why.")


@app.command("list")
def quarantine_list(
    *,
    state: Annotated[
        QuarantineState | None, typer.Option("--state", help="What became of it.")
    ] = QuarantineState.OPEN,
    everything: Annotated[bool, typer.Option("--all", help="Of every state.")] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="Such as unknown_meter.")] = None,
    society: OneSociety = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """List what is kept apart, newest first.

    What had no room is counted by cloud-ingest quarantine dropped.

    Example: cloud-ingest quarantine list --reason unknown_meter
    """
    with opened_store(dsn, config) as opened:
        entries = review.quarantined(
            opened.conn,
            state=None if everything else state,
            reason=reason,
            society=society,
            limit=review.EVERYTHING if json else review.MOST_LISTED + 1,
        )
    say(
        json_text([asdict(entry) for entry in entries]) if json else _as_table(entries, opened.zone)
    )


@app.command("dropped")
def quarantine_dropped(json: Json = False, dsn: Dsn = None, config: Config = None) -> None:
    """List what was received, could not be verified, and is not kept any more: how much, of whom.

    Nothing of it had a receipt: a gateway that has it sends it again.

    Example: cloud-ingest quarantine dropped
    """
    with opened_store(dsn, config) as opened:
        found = dropped(opened.conn)
    if json:
        say(json_text([asdict(each) for each in found]))
    else:
        say(_dropped_as_table(found, opened.zone) if found else "Nothing was dropped.")


@app.command("show")
def quarantine_show(
    number: Annotated[int, typer.Argument(metavar="ENTRY", help="Number of the entry.")],
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Show one entry with its bytes.

    Example: cloud-ingest quarantine show 7
    """
    with opened_store(dsn, config) as opened:
        entry, payload = show(opened.conn, number)
    text = None if payload is None else payload.decode("utf-8", "backslashreplace")
    say(json_text({**asdict(entry), "payload": text}) if json else _as_lines(entry, text))


@app.command("replay")
def quarantine_replay(
    entries: Annotated[list[int] | None, typer.Argument(help="Numbers of entries.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every open entry whose cause can be mended.")
    ] = False,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Try entries once more, after their cause was mended; the others stay open.

    Example: cloud-ingest quarantine replay 7 8
    """
    with opened_store(dsn, config) as opened:
        if everything == bool(entries):
            raise UserError("say which: entry numbers from cloud-ingest quarantine list, or --all")
        numbers = entries or review.replayable(opened.conn)
        replays = review.replay(opened.conn, numbers)
        if json:
            _echo_as_json(replays)
            return
        for each in replays:
            say(_outcome(each))
        if not numbers:
            say("Nothing can be replayed.")


@app.command("dismiss")
def quarantine_dismiss(
    entries: Annotated[list[int], typer.Argument(help="Numbers of entries.")],
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Close entries that will never be stored; their bytes stay.

    Example: cloud-ingest quarantine dismiss 7
    """
    with opened_store(dsn, config) as opened:
        for number in entries:
            dismiss(opened.conn, number, datetime.now(UTC))
            say(f"{number}: dismissed")


def _dropped_as_table(found: Sequence[Dropped], zone: ZoneInfo) -> str:
    columns = [
        Column("Gateway", "name"),
        Column("Reason"),
        Column("Messages", "figure"),
        Column("kB", "figure"),
        Column("First"),
        Column("Last"),
    ]
    rows = [
        (
            each.gateway or "-",
            each.reason,
            str(each.times),
            str(-(-each.bytes // 1000)),
            local(each.first_at, zone),
            local(each.last_at, zone),
        )
        for each in found
    ]
    return table(columns, rows)


def _as_table(entries: Sequence[Entry], zone: ZoneInfo) -> str:
    if not entries:
        return "Nothing is kept apart."
    columns = [
        Column("Id", "name"),
        Column("Reason"),
        Column("Gateway"),
        Column("Times", "figure"),
        Column("Last"),
        Column("Detail"),
    ]
    rows = [
        (
            str(entry.quarantine_id),
            entry.reason,
            entry.gateway or "-",
            str(entry.times),
            local(entry.last_at, zone),
            entry.detail,
        )
        for entry in entries[: review.MOST_LISTED]
    ]
    text = table(columns, rows)
    if len(entries) > len(rows):
        text += (
            f"\nThese are the newest {len(rows)}, there are more: "
            "narrow the list with --reason or --society, or take --json for all"
        )
    return text


def _as_lines(entry: Entry, text: str | None) -> str:
    facts = [
        f"{name:14} {value}" for name, value in asdict(entry).items() if value not in {None, ()}
    ]
    return "\n".join([*facts, "", text or ""])


def _outcome(replay: Replay) -> str:
    if replay.state is QuarantineState.REPLAYED:
        return f"{replay.quarantine_id}: replayed, {replay.new_readings} new readings"
    return f"{replay.quarantine_id}: still open: {replay.reason}"


def _echo_as_json(replays: Iterator[Replay]) -> None:
    """Write what was done, also where the store goes away before the last one."""
    done: list[dict[str, object]] = []
    try:
        for each in replays:
            done.append(asdict(each))  # noqa: PERF401  what came before a fault is kept
    finally:
        say(json_text(done))
