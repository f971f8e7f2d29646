# SPDX-License-Identifier: MIT
"""The roles of a store beside its owner: the service's, with rights on data alone, and readers'.

The owner's role makes, alters and drops tables; `migrate` runs as it. The service and its workers
share one role: it reads and writes rows, and calls a few functions that do as the owner what the
service does by itself (partitions, compression, retention). A continuous aggregate is refreshed by
its owner alone, in no function: so the aggregates belong to the service's role. A reader's role
sees the views of the schema ``metering_report``, of its societies, and nothing else.

The rights are data: one query says which of them the service's role lacks. `migrate` gives these
after each run, and the doctor tells them.

In: a connection of the owner, names of roles. Out: rights. Owns: the column ``service_role``
of ``store`` and the table ``reader_society``. Never: a password.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from psycopg import errors as pg
from psycopg import sql

from cloud_ingest.errors import MigrationRefused
from cloud_ingest.store.connection import Connection, has_table, literal, query, translating
from cloud_ingest.store.locks import Lock, advisory_lock
from cloud_ingest.store.rows import all_rows, one_row, scalar, scalars

PAGE = "docs/howto/own-database.md"

WHAT_WAS_SAID: Final = (
    *("access_act", "batch", "binding_rule", "curve_look", "election", "event_change", "evidence"),
    *("evidence_anew", "gateway_certificate", "hand_entry", "history_import", "meter_event"),
    *("meter_seal", "month_lock", "month_number", "month_withdrawal", "revocation"),
    *("self_read_decision", "self_read_link", "self_read_link_end", "self_read_photo"),
    *("self_read_submission", "stream_break", "supply_entry", "witness_read"),
)
"""Tables of which nobody but the owner can take anything back: the service adds to them."""
_GRANTS = {
    "aggregate": """
        GRANT CREATE ON SCHEMA metering TO {role};
        ALTER MATERIALIZED VIEW {name} OWNER TO {role};
        REVOKE CREATE ON SCHEMA metering FROM {role};
        GRANT SELECT ON {name} TO {owner}
        """,
    "database": "GRANT {right} ON DATABASE {name} TO {role}",
    "function": "GRANT {right} ON FUNCTION {name} TO {role}",
    "policy": """
        DROP POLICY IF EXISTS service ON {name};
        CREATE POLICY service ON {name} TO {role} USING (true) WITH CHECK (true)
        """,
    "schema": "GRANT {right} ON SCHEMA {name} TO {role}",
    "sequence": "GRANT {right} ON SEQUENCE {name} TO {role}",
    "table": "GRANT {right} ON {name} TO {role}",
}
_KEEP = "REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {role}"
_TAKE = """
REVOKE ALL ON ALL TABLES IN SCHEMA metering FROM {role};
REVOKE ALL ON ALL SEQUENCES IN SCHEMA metering FROM {role};
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA metering FROM {role};
REVOKE ALL ON SCHEMA metering FROM {role}
"""
_SHOW = """
GRANT USAGE ON SCHEMA metering_report TO {role};
GRANT SELECT ON ALL TABLES IN SCHEMA metering_report TO {role}
"""
_HIDE = """
REVOKE ALL ON ALL TABLES IN SCHEMA metering_report FROM {role};
REVOKE ALL ON SCHEMA metering_report FROM {role}
"""


@dataclass(frozen=True, slots=True)
class Right:
    """A right that the service's role lacks on an object of the store."""

    kind: str
    """``table``, ``function`` …"""
    name: str
    privilege: str

    def __str__(self) -> str:
        return f"{self.privilege} on {self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Service:
    """The service's role, as the store knows it."""

    owner: str
    """The store's."""
    of_superuser: bool
    """The owner is one: what the store's functions do, they do as a superuser."""
    makes_in: Sequence[str]
    """Schemas in which the role may make tables; there should be none."""
    missing: Sequence[Right]


@dataclass(frozen=True, slots=True)
class LockHolder:
    """A session that holds a lock of the store and is not the service's."""

    pid: int
    role: str


@translating
def missing_rights(conn: Connection, role: str) -> list[Right]:
    """Return the rights that the service's role lacks."""
    arguments = {"role": role, "kept": list(WHAT_WAS_SAID)}
    return all_rows(conn, Right, query("role/missing_rights"), arguments)


@translating
def read_service(conn: Connection, role: str) -> Service | None:
    """Return what the store says of the service's role; None: that role is another."""
    make = partial(Service, missing=missing_rights(conn, role))
    return one_row(conn, make, query("role/service"), {"role": role})


@translating
def strangers(conn: Connection) -> list[str]:
    """Return the roles beside the owner and the service that may look into tables of the store."""
    return scalars(conn, query("role/strangers"))


@translating
def lock_holders(conn: Connection) -> list[LockHolder]:
    """Return the sessions of strangers that hold a lock of the store: what it stands for waits."""
    return all_rows(conn, LockHolder, query("role/lock_holders"), {"locks": list(Lock)})


@translating
def set_service_role(conn: Connection, role: str) -> bool:
    """Let a role serve the store, and no other any more; say whether it had to be made.

    Raises:
        MigrationRefused: the role may do more than a service should, or this user may not give it
            its rights.
    """
    with advisory_lock(conn, Lock.MIGRATION), conn.transaction():
        made = _make(conn, role)
        _refuse_mighty(conn, role)
        if scalars(conn, "SELECT 1 FROM reader_society WHERE role_name = %s", (role,)):
            raise MigrationRefused(f"{role} is a reader's role: name another for the service")
        former = scalar(conn, "SELECT service_role FROM store")
        conn.execute("UPDATE store SET service_role = %s", (role,))
        renew_rights(conn)
        if former not in (None, role) and _exists(conn, former):
            _run(conn, _TAKE, role=former)
    return made


