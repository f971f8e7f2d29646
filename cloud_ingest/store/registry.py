# SPDX-License-Identifier: MIT
"""Who is enrolled, and which meter was installed when.

Meters and assignments come from unit management: `cloud_ingest.store.assignments` writes them.

In: a connection. Out: the `Registry` by which `cloud_ingest.core.accept` decides. Owns: societies,
gateways and their keys.
"""

from collections.abc import Collection
from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import TypeAdapter, ValidationError

from cloud_ingest.core.known import EndedKey, KnownGateway, KnownMeter, Registry, Stretch
from cloud_ingest.core.typed_text import label
from cloud_ingest.errors import ConfigurationError, NotFound
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.rows import all_rows, scalar, scalars
from shared_schema.errors import ContractError
from shared_schema.message import GatewayName
from shared_schema.signing import (
    VerifyKey,
    fingerprint,
    key_id,
    public_key_from_pem,
    raw_public_key,
)


class _GatewayKey(NamedTuple):
    """A gateway with one of its keys, or with none."""

    gateway_id: int
    name: str
    society_id: int
    tower: str | None
    key_id: str | None
    public_key: bytes | None
    revoked_at: datetime | None
    stream: UUID | None
    last_seq: int | None
    named_until: int | None

    @property
    def ended(self) -> EndedKey | None:
        """How the key ended; None: it signs."""
        if self.revoked_at is None and self.last_seq is None:
            return None
        return EndedKey(self.revoked_at, self.stream, self.last_seq or 0)


class _InstalledMeter(NamedTuple):
    """A meter, and from when to when it was assigned each time."""

    society_id: int
    manufacturer: str
    serial: str
    meter_id: int
    starts: list[datetime]
    ends: list[datetime | None]
    towers: list[str]


class _Bound(NamedTuple):
    """A gateway that was ever bound to a meter, and from when to when it may speak for it."""

    meter_id: int
    gateway_id: int
    starts: list[datetime | None]
    ends: list[datetime | None]


_STRICT: LiteralString = """
    SELECT society_id FROM (
      SELECT DISTINCT ON (society_id) society_id, strict FROM binding_rule
      ORDER BY society_id, rule_id DESC
    ) AS newest WHERE strict
    """


@translating
def load_registry(conn: Connection) -> Registry:
    """Read who is known at this moment."""
    bound: dict[int, dict[int, tuple[Stretch, ...]]] = {}
    for each in all_rows(conn, _Bound, query("registry/bindings")):
        stretches = tuple(zip(each.starts, each.ends, strict=True))
        bound.setdefault(each.meter_id, {})[each.gateway_id] = stretches
    towers: set[tuple[int, str]] = set()
    meters: dict[tuple[int, str, str], KnownMeter] = {}
    for row in all_rows(conn, _InstalledMeter, query("registry/meters")):
        towers.update((row.society_id, tower) for tower in row.towers)
        meters[row.society_id, row.manufacturer, row.serial] = KnownMeter(
            row.meter_id,
            tuple(zip(row.starts, row.ends, strict=True)),
            bound.get(row.meter_id, {}),
            frozenset(row.towers),
        )
    strict = frozenset(scalars(conn, _STRICT))
    changes = key_changes(conn)  # before the keys: a later one is seen at the next look
    gateways = _gateways(conn, towers)
    return Registry(gateways, meters, open_store(conn).kept_from, strict, changes)


@translating
def key_changes(conn: Connection) -> int:
    """Return how many revocations and successions of keys there were."""
    counted = "SELECT (SELECT count(*) FROM revocation) + (SELECT count(*) FROM key_succession)"
    return int(scalar(conn, counted))


def _gateways(conn: Connection, towers: Collection[tuple[int, str]]) -> dict[str, KnownGateway]:
    """Return the gateways; one whose tower is not among those of its society has none."""
    keys_of_gateways = """
        SELECT gateway.gateway_id, name, society_id, tower, gateway_key.key_id, public_key,
               revocation.at AS revoked_at, stream, last_seq,
               (
                 SELECT max(named.last_seq) FROM key_succession AS named
                 WHERE named.gateway_id = gateway_key.gateway_id
                   AND named.successor = gateway_key.key_id
               ) AS named_until
        FROM gateway LEFT JOIN gateway_key USING (gateway_id)
        LEFT JOIN key_succession ON key_succession.gateway_id = gateway_key.gateway_id
          AND key_succession.key_id = gateway_key.key_id
          AND last_seq < 9223372036854775807  -- the next key has signed
        LEFT JOIN revocation ON revocation.revocation_id = gateway_key.revocation_id
        ORDER BY gateway_id
        """
    gateways: dict[str, KnownGateway] = {}
    keys: dict[str, dict[str, VerifyKey]] = {}
    ends: dict[str, dict[str, EndedKey]] = {}
    named: dict[str, dict[str, int]] = {}
    for row in all_rows(conn, _GatewayKey, keys_of_gateways):
        own = keys.setdefault(row.name, {})
        if row.key_id is not None and row.public_key is not None:
            own[row.key_id] = Ed25519PublicKey.from_public_bytes(row.public_key)
        ended = ends.setdefault(row.name, {})
        if row.key_id is not None and row.ended is not None:
            ended[row.key_id] = row.ended
        successors = named.setdefault(row.name, {})
        if row.key_id is not None and row.named_until is not None:
            successors[row.key_id] = row.named_until
        tower = row.tower if (row.society_id, row.tower) in towers else None
        gateways[row.name] = KnownGateway(
            row.gateway_id, row.name, row.society_id, own, tower, ended, successors
        )
    return gateways


