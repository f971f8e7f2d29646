# SPDX-License-Identifier: MIT
"""The door to the database: connections, the driver's errors in our words, the text of queries.

A connection is in autocommit mode, and its session has the settings of `SESSION`. A transaction is
always opened by name (``with conn.transaction()``). A statement stands in the function that runs
it. It has a file under ``queries/``, by noun, where it is longer than four lines, or looks at the
readings: a test holds the plan of each of those. Values are always parameters.

In: a DSN. Out: a connection. Never: a DSN in a message (it may hold a password).
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from typing import Any, Literal, LiteralString, ParamSpec, TypeVar

import psycopg
from psycopg import errors as pg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from cloud_ingest.errors import (
    ConfigurationError,
    IngestError,
    NotMigrated,
    NotStorable,
    StoreError,
    StoreReadOnly,
    StoreUnavailable,
)

Connection = psycopg.Connection[tuple[Any, ...]]
Edition = Literal["timescale", "apache", "plain"]

CONNECT_TIMEOUT_S = 10
READ_ONLY = (
    "the database takes no changes now, as a standby: let the DSN find the primary, "
    "by several hosts and target_session_attrs=read-write"
)
LOCK_WAIT_S = 60
"""How long a statement of the service waits for a lock before it says so and tries again."""
IDLE_TRANSACTION_S = 20
"""After so long the server ends a transaction of a worker that is frozen between statements: others
may wait for its locks."""
_DEAD_PEER: Mapping[str, Any] = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
}
"""A server that vanished is noticed within 25 s; a DSN may say otherwise."""

SESSION: Mapping[str, str] = {
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "array_nulls": "on",
    "bytea_output": "hex",
    "client_encoding": "UTF8",
    "client_min_messages": "warning",
    "default_transaction_isolation": "read committed",
    "extra_float_digits": "1",
    "jit": "off",  # queries are short: to compile one takes longer than to run it
    "plan_cache_mode": "auto",
    "search_path": "metering, public",  # what a store needs of TimescaleDB lies in public
    "standard_conforming_strings": "on",
}
"""What every session sets, because statements or the driver rely on it. A server, a database or a
role may have other defaults: with another ``DateStyle`` the driver reads no date. Not here: what an
administrator may decide, such as time-outs and ``synchronous_commit`` (the doctor looks at it)."""

_P = ParamSpec("_P")
_R = TypeVar("_R")

_NO_ACCESS = (
    pg.InvalidPassword,
    pg.InvalidAuthorizationSpecification,
    pg.InvalidCatalogName,
)
_ABSENT = (pg.UndefinedTable, pg.UndefinedColumn, pg.UndefinedFunction, pg.InvalidSchemaName)
_TOO_MUCH = "54"
"""SQLSTATE class of a value that is over a limit of the server, such as an index row."""
_TRANSIENT = (pg.OperationalError, pg.InterfaceError, pg.InternalError)


@functools.cache
def query(name: str) -> LiteralString:
    """Return the text of ``queries/{name}.sql``."""
    return literal(
        files(__package__).joinpath("queries", f"{name}.sql").read_text(encoding="utf-8")
    )


def literal(text: str) -> LiteralString:
    """Let a text of our own SQL files pass where psycopg wants a literal (to mypy it is one)."""
    return text


def connect(dsn: str) -> Connection:
    """Open a connection.

    Raises:
        ConfigurationError: the DSN is none, or the server refuses this user or database.
        StoreUnavailable: no server answers there.
    """
    where = describe(dsn)
    try:
        conn = psycopg.connect(
            make_conninfo(dsn, **{**_DEAD_PEER, **conninfo_to_dict(dsn)}),
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_S,
            fallback_application_name="cloud-ingest",
        )
    except psycopg.OperationalError as error:
        raise _refused_or_away(error, where) from None
    except UnicodeError:  # the resolver cannot even encode the host
        raise ConfigurationError(f"cannot open {where}: that is no host name") from None
    except psycopg.Error as error:
        raise ConfigurationError(f"cannot open {where}: {type(error).__name__}") from None
    try:
        with translated():
            conn.execute(
                """
                SELECT set_config(name, value, false)
                FROM unnest(%s::text[], %s::text[]) AS own (name, value)
                """,
                (list(SESSION), list(SESSION.values())),
            )
    except IngestError:
        conn.close()
        raise
    return conn


def describe(dsn: str) -> str:
    """Return what may be shown of a DSN: the database and where it is.

    Raises:
        ConfigurationError: it is no DSN; nothing of it is shown.
    """
    try:
        words = conninfo_to_dict(dsn)
    except (psycopg.Error, UnicodeError):
        raise ConfigurationError(
            "the DSN cannot be read: give postgresql://user@host:port/database"
        ) from None
    place = words.get("host") or words.get("hostaddr") or "the local socket"
    port = f":{words['port']}" if words.get("port") else ""
    return f"database {words.get('dbname') or words.get('user') or '(default)'} at {place}{port}"


def password_in(dsn: str) -> str | None:
    """Return the password that stands in a DSN, so that it can be masked; None: there is none."""
    try:
        return conninfo_to_dict(dsn).get("password") or None  # type: ignore[return-value]
    except (psycopg.Error, UnicodeError):
        return dsn  # it is no DSN: nothing of it is shown


def edition(conn: Connection) -> Edition:
    """Say what the database can do: only Community has continuous aggregates."""
    with translated():
        row = conn.execute(
            """
            SELECT (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'),
                   current_setting('timescaledb.license', true)
            """
        ).fetchone()
    extension, license_ = row or (None, None)
    if extension is None:
        return "plain"
    return "timescale" if license_ == "timescale" else "apache"


@contextmanager
def snapshot(conn: Connection, *, keep: bool = True) -> Iterator[None]:
    """Run the block in one transaction whose every query sees the same moment.

    Args:
        conn: A connection outside of a transaction.
        keep: Commit what it wrote; else all of it is rolled back.
    """
    with translated(), conn.transaction(force_rollback=not keep):
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def plan_each_time(conn: Connection) -> None:
    """Let no statement have a generic plan until the transaction ends.

    By a generic plan TimescaleDB opens the whole of a compressed chunk.
    """
    conn.execute("SET LOCAL plan_cache_mode = force_custom_plan")


def bound_lock_wait(conn: Connection) -> None:
    """Let no statement of this session wait for a lock without end."""
    with translated():
        conn.execute("SELECT set_config('lock_timeout', %s, false)", (f"{LOCK_WAIT_S}s",))


def bound_idle_transaction(conn: Connection) -> None:
    """Let the server end this session's transaction when nothing more comes of it."""
    with translated():
        conn.execute(
            "SELECT set_config('idle_in_transaction_session_timeout', %s, false)",
            (f"{IDLE_TRANSACTION_S}s",),
        )


def ping(conn: Connection) -> None:
    """Ask the server for nothing, to learn whether the session still lives.

    Raises:
        StoreUnavailable: it does not.
    """
    with translated():
        conn.execute("SELECT 1")


def has_table(conn: Connection, name: str) -> bool:
    """Say whether a table of the schema is there."""
    row = conn.execute("SELECT to_regclass('metering.' || quote_ident(%s))", (name,)).fetchone()
    return row is not None and row[0] is not None


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into ours; an error of ours passes as it is.

    Raises:
        StoreUnavailable: try again, with a new connection where this one is closed.
        NotStorable: the values cannot be stored.
        NotMigrated: a table or column of this version is not there.
        ConfigurationError: the database user may not do this.
        StoreError: anything else: a fault of the program.
    """
    try:
        yield
    except IngestError:
        raise
    except psycopg.Error as error:
        raise translate(error) from error


def translating(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorate a function of the shell with `translated`."""

    @functools.wraps(function)
    def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with translated():
            return function(*args, **kwargs)

    return wrapper


def translate(error: psycopg.Error) -> IngestError:
    """Return our error for one of the driver's; pure."""
    text = _first_line(error)
    if isinstance(error, pg.InsufficientPrivilege):
        return ConfigurationError(
            f"the database does not allow it: {text}: run it as the store's owner, or see "
            "cloud-ingest doctor, which says what the role lacks"
        )
    if isinstance(error, _NO_ACCESS):
        return ConfigurationError(f"the database does not allow it: {text}")
    if isinstance(error, _ABSENT):
        return NotMigrated(f"the store is not of this version ({text}): run cloud-ingest migrate")
    over_a_limit = isinstance(error, pg.ConfigurationLimitExceeded) or (
        error.sqlstate is not None and error.sqlstate.startswith(_TOO_MUCH)
    )
    if over_a_limit or isinstance(error, psycopg.DataError | psycopg.IntegrityError):
        return NotStorable(f"the database refuses the values: {text}")
    if isinstance(error, _TRANSIENT):
        read_only = isinstance(error, pg.ReadOnlySqlTransaction)
        return (
            StoreReadOnly(READ_ONLY)
            if read_only
            else StoreUnavailable(f"the database cannot do it now: {text}")
        )
    return StoreError(f"the database refused a statement: {text}")


def _first_line(error: psycopg.Error) -> str:
    message = error.diag.message_primary or str(error)
    return message.strip().splitlines()[0] if message.strip() else type(error).__name__


def _refused_or_away(error: psycopg.OperationalError, where: str) -> IngestError:
    # libpq gives no SQLSTATE for a failed start of a session, only its text.
    text = " ".join(str(error).split())
    for sign, what in (
        ("password authentication failed", "the password is wrong"),
        ("no password supplied", "it wants a password: set PGPASSWORD or ~/.pgpass"),
        ("no pg_hba.conf entry", "the server lets nobody in from here (pg_hba.conf)"),
        ("does not exist", "the server has no such database or user"),
    ):
        if sign in text:
            return ConfigurationError(f"cannot open {where}: {what}")
    return StoreUnavailable(
        f"cannot reach {where}: {_reason(text)}; check that the server runs and the DSN is right"
    )


def _reason(text: str) -> str:
    for sign, what in (
        ("Connection refused", "connection refused"),
        ("No such file or directory", "no server has this socket"),
        ("timeout", "no answer in time"),
        ("resolve", "the host's name is not known"),
        ("starting up", "the server is starting up"),
        ("shutting down", "the server is shutting down"),
        ("too many", "too many connections"),
    ):
        if sign in text:
            return what
    return "no answer"
