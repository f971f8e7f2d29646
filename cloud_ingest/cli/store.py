# SPDX-License-Identifier: MIT
"""``cloud-ingest migrate`` and ``doctor``: make the store ready, and see whether all is well.

In: options as a person typed them. Out: lines or JSON. Never: a decision.
"""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Annotated

import typer

from cloud_ingest.cli.check_lines import require_no_failure, show_checks
from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import (
    BrokerAt,
    BrokerCa,
    BrokerCert,
    BrokerCertKey,
    BrokerPassword,
    BrokerTls,
    BrokerUser,
    Config,
    Dsn,
    Json,
    broker_address,
    dsn_of,
    one_line_errors,
    opened_store,
)
from cloud_ingest.cli.say import say
from cloud_ingest.core.typed_text import same_name
from cloud_ingest.errors import UserError
from cloud_ingest.operate.doctor import examine
from cloud_ingest.operate.upkeep import keep_months
from cloud_ingest.settings_file import load_settings
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.migrate import Migrated, Plan, When, plan
from cloud_ingest.store.migrate import migrate as run_migrations
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.retention import retention
from cloud_ingest.store.roles import set_reader, set_service_role

app = new_group()

_WHEN: dict[When, str] = {
    "beside": "beside the workers that serve",
    "after": "when no worker of a former version serves",
    "stopped": "while no worker serves",
}

_Zone = Annotated[
    str | None,
    typer.Option(help="The societies' time zone, fixed for ever [default: Asia/Kolkata]."),
]
_Portable = Annotated[
    bool,
    typer.Option(
        "--portable", help="Use portable rollups even where TimescaleDB Community is there."
    ),
]
_Restored = Annotated[
    bool,
    typer.Option("--restored", help="The database comes from a backup: let gateways send again."),
]
_Planned = Annotated[
    bool, typer.Option("--plan", help="Only say what would be done; change nothing.")
]
_PlanJson = Annotated[bool, typer.Option("--json", help="With --plan: answer in JSON.")]
_ServiceRole = Annotated[
    str | None,
    typer.Option(help="The role that the service logs in as: it gets rights on data alone."),
]
_Reader = Annotated[
    str | None,
    typer.Option(help="A role that sees the reports of --society alone; without it, of nobody."),
]
_Societies = Annotated[
    list[str] | None,
    typer.Option(help="With --reader: whose reports it sees; may be given several times."),
]


