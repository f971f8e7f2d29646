# SPDX-License-Identifier: MIT
"""The command ``cloud-ingest``.

In: words, options, the environment. Out: one line of progress or a table, and an exit code:
0 done, 2 not done, and the line says why: something to change, or a server to look after.
Anything else is a fault of this program.
Every command builds its settings once here and hands on what it needs; an error is one line
that says what happened, to what, and what to do next. Never: a traceback for a mistake of a
person, a password in any text.
"""

import contextlib
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cloud_ingest.cli.command import command_app
from cloud_ingest.cli.data import data_app
from cloud_ingest.cli.dial import dial_app
from cloud_ingest.cli.options import (
    BrokerAt,
    BrokerPassword,
    BrokerUser,
    Config,
    Dsn,
    Json,
    Society,
    decimal,
    dsn_of,
    moment,
    one_line_errors,
    store,
)
from cloud_ingest.cli.read import read_app
from cloud_ingest.cli.review import events_app, quarantine_app
from cloud_ingest.cli.store import store_app
from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.entries import epochs
from cloud_ingest.entries import self_read as module
from cloud_ingest.entries.units import import_units
from cloud_ingest.month import close, report
from cloud_ingest.operate import keys
from cloud_ingest.service.start import run_service, service_settings
from cloud_ingest.settings import load_settings
from cloud_ingest.store.connection import connect
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.registry import enrol_gateway
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import Service

