# SPDX-License-Identifier: MIT
"""What the commands have in common: options, the open store, errors as one line.

In: words as a person typed them. Out: settings, an open store, a time, a number. An error of ours
becomes one line and exit code 2. Never: a password in any text.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cloud_ingest.cli.say import say
from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.door import Limits
from cloud_ingest.core.month import is_one_moment
from cloud_ingest.core.typed_text import same_name, typed_time
from cloud_ingest.errors import (
    ConfigurationError,
    ImportRefused,
    IngestError,
    SelfReadRefused,
    SettingsRefused,
    UserError,
)
from cloud_ingest.settings import CloudSettings
from cloud_ingest.settings_file import load_settings
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.migrate import open_store

Dsn = Annotated[
    str | None,
    typer.Option(
        "--dsn",
        help="Where the store is [default: IOT_UTILITY_DSN, or the settings], e.g. "
        "postgresql://ingest@db.example/metering. Keep the password in ~/.pgpass or PGPASSWORD.",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", help="A TOML file with the settings [default: IOT_UTILITY_CONFIG]."),
]


def composed(text: str | None) -> str | None:
    """Return a name that somebody asks for as it is kept."""
    return None if text is None else same_name(text)


Society = Annotated[
    str,
    typer.Option(
        "--society",
        envvar="IOT_UTILITY_SOCIETY",
        help="The society's name.",
        callback=composed,
    ),
]
OneSociety = Annotated[
    str | None,
    typer.Option(
        "--society",
        envvar="IOT_UTILITY_SOCIETY",
        help="Of one society [default: of all].",
        callback=composed,
    ),
]
TheSociety = Annotated[
    str | None,
    typer.Option(
        "--society",
        envvar="IOT_UTILITY_SOCIETY",
        help="The society's name [default: the only one there is].",
        callback=composed,
    ),
]
MonthNamed = Annotated[
    str | None,
    typer.Argument(
        metavar="[MONTH]",
        help="Such as 2026-10 or October [default: the last one that has ended].",
    ),
]
Subject = Annotated[
    str,
    typer.Argument(
        help="The unit, common area or bulk meter: A-1204, or T1/101.", callback=composed
    ),
]
OfUnit = Annotated[
    str | None,
    typer.Option("--unit", help="Of one unit, common area or bulk meter.", callback=composed),
]
OneUnit = Annotated[
    str,
    typer.Option("--unit", help="Label of the unit, common area or bulk meter.", callback=composed),
]
SubjectType = Annotated[SubjectKind, typer.Option("--subject-type", help="What the label is of.")]
Source = Annotated[
    str | None, typer.Option("--source", help="Which meter, where the unit has several.")
]
Serial = Annotated[
    str | None,
    typer.Option(
        "--meter",
        help="Serial number, where a meter was replaced at that minute [default: the one until "
        "then].",
    ),
]
By = Annotated[str, typer.Option("--by", help="Who says so; kept for ever.")]
Reason = Annotated[
    str, typer.Option("--reason", help="Why, in 500 characters at most; kept for ever.")
]
SheetFile = Annotated[
    Path, typer.Argument(metavar="SHEET", help="commissioning-….json of edge-agent commission.")
]
ByInstaller = Annotated[
    str | None, typer.Option("--by", help="Who says so [default: who commissioned].")
]
Month = Annotated[str, typer.Option("--month", help="Such as 2026-07 or July; it may still run.")]
BrokerAt = Annotated[str | None, typer.Option("--broker", help="Where the broker is: HOST:PORT.")]
BrokerUser = Annotated[str | None, typer.Option("--username", help="Who we are to the broker.")]
BrokerPassword = Annotated[
    Path | None,
    typer.Option("--password-file", help="File with the broker's password (mode 0600)."),
]
BrokerTls = Annotated[
    bool | None, typer.Option("--tls/--no-tls", help="Speak TLS 1.3 to the broker [default: no].")
]
BrokerCa = Annotated[
    Path | None,
    typer.Option("--ca", help="Authority of the broker's certificate [default: the system's]."),
]
BrokerCert = Annotated[
    Path | None,
    typer.Option("--cert", help="Our certificate; its common name is our login at the broker."),
]
BrokerCertKey = Annotated[
    Path | None, typer.Option("--cert-key", help="The key of our certificate (mode 0600).")
]
Authorities = Annotated[
    Path | None,
    typer.Option(
        "--authority",
        help="The folder of the authority that signs certificates [default: sign none].",
    ),
]
Days = Annotated[
    int, typer.Option("--days", min=1, max=3650, help="How long the certificate is good.")
]
RegistersFile = Annotated[
    Path,
    typer.Argument(help="Parquet, or CSV by its name, with the columns meter, ts, register_l."),
]
Processes = Annotated[
    int | None,
    typer.Option("--processes", min=1, max=64, help="Side by side [default: one a processor]."),
]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
History = Annotated[
    bool, typer.Option("--history", help="What was said before, too, by whom and why.")
]


_NUMBER = re.compile(r"[+-]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})")
FIRST_YEAR, LAST_YEAR = 2000, 2099
"""Of a time that a person names, as of a reading."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An open store and what it was opened with."""

    conn: Connection
    zone: ZoneInfo
    settings: CloudSettings