@translating
def set_reader(conn: Connection, role: str, society_ids: Collection[int]) -> bool:
    """Let a role see the reports of some societies alone; say whether it had to be made.

    Args:
        conn: The store, as its owner.
        role: Its name.
        society_ids: Of none: it sees nothing any more.

    Raises:
        MigrationRefused: the role may do more than a reader should.
    """
    with advisory_lock(conn, Lock.MIGRATION), conn.transaction():
        made = _make(conn, role)
        _refuse_mighty(conn, role)
        if society_ids:
            _refuse_insider(conn, role)
        if scalar(conn, "SELECT service_role FROM store") == role:
            raise MigrationRefused(f"{role} is the service's role: name another for the reader")
        conn.execute("DELETE FROM reader_society WHERE role_name = %s", (role,))
        conn.execute(
            "INSERT INTO reader_society SELECT %s, unnest(%s::int[])", (role, list(society_ids))
        )
        _run(conn, _SHOW if society_ids else _HIDE, role=role)
    return made


@translating
def renew_rights(conn: Connection) -> None:
    """Guard tables that a migration has added, and give the known roles their rights on them.

    A role that this server does not know, after a restore on another one, is left out.

    Raises:
        MigrationRefused: this user may not give a right.
    """
    if not has_table(conn, "reader_society"):
        return
    with conn.transaction():
        conn.execute(query("role/guard"))
        service = scalar(conn, "SELECT service_role FROM store")
        if service is not None and _exists(conn, service):
            missing = missing_rights(conn, service)
            if any(right.kind == "aggregate" for right in missing):
                _make_transferable(conn, service)
            for right in missing:
                _give(conn, service, right)
            for table in filter(partial(has_table, conn), WHAT_WAS_SAID):
                _run(conn, _KEEP, role=service, table=table)
        for reader in scalars(
            conn,
            "SELECT DISTINCT role_name FROM reader_society JOIN pg_roles ON rolname = role_name",
        ):
            _run(conn, _SHOW, role=reader)


def _make(conn: Connection, role: str) -> bool:
    if _exists(conn, role):
        return False
    try:
        _run(conn, "CREATE ROLE {role} LOGIN", role=role)
    except pg.InsufficientPrivilege:
        raise MigrationRefused(
            f"there is no role {role}, and this user may make none: have an administrator run "
            f"createuser --pwprompt {role}"
        ) from None
    return True


def _exists(conn: Connection, role: str) -> bool:
    return bool(scalar(conn, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", (role,)))


def _refuse_mighty(conn: Connection, role: str) -> None:
    might = scalar(
        conn,
        """
        SELECT CASE WHEN rolsuper THEN 'is a superuser'
                    WHEN rolbypassrls THEN 'passes by row security (BYPASSRLS)'
                    WHEN pg_has_role(pg_roles.oid, nspowner, 'MEMBER')
                      THEN 'may act as the store''s owner' END
        FROM pg_roles CROSS JOIN pg_namespace WHERE rolname = %s AND nspname = 'metering'
        """,
        (role,),
    )
    if might is not None:
        raise MigrationRefused(f"{role} {might}: name a role that is made for this alone")


def _refuse_insider(conn: Connection, role: str) -> None:
    inside = scalar(
        conn,
        """
        SELECT has_schema_privilege(%(role)s, 'metering', 'USAGE') OR EXISTS (
          SELECT FROM store JOIN pg_roles ON rolname = service_role
          WHERE pg_has_role(%(role)s, pg_roles.oid, 'MEMBER'))
        """,
        {"role": role},
    )
    if inside:
        raise MigrationRefused(
            f"{role} may look into the schema metering, where all societies are: take back what "
            f"lets it (\\dn+ metering, \\drg {role} in psql), or name a role that is made for this"
        )


def _make_transferable(conn: Connection, role: str) -> None:
    """See that the continuous aggregates may become the role's: PostgreSQL asks for two rights."""
    owner = _owner(conn)
    if not scalar(conn, "SELECT pg_has_role(%s, %s, 'USAGE')", (owner, role)):
        try:
            with conn.transaction():
                _run(conn, "GRANT {role} TO {owner}", role=role, owner=owner)
        except pg.InsufficientPrivilege:
            raise _ask_administrator(role, owner) from None
    may = scalar(
        conn,
        """
        SELECT rolsuper OR has_schema_privilege(%s, '_timescaledb_internal', 'CREATE')
        FROM pg_roles WHERE rolname = current_user
        """,
        (role,),
    )
    if not may:
        raise _ask_administrator(role, owner)


def _ask_administrator(role: str, owner: str) -> MigrationRefused:
    return MigrationRefused(
        f"with continuous aggregates an administrator runs first: GRANT {role} TO {owner}; "
        f"GRANT CREATE ON SCHEMA _timescaledb_internal TO {role} ({PAGE})"
    )


def _give(conn: Connection, role: str, right: Right) -> None:
    words = {"name": sql.SQL(literal(right.name)), "right": sql.SQL(literal(right.privilege))}
    roles = {"role": sql.Identifier(role), "owner": sql.Identifier(_owner(conn))}
    conn.execute(sql.SQL(literal(_GRANTS[right.kind])).format(**roles, **words))


def _owner(conn: Connection) -> str:
    return str(
        scalar(
            conn,
            "SELECT rolname FROM pg_namespace JOIN pg_roles ON pg_roles.oid = nspowner "
            "WHERE nspname = 'metering'",
        )
    )


def _run(conn: Connection, text: str, **names: str) -> None:
    quoted = {word: sql.Identifier(name) for word, name in names.items()}
    conn.execute(sql.SQL(literal(text)).format(**quoted))