app = typer.Typer(
    name="cloud-ingest",
    help="The cloud side of the metering layer: store readings, close months, answer for them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(store_app)

SubjectType = Annotated[SubjectKind, typer.Option("--subject-type", help="What the label is of.")]


units_app = typer.Typer(help="Which meter serves which flat, as unit management has it.")
app.add_typer(units_app, name="units", no_args_is_help=True)
app.add_typer(dial_app, name="dial", no_args_is_help=True)
epoch_app = typer.Typer(help="Registers that fell for a good reason: rollover, reset.")
app.add_typer(epoch_app, name="epoch", no_args_is_help=True)


@units_app.command("import")
def units_import(
    file: Annotated[Path, typer.Argument(help="A CSV file with the columns named below.")],
    *,
    society: Society,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Take the dated list of units and their meters; nothing of it if a line is bad.

    Columns: tower, subject_type (unit, common, bulk), subject, service (electricity, water),
    source (grid, generator, inlet-1 …), manufacturer, serial, legacy (yes: no data port),
    valid_from, valid_to (days of the society; empty: until now). Import it again after each
    change: what is known stays, an end or a replacement is taken in.

    Example: cloud-ingest units import units.csv --society "Lake View"
    """
    with one_line_errors(), store(dsn, config) as conn:
        done = import_units(conn, society, file)
        typer.echo(f"{done.added} added, {done.changed} changed, {done.unchanged} unchanged")


@app.command("self-read")
def self_read(
    unit: Annotated[
        str, typer.Argument(help="The label of the unit, common area or bulk meter: A-1204.")
    ],
    value: Annotated[str, typer.Argument(help="What the dial shows: kWh, or kL of water.")],
    *,
    society: Society,
    service: Annotated[Service, typer.Option("--service", help="What the dial counts.")],
    by: Annotated[str, typer.Option("--by", help="Who read it.")],
    at: Annotated[
        str | None, typer.Option("--at", help="When, in local time [default: now].")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Which meter, where the unit has several.")
    ] = None,
    subject_type: SubjectType = "unit",
    force: Annotated[
        str | None, typer.Option("--force", help="Why a value that seems wrong is right.")
    ] = None,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Take what a resident or the caretaker read from a dial.

    Example: cloud-ingest self-read A-1204 4711.3 --service electricity
    --at "2026-08-01 09:00" --by "resident of A-1204" --society "Lake View"
    """
    with one_line_errors(), store(dsn, config) as conn:
        now = datetime.now(UTC)
        done = module.self_read(
            conn,
            society,
            unit,
            service,
            value=decimal(value),
            at=now if at is None else moment(at, open_store(conn).zone),
            by=by,
            now=now,
            source=source,
            force_because=force,
            subject_type=subject_type,
        )
        measure = BILLING_UNITS[service]
        since = "" if done.used is None else f", {done.used:f} {measure} since the last"
        typer.echo(f"{unit} {service}: {done.value:f} {measure} is stored{since}")


@epoch_app.command("add")
def epoch_add(
    subject: Annotated[
        str, typer.Argument(help="The label of the unit, common area or bulk meter: A-1204.")
    ],
    *,
    society: Society,
    service: Annotated[Service, typer.Option("--service", help="What the register counts.")],
    at: Annotated[
        str, typer.Option("--at", help="Local time of the first reading after the fall.")
    ],
    adds: Annotated[
        str, typer.Option("--adds", help="What it lost there, in kWh or kL; 0 takes it back.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why: rollover, reset …")],
    by: Annotated[str, typer.Option("--by", help="Who says so.")],
    source: Annotated[
        str | None, typer.Option("--source", help="Which meter, where the unit has several.")
    ] = None,
    subject_type: SubjectType = "unit",
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Record that a register turned over or was reset, so that its month can be proved.

    Example: cloud-ingest epoch add A-1204 --service electricity --at "2026-07-10 05:00"
    --adds 1000000 --reason rollover --by caretaker --society "Lake View"
    """
    with one_line_errors():
        settings = load_settings(config, dsn=dsn)
        with store(dsn, config) as conn:
            done = epochs.add_epoch(
                conn,
                society,
                subject,
                service,
                starts_at=moment(at, open_store(conn).zone),
                adds=decimal(adds),
                reason=reason,
                by=by,
                now=datetime.now(UTC),
                source=source,
                subject_type=subject_type,
                self_read_window=settings.self_read_window,
            )
        typer.echo(
            f"{subject} {service}: meter {done.meter} counts on from {at}; across it "
            f"{done.used:f} {BILLING_UNITS[service]} were used"
        )
        for month in done.close_again:
            typer.echo(f"{month} may change: cloud-ingest close-month {month}")


@app.command("close-month")
def close_month(
    month: Annotated[str, typer.Argument(help="The month, such as 2026-07.")],
    *,
    society: Society,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Prove the numbers of a month and send them; again after a correction.

    Example: cloud-ingest close-month 2026-07 --society "Lake View"
    """
    with one_line_errors():
        settings = load_settings(config, dsn=dsn)
        with connect(dsn_of(settings)) as conn:
            open_store(conn, zone=settings.zone)
            done = close.close_month(
                conn,
                society,
                month,
                datetime.now(UTC),
                self_read_window=settings.self_read_window,
                grace=settings.close_grace,
                progress=lambda text: typer.echo(text, err=True),
            )
        typer.echo(_counted(done))
        for later in done.later:
            typer.echo(
                f"closed again, because the month before now ends elsewhere: {_counted(later)}"
            )


def _counted(done: close.Closed) -> str:
    return (
        f"{done.month} of {done.society}: {len(done.numbers)} numbers ({done.published} to send), "
        f"{len(done.withheld)} withheld, {len(done.reconciliations)} reconciliations"
    )


@app.command("report")
def month_report(
    month: Annotated[str, typer.Argument(help="A closed month, such as 2026-07.")],
    *,
    society: Society,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Show a closed month: per unit what was used, how good it is, where it goes.

    Example: cloud-ingest report 2026-07 --society "Lake View"
    """
    with one_line_errors(), store(dsn, config) as conn:
        found = report.month_report(conn, society, month)
        typer.echo(report.as_json(found) if json else report.as_table(found))


app.add_typer(read_app)
app.add_typer(quarantine_app, name="quarantine", no_args_is_help=True)
app.add_typer(events_app, name="events", no_args_is_help=True)
app.add_typer(command_app, name="command", no_args_is_help=True)
app.add_typer(data_app)


@app.command()
def serve(
    *,
    broker: BrokerAt = None,
    username: BrokerUser = None,
    password_file: BrokerPassword = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", help="The private key that signs receipts: see keygen."),
    ] = None,
    client_id: Annotated[
        str, typer.Option("--client-id", help="Name of this ingest to the broker, one for each.")
    ] = "cloud-ingest",
    group: Annotated[
        str | None,
        typer.Option(
            "--group", help="Share the messages with the other workers that name this group."
        ),
    ] = None,
    rules_every: Annotated[
        float,
        typer.Option(
            "--rules-every",
            envvar="IOT_UTILITY_RULES_EVERY_S",
            min=0.1,
            help="Seconds between two judgements of new readings.",
        ),
    ] = 15.0,
    check: Annotated[
        bool, typer.Option("--check", help="Only see whether everything can be reached.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log more.")] = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Take readings from the broker, store them and send receipts, until SIGTERM.

    Several may serve one store: give each the same --group and a --client-id of its own.

    Example: cloud-ingest serve --dsn postgresql://ingest@localhost/metering
    --broker localhost:1883 --username cloud --password-file broker.password --key cloud.pem
    """
    with one_line_errors():
        host, port = (None, None) if broker is None else keys.parse_broker(broker)
        settings = load_settings(
            config,
            dsn=dsn,
            broker_host=host,
            broker_port=port,
            broker_username=username,
            broker_password_file=password_file,
            cloud_key_file=key,
        )
        service = service_settings(
            settings,
            dsn_of(settings),
            client_id=client_id,
            rules_every_s=rules_every,
            group=group,
        )
        run_service(service, check=check, verbose=verbose, say=typer.echo)


@app.command()
def keygen(
    path: Annotated[Path, typer.Argument(help="Where the private key goes.")],
) -> None:
    """Make the key pair that signs receipts and commands.

    Example: cloud-ingest keygen cloud.pem
    """
    with one_line_errors():
        keys.keygen(path, typer.echo)


@app.command()
def enrol(
    gateway: Annotated[str, typer.Argument(help="Its name: the common name of its certificate.")],
    *,
    society: Society,
    key: Annotated[Path, typer.Option("--key", help="Its public key (PEM).")],
    tower: Annotated[str | None, typer.Option("--tower", help="Where it hangs.")] = None,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Let a gateway speak for a society; a further key of the same gateway is a rotation.

    Example: cloud-ingest enrol gw-a1 --society "Lake View" --tower A --key gw-a1.pem
    """
    with one_line_errors(), store(dsn, config) as conn:
        found = enrol_gateway(conn, society, gateway, tower, keys.read_public_key(key))
        typer.echo(f"{gateway} is enrolled in {society}; compare its fingerprint: {found}")


def main() -> None:
    """Run the command line."""
    with contextlib.suppress(BrokenPipeError):
        app()
    sys.exit(0)


if __name__ == "__main__":
    main()
