# SPDX-License-Identifier: MIT
"""``cloud-ingest quarantine`` and ``events``: what is kept apart, flagged, noted by meters.

In: options as a person typed them. Out: lines, a table or JSON. Never: a decision.
"""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cloud_ingest.cli.options import Config, Dsn, Json, Society, one_line_errors, store
from cloud_ingest.operate import review
from cloud_ingest.store.quarantine import QuarantineState, dismiss

quarantine_app = typer.Typer(help="What was received and is not stored, and why.")
events_app = typer.Typer(
    help="Flags for other modules: leaks, read failures, evidence that does not hold."
)


@quarantine_app.command("list")
def quarantine_list(
    *,
    state: Annotated[
        QuarantineState | None, typer.Option("--state", help="[default: open]")
    ] = QuarantineState.OPEN,
    everything: Annotated[bool, typer.Option("--all", help="Of every state.")] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="Such as unknown_meter.")] = None,
    society: Annotated[str | None, typer.Option("--society", help="Of one society.")] = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """List what is kept apart, newest first.

    Example: cloud-ingest quarantine list --reason unknown_meter
    """
    with one_line_errors(), store(dsn, config) as conn:
        review.list_quarantine(
            conn,
            state=None if everything else state,
            reason=reason,
            society=society,
            as_json=json,
            say=typer.echo,
        )


@quarantine_app.command("show")
def quarantine_show(
    entry: Annotated[int, typer.Argument(help="Number of the entry.")],
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Show one entry with its bytes.

    Example: cloud-ingest quarantine show 7
    """
    with one_line_errors(), store(dsn, config) as conn:
        review.show_quarantine(conn, entry, as_json=json, say=typer.echo)


@quarantine_app.command("replay")
def quarantine_replay(
    entries: Annotated[list[int] | None, typer.Argument(help="Numbers of entries.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Everything that is open and can be mended.")
    ] = False,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Try entries once more, after their cause was mended; what is not stays open.

    Example: import the missing meter, then cloud-ingest quarantine replay 7 8
    """
    with one_line_errors(), store(dsn, config) as conn:
        review.replay_quarantine(
            conn, entries or [], everything=everything, as_json=json, say=typer.echo
        )


@quarantine_app.command("dismiss")
def quarantine_dismiss(
    entries: Annotated[list[int], typer.Argument(help="Numbers of entries.")],
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Close entries that shall never be stored; their bytes stay.

    Example: cloud-ingest quarantine dismiss 7
    """
    with one_line_errors(), store(dsn, config) as conn:
        for entry in entries:
            dismiss(conn, entry, datetime.now(UTC))
            typer.echo(f"{entry}: dismissed")


@events_app.command("list")
def events_list(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    society: Annotated[str | None, typer.Option("--society", help="Of one society.")] = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """List flags, newest first.

    Example: cloud-ingest events list --society "Lake View"
    """
    with one_line_errors(), store(dsn, config) as conn:
        review.list_flags(
            conn, society=society, everything=everything, as_json=json, say=typer.echo
        )


@events_app.command("meter")
def events_meter(
    serial: Annotated[str | None, typer.Argument(help="Serial number of one meter.")] = None,
    *,
    society: Society,
    code: Annotated[
        list[int] | None, typer.Option("--code", help="Only this one, such as 251: cover opened.")
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=3660, help="How far back.")] = 30,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """List what meters noted themselves, and what gateways saw of them, newest first.

    By a meter's own log: power failure, magnet, cover opened … By its gateway, log
    0.65.99.98.0.255: its capture list changed, its clock jumped, drifts, or was set.

    Example: cloud-ingest events meter --society "Lake View" --code 251 --days 365
    """
    with one_line_errors(), store(dsn, config) as conn:
        review.list_of_meters(
            conn,
            society,
            serial=serial,
            codes=code or (),
            days=days,
            now=datetime.now(UTC),
            as_json=json,
            say=typer.echo,
        )