@app.command("migrate")
def migrate(
    zone: _Zone = None,
    portable: _Portable = False,
    restored: _Restored = False,
    planned: _Planned = False,
    as_json: _PlanJson = False,
    role: _ServiceRole = None,
    reader: _Reader = None,
    society: _Societies = None,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Make the database ready, or bring it up to date; run again it changes nothing.

    Workers may go on where --plan says so: run it, restart them one by one, run it again.

    Without --zone it is the zone of the settings (IOT_UTILITY_ZONE). Run it as the store's owner.
    A role that is not there is made, without a password.

    Example: cloud-ingest migrate --zone Asia/Kolkata --role metering_service
    """
    with one_line_errors():
        if as_json and not planned:
            raise UserError("--json answers what would be done: give it with --plan")
        if planned and (restored or role or reader):
            raise UserError("--restored, --role and --reader change the store: leave --plan out")
        if society and not reader:
            raise UserError("--society says whose reports a role sees: name it with --reader")
        settings = load_settings(config, dsn=dsn)
        zone = zone or settings.zone
        with connect(dsn_of(settings)) as conn:
            if planned:
                found = plan(conn, zone=zone, portable=portable)
                say(json.dumps(asdict(found)) if as_json else _plan_text(found))
            else:
                done = run_migrations(conn, zone=zone, portable=portable, restored=restored)
                say(_done_text(done))
                _give_rights(conn, role, reader, society or [])


def _give_rights(
    conn: Connection, role: str | None, reader: str | None, societies: list[str]
) -> None:
    if role is not None:
        made = set_service_role(conn, role)
        say(f"{role} has rights on data alone: name it in the dsn of the service")
        _ask_password(role, made=made)
    if reader is not None:
        made = set_reader(conn, reader, [find_society(conn, same_name(name)) for name in societies])
        whose = " and ".join(societies) or "nobody"
        say(f"{reader} sees the reports of {whose}, in the schema metering_report")
        _ask_password(reader, made=made)


def _ask_password(role: str, *, made: bool) -> None:
    if made:
        say(f"it was made and has no password: give it one in psql, by \\password {role}")


def _done_text(done: Migrated) -> str:
    what = ", ".join(done.applied) if done.applied else "nothing was missing"
    lines = [f"the store is ready: {what} ({done.zone}, {done.rollups} rollups)"]
    if done.waiting:
        lines.append(
            f"{', '.join(done.waiting)} waits: restart each worker that is of a former version, "
            "then run cloud-ingest migrate again"
        )
    if done.renewed is not None:
        lines += [
            f"its new id is {done.renewed}: with its next receipt each gateway learns of it, "
            "and will send again what it still keeps and this store lacks",
            "then close again each month that was closed or corrected since the backup: "
            "its numbers leave with new versions",
        ]
    return "\n".join(lines)


def _plan_text(found: Plan) -> str:
    lines = [f"{found.zone}, {found.rollups} rollups, {found.tables}: {found.why}"]
    if found.creates_extension:
        lines.append("CREATE EXTENSION timescaledb")
    for version, workers in found.serving.items():
        lines.append(f"serving now: {workers} of version {version:04}")
    for step, when in zip_longest(found.steps, found.when):
        lines.append(step if when is None else f"{step}: {_WHEN[when]}")
    return "\n".join(lines if found.steps else [*lines, "nothing is missing"])


@app.command("keep-readings")
def keep_readings(
    months: Annotated[
        int | None, typer.Argument(help="Closed months whose readings are kept: 13 or more.")
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Keep all readings for ever.")] = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Set or show how long readings are kept [default: for ever]; the service drops older ones.

    Days, months, evidence and closed numbers stay. An older month cannot be closed again, and a
    reading from it goes to quarantine. Without an argument the command shows what is set.

    Example: cloud-ingest keep-readings 25
    """
    with one_line_errors():
        if months is not None and everything:
            raise UserError("give a number of months, or --all")
    with opened_store(dsn, config) as opened:
        if months is not None or everything:
            keep_months(opened.conn, months)
        kept = retention(opened.conn)
    told, since = "all readings are kept", ""
    if kept.keep_months is not None:
        told = f"readings of {kept.keep_months} months are kept"
    if kept.kept_from is not None:
        since = f"; the oldest are after {kept.kept_from.astimezone(kept.zone):%Y-%m-%d}"
    say(told + since)


@app.command("doctor")
def doctor(
    *,
    broker: BrokerAt = None,
    username: BrokerUser = None,
    password_file: BrokerPassword = None,
    tls: BrokerTls = None,
    ca: BrokerCa = None,
    cert: BrokerCert = None,
    cert_key: BrokerCertKey = None,
    as_json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Check the database, the store and the broker, and say what to do; change nothing.

    Run it as the service's user and with its settings. Each line is ok, warn or fail; exit code
    2 if one failed.

    Example: cloud-ingest doctor --config /etc/iot-utility/cloud.toml
    """
    with one_line_errors():
        settings = load_settings(
            config,
            dsn=dsn,
            broker_username=username,
            broker_password_file=password_file,
            broker_tls=tls,
            broker_ca_file=ca,
            broker_cert_file=cert,
            broker_key_file=cert_key,
            **broker_address(broker),
        )
        found = examine(settings, dsn_of(settings), lambda: datetime.now(UTC))
        require_no_failure(show_checks(found, as_json=as_json))
