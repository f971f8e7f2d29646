# SPDX-License-Identifier: MIT
"""``cloud-ingest self-read list, show, approve, refuse, photo``: what residents sent.

In: a number or a receipt, who decides and why. Out: lines, a table, JSON, a JPEG. Never: a
decision of its own.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from cloud_ingest.cli.json_text import json_text
from cloud_ingest.cli.options import By, Config, Dsn, Json, OfUnit, Reason, TheSociety, opened_store
from cloud_ingest.cli.private_file import write_new
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import Column, table, zoned
from cloud_ingest.entries.self_read_decide import decide, one_submission, photo_of, waiting
from cloud_ingest.store.registry import one_society
from cloud_ingest.store.self_read_submissions import Submission
from shared_schema.billing import BILLING_UNITS

Number = Annotated[
    str, typer.Argument(help="The number that self-read list shows, or the receipt.")
]
_STATES = {
    None: "waits",
    "taken": "taken",
    "approved": "approved",
    "refused": "refused",
    "replaced": "replaced",
    "not_needed": "not needed",
}


def list_(
    *,
    society: TheSociety = None,
    unit: OfUnit = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what was taken or decided.")
    ] = False,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Show what residents sent and waits for a person, or all of it; the newest first.

    Example: cloud-ingest self-read list --society "Sunrise Heights"
    """
    with opened_store(dsn, config) as opened:
        name = one_society(opened.conn, society)
        found = waiting(opened.conn, name, everything=everything, subject=unit)
        zone = opened.zone
    if json:
        for each in found:
            say(json_text(as_json(each)))
    elif found:
        say(_as_table(found, zone))
    else:
        say("Nothing was sent." if everything else "Nothing waits for a person.")


def show(
    number: Number,
    *,
    society: TheSociety = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Show one that a resident sent: what was doubted, what was asked, what became of it.

    Example: cloud-ingest self-read show 17 --society "Sunrise Heights"
    """
    with opened_store(dsn, config) as opened:
        sent = one_submission(opened.conn, one_society(opened.conn, society), number)
        zone = opened.zone
    say(json_text(as_json(sent)) if json else "\n".join(_lines(sent, zone)))


def approve(
    number: Number,
    *,
    by: By,
    reason: Reason,
    society: TheSociety = None,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Take a value that waits as it was sent: you vouch for it.

    Example: cloud-ingest self-read approve 17 --by manager --reason "seen on the photo"
    --society "Sunrise Heights"
    """
    _decide(number, society, dsn, config, approve=True, by=by, reason=reason)


def refuse(
    number: Number,
    *,
    by: By,
    reason: Reason,
    society: TheSociety = None,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Refuse a value that waits: it becomes no reading, and its sender is told why.

    Example: cloud-ingest self-read refuse 17 --by manager --reason "of another meter"
    --society "Sunrise Heights"
    """
    _decide(number, society, dsn, config, approve=False, by=by, reason=reason)


def photo(
    number: Number,
    *,
    out: Annotated[Path, typer.Option("--out", help="Where the JPEG goes; it must not exist.")],
    society: TheSociety = None,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Write the photo that came with a value, as JPEG.

    Example: cloud-ingest self-read photo 17 --out dial.jpg --society "Sunrise Heights"
    """
    with opened_store(dsn, config) as opened:
        jpeg = photo_of(opened.conn, one_society(opened.conn, society), number)
        write_new(out, jpeg)
    say(f"{out}: {len(jpeg)} bytes")


def as_json(sent: Submission) -> dict[str, Any]:
    """Return what was sent, and what became of it."""
    return {
        "number": sent.submission_id,
        "receipt": str(sent.receipt),
        "subject_type": sent.subject_type,
        "subject": sent.subject,
        "service": sent.service,
        "source": sent.source,
        "shown": sent.shown,
        "value": sent.value,
        "step": sent.step,
        "unit": BILLING_UNITS[sent.service],
        "read_at": sent.read_at,
        "received_at": sent.received_at,
        "by": sent.author,
        "link": sent.link_id,
        "remarks": list(sent.remarks),
        "decision": sent.decision,
        "decided_by": sent.decided_by,
        "decided_because": sent.decided_because,
        "decided_at": sent.decided_at,
        "photo": sent.has_picture,
        "photo_taken": None if sent.photo_taken is None else sent.photo_taken.text(),
    }


def _decide(
    number: str,
    society: str | None,
    dsn: str | None,
    config: Path | None,
    *,
    approve: bool,
    by: str,
    reason: str,
) -> None:
    with opened_store(dsn, config) as opened:
        name = one_society(opened.conn, society)
        now = datetime.now(UTC)
        done = decide(opened.conn, name, number, approve=approve, by=by, reason=reason, now=now)
    say(f"{done.subject} {done.service}: {_amount(done)} is {done.decision}")


def _amount(sent: Submission) -> str:
    return f"{sent.shown} {BILLING_UNITS[sent.service]}"


def _as_table(found: Sequence[Submission], zone: ZoneInfo) -> str:
    columns = [
        Column("No.", "figure"),
        Column("Unit", "name"),
        Column("Service"),
        Column("Shows", "figure"),
        Column("Read", "name"),
        Column("Because"),
    ]
    return table(columns, [_row(each, zone) for each in found])


def _row(sent: Submission, zone: ZoneInfo) -> tuple[str, ...]:
    because = "; ".join(str(each["remark"]) for each in sent.remarks)
    if sent.decision is not None:
        because = f"{_STATES[sent.decision]}: {sent.decided_because}"
    return (
        str(sent.submission_id),
        sent.subject,
        sent.service,
        sent.shown,
        zoned(sent.read_at, zone),
        because + (" (photo)" if sent.has_picture else ""),
    )


def _lines(sent: Submission, zone: ZoneInfo) -> Iterator[str]:
    yield (
        f"{sent.subject} {sent.service} ({sent.source}): {_amount(sent)}, read "
        f"{zoned(sent.read_at, zone)} by {sent.author}"
    )
    yield f"  came {zoned(sent.received_at, zone)}, receipt {sent.receipt}"
    for each in sent.remarks:
        yield f"  {each['remark']}"
        yield f"    asked: {each['question']}"
    if sent.photo_sha256 is not None:
        own = "" if sent.photo_taken is None else f", taken {sent.photo_taken.text()}"
        kept = "kept" if sent.has_picture else "no longer kept"
        yield f"  photo {kept}{own}: cloud-ingest self-read photo {sent.submission_id} --out FILE"
    if sent.decision is None:
        yield f"  waits: cloud-ingest self-read approve|refuse {sent.submission_id} --by --reason"
    else:
        when = "" if sent.decided_at is None else zoned(sent.decided_at, zone)
        yield f"  {_STATES[sent.decision]} {when} by {sent.decided_by}: {sent.decided_because}"