@translating
def societies(conn: Connection) -> list[tuple[int, str]]:
    """Return id and name of each society."""
    return conn.execute("SELECT society_id, name FROM society ORDER BY name").fetchall()


@translating
def gateway_names(conn: Connection) -> list[str]:
    """Return the names of all gateways."""
    return scalars(conn, "SELECT name FROM gateway ORDER BY name")


@translating
def known_meters(conn: Connection, society_id: int) -> set[tuple[str, str]]:
    """Return maker and serial number of each meter of a society."""
    rows = conn.execute(
        "SELECT manufacturer, serial FROM meter WHERE society_id = %s", (society_id,)
    )
    return {(maker, serial) for maker, serial in rows}


@translating
def find_society(conn: Connection, name: str) -> int:
    """Return a society's id.

    Raises:
        NotFound: there is none of that name; the text names those that are.
    """
    society_id = scalar(conn, "SELECT society_id FROM society WHERE name = %s", (name,))
    if society_id is None:
        known = map(repr, scalars(conn, "SELECT name FROM society ORDER BY name"))
        names = ", ".join(known)
        raise NotFound(
            f"no society is called {name!r}: "
            + (f"there is {names}" if names else "import its units first")
        )
    return int(society_id)


@translating
def one_society(conn: Connection, name: str | None) -> str:
    """Return a society's name; without one the only society there is.

    Raises:
        NotFound: no society is called so, or nobody says which of several is meant.
    """
    if name is not None:
        find_society(conn, name)
        return name
    names = scalars(conn, "SELECT name FROM society ORDER BY name")
    if len(names) == 1:
        return str(names[0])
    raise NotFound(
        f"which society? give --society with one of {', '.join(map(repr, names))}"
        if names
        else "there is no society yet: import its units first (cloud-ingest units import)"
    )


@translating
def ensure_society(conn: Connection, name: str) -> int:
    """Return a society's id, and add it where it is new.

    Raises:
        TextRefused: the name cannot be one.
    """
    if scalar(conn, "SELECT 1 FROM society WHERE name = %s", (name,)) is None:
        conn.execute(
            "INSERT INTO society (name) VALUES (%s) ON CONFLICT DO NOTHING",
            (label(name, "--society"),),
        )
    return find_society(conn, name)


@translating
def enrol_gateway(
    conn: Connection, society: str, gateway: str, tower: str | None, public_key_pem: bytes
) -> str:
    """Enrol a gateway and its key; a further key is a rotation, the same again is nothing.

    Args:
        conn: The store.
        society: Its society; added where it is new.
        gateway: The common name in its certificate, unique over all societies.
        tower: Where it hangs, if that is known.
        public_key_pem: Its Ed25519 public key.

    Returns:
        The key's fingerprint, as it stands on the commissioning sheet.

    Raises:
        ConfigurationError: no such key, no such name, or a gateway of another society.
    """
    key = _checked_key(gateway, public_key_pem)
    with conn.transaction():
        society_id = ensure_society(conn, society)
        gateway_id = _ensure_gateway(conn, society_id, gateway, tower)
        conn.execute(
            """
            INSERT INTO gateway_key (gateway_id, key_id, public_key) VALUES (%s, %s, %s)
            ON CONFLICT DO NOTHING
            """,
            (gateway_id, key_id(key), raw_public_key(key)),
        )
    return fingerprint(key)


def _checked_key(gateway: str, public_key_pem: bytes) -> VerifyKey:
    """Return the key of a gateway whose name can be one."""
    try:
        key = public_key_from_pem(public_key_pem)
        TypeAdapter[str](GatewayName).validate_python(gateway)
    except ContractError as error:
        raise ConfigurationError(f"the key of gateway {gateway}: {error}") from None
    except ValidationError:
        raise ConfigurationError(
            f"a gateway's name has 1 to 63 letters, digits, '_', '.' and '-', not {gateway[:80]!r}"
        ) from None
    return key


def _ensure_gateway(conn: Connection, society_id: int, gateway: str, tower: str | None) -> int:
    """Return a gateway's id, and add it where it is new; a tower that is given is corrected."""
    elsewhere = scalar(
        conn,
        """
        SELECT society.name FROM gateway JOIN society USING (society_id)
        WHERE gateway.name = %s AND society_id <> %s
        """,
        (gateway, society_id),
    )
    if elsewhere is not None:
        raise ConfigurationError(
            f"gateway {gateway} is enrolled in {elsewhere!r}: a gateway has one society, "
            "choose another name"
        )
    gateway_id = scalar(
        conn,
        """
        INSERT INTO gateway (name, society_id, tower) VALUES (%s, %s, %s)
        ON CONFLICT (name) DO UPDATE SET tower = coalesce(excluded.tower, gateway.tower)
        RETURNING gateway_id
        """,
        (gateway, society_id, None if tower is None else label(tower, "--tower")),
    )
    return int(gateway_id)
