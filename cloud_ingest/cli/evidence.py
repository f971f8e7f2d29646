# SPDX-License-Identifier: MIT
"""``cloud-ingest evidence``: what gateways signed, month by month: kept, archived, put back.

In: options as a person typed them. Out: lines, a table or JSON. Never: a decision.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.json_text import json_text
from cloud_ingest.cli.options import Config, Dsn, Json, one_line_errors, opened_store
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import Column, local, table
from cloud_ingest.core.evidence_file import ArchiveFacts
from cloud_ingest.errors import UserError
from cloud_ingest.operate import evidence_archive
from cloud_ingest.operate.evidence import keep_evidence
from cloud_ingest.store.evidence_months import MonthState, month_states
from cloud_ingest.store.retention import retention
from shared_schema.proof.verdict import is_fingerprint, normal_fingerprint

app = new_group("What gateways signed: how long it is kept whole, files of it, and their check.")

File = Annotated[Path, typer.Argument(metavar="FILE", help="A file that archive wrote.")]
MB = 1_000_000


@app.command("list")
def evidence_list(*, json: Json = False, dsn: Dsn = None, config: Config = None) -> None:
    """List the months of receipt: how large each is, what was done to it, which file has it.

    Example: cloud-ingest evidence list
    """
    with opened_store(dsn, config) as opened:
        states = month_states(opened.conn)
    say(json_text([_as_json(each) for each in states]) if json else _as_table(states, opened.zone))


@app.command("keep")
def evidence_keep(
    months: Annotated[
        int | None, typer.Argument(help="Closed months that stay whole: 13 or more.")
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Keep all whole for ever.")] = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Set or show how long evidence stays whole [default: for ever]; the service shortens older.

    Of an older month headers and signatures stay, and the blocks with a border in them: proofs
    hold. What else gateways signed of it is gone, but for a file that archive wrote before. Without
    an argument the command shows what is set.

    Example: cloud-ingest evidence keep 13
    """
    with one_line_errors():
        if months is not None and everything:
            raise UserError("give a number of months, or --all")
    with opened_store(dsn, config) as opened:
        if months is not None or everything:
            keep_evidence(opened.conn, months)
        kept = retention(opened.conn).keep_evidence
    say("all evidence stays whole" if kept is None else f"evidence of {kept} months stays whole")


@app.command("archive")
def evidence_archive_month(
    *,
    month: Annotated[str, typer.Option("--month", help="Of receipt, such as 2026-07; it is over.")],
    out: Annotated[Path, typer.Option("--out", help="The folder for the file.")],
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Write a month of evidence into a file that verifies without the store, which keeps it too.

    Example: cloud-ingest evidence archive --month 2026-07 --out /srv/evidence
    """
    with opened_store(dsn, config) as opened:
        path, facts = evidence_archive.archive(opened.conn, month, out, datetime.now(UTC))
    say(f"{path}: {_told(facts)}")
    say(f"SHA-256 of its lines: {facts.sha256}")


@app.command("verify")
def evidence_verify(
    file: File,
    *,
    trust: Annotated[
        list[str] | None,
        typer.Option("--trust", help="The fingerprint of a gateway's key, from its sheet."),
    ] = None,
) -> None:
    """Hold every batch of a file against its signature and hashes; needs no database.

    With --trust, exit code 2 if another key signed any of it.

    Example: cloud-ingest evidence verify evidence-2026-07.jsonl.xz
    """
    with one_line_errors():
        trusted = {normal_fingerprint(each) for each in trust or ()}
        if wrong := [each for each in trusted if not is_fingerprint(each)]:
            raise UserError(f"{wrong[0][:80]!r} is no fingerprint: it has 64 digits from 0 to f")
        facts = evidence_archive.verify(file)
        say(f"{file}: {_told(facts)}; all hold")
        if facts.broken_links:
            say(f"{facts.broken_links} of them name another predecessor than the one before them")
        for key, batches in sorted(facts.by_key.items()):
            say(f"{batches} batches by key {key}")
        if trust is not None:
            strangers = sorted(facts.by_key.keys() - trusted)
            if strangers:
                raise UserError(f"not by a key that you trust: {', '.join(strangers)}")


@app.command("restore")
def evidence_restore(file: File, *, dsn: Dsn = None, config: Config = None) -> None:
    """Put the evidence of a file back that the store has shortened; it stays whole for two months.

    Example: cloud-ingest evidence restore /srv/evidence/evidence-2026-07.jsonl.xz
    """
    with opened_store(dsn, config) as opened:
        done = evidence_archive.restore(opened.conn, file, datetime.now(UTC))
    month = done.facts.head.month
    if done.short:
        say(f"{_told(done.facts)} are back; {done.short} others stay short: the file lacks them")
    else:
        say(f"{month} is whole again: {_told(done.facts)}")
    if done.unknown:
        say(f"{done.unknown} of them this store does not have: they were left out")


def _told(facts: ArchiveFacts) -> str:
    return f"{facts.batches} batches of {facts.head.month}"


def _as_json(each: MonthState) -> dict[str, object]:
    sha256 = None if each.archive_sha256 is None else each.archive_sha256.hex()
    return {**each._asdict(), "month": f"{each.month:%Y-%m}", "archive_sha256": sha256}


def _as_table(states: Sequence[MonthState], zone: ZoneInfo) -> str:
    columns = (Column("month"), Column("MB", "figure"), Column("state"), Column("file", "name"))
    rows = [
        (
            f"{each.month:%Y-%m}",
            f"{each.size / MB:.1f}",
            "whole"
            if each.shortened_at is None
            else f"short since {local(each.shortened_at, zone)}",
            each.archive or "",
        )
        for each in states
    ]
    return table(columns, rows)