@contextlib.contextmanager
def opened_store(dsn: str | None, config: Path | None, **options: object) -> Iterator[Opened]:
    """Open the store for one command, whose errors become one line."""
    with one_line_errors():
        settings = load_settings(config, dsn=dsn, **options)
        with connect(dsn_of(settings)) as conn:
            yield Opened(conn, open_store(conn, zone=settings.zone).zone, settings)


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn an error of ours into one line on standard error and exit code 2."""
    try:
        yield
    except ImportRefused as error:
        say("\n".join((f"cloud-ingest: {error}", *error.lines)), err=True)
        raise typer.Exit(2) from None
    except SettingsRefused as error:
        say("\n".join((*error.lines, f"cloud-ingest: {error}")), err=True)
        raise typer.Exit(2) from None
    except IngestError as error:
        say(f"cloud-ingest: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(2) from None


def dsn_of(settings: CloudSettings) -> str:
    """Return the DSN in clear, for `store.connection.connect` alone.

    Raises:
        ConfigurationError: no setting names a database.
    """
    if settings.dsn is None or not settings.dsn.get_secret_value().strip():
        raise ConfigurationError(
            "no database is named: give --dsn postgresql://… or set IOT_UTILITY_DSN"
        )
    return settings.dsn.get_secret_value()


def broker_address(text: str | None) -> dict[str, object]:
    """Take ``HOST:PORT`` apart into settings; without a port it is 1883, without a text none.

    Raises:
        ConfigurationError: the text is no address.
    """
    if text is None:
        return {}
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
    return {"broker_host": host, "broker_port": int(port)}


def moment(text: str, zone: ZoneInfo) -> datetime:
    """Read a time as a person wrote it; without an offset it is the society's local time.

    Raises:
        UserError: the text is no time, or as local time it is none or two.
    """
    try:
        found = typed_time(text)
        at = found if found.tzinfo is not None else found.replace(tzinfo=zone)
        at = at.astimezone(UTC).astimezone(zone)
    except (ValueError, OverflowError):
        raise UserError(f"{text[:40]!r} is no time: write it as '2026-08-01 09:00'") from None
    if found.tzinfo is None and not is_one_moment(found, zone):
        raise UserError(
            f"{text[:40]!r} is none or two times in {zone.key}: give its offset, such as +02:00"
        )
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise UserError(f"{text[:40]!r} is not within {FIRST_YEAR} to {LAST_YEAR}")
    return at


def decimal(text: str) -> Decimal:
    """Read a number as a person wrote it.

    Raises:
        SelfReadRefused: the text is no number.
    """
    if _NUMBER.fullmatch(text.strip()) is None:
        raise SelfReadRefused(f"{text[:40]!r} is no dial value: give digits, such as 4711.3")
    return Decimal(text.strip())


def limits_of(settings: CloudSettings) -> Limits:
    """Return how far a published number may move by itself."""
    return Limits(settings.change_percent, settings.change_kwh, settings.change_kl)


def progress(text: str) -> None:
    """Say how far a long command is, beside its answer."""
    say(text, err=True)
