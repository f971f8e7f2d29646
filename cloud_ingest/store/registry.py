# SPDX-License-Identifier: MIT
"""Who is enrolled, and which meter was installed when.

In: a connection. Out: the `Registry` that `accept` decides by. It owns the rows of
societies, gateways and their keys; meters and assignments come from unit management
(`cloud_ingest.entries.units`).
"""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import TypeAdapter, ValidationError

from cloud_ingest.core.accept import KnownGateway, KnownMeter, Registry
from cloud_ingest.errors import ConfigurationError, NotFound
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.migrate import open_store
from shared_schema.errors import ContractError
from shared_schema.message import GatewayName, Label
from shared_schema.signing import VerifyKey, fingerprint, key_id, public_key_from_pem


@translating
def load_registry(conn: Connection) -> Registry:
    """Read who is known at this moment."""
    gateways: dict[str, KnownGateway] = {}
    keys: dict[str, dict[str, VerifyKey]] = {}
    for gateway_id, name, society_id, key, public in conn.execute(query("registry/gateways")):
        own = keys.setdefault(name, {})
        if key is not None:
            own[key] = Ed25519PublicKey.from_public_bytes(public)
        gateways[name] = KnownGateway(gateway_id, name, society_id, own)
    meters = {
        (society_id, manufacturer, serial): KnownMeter(
            meter_id, tuple(zip(starts, ends, strict=True))
        )
        for society_id, manufacturer, serial, meter_id, starts, ends in conn.execute(
            query("registry/meters")
        )
    }
    return Registry(gateways, meters, open_store(conn).kept_from)


@translating
def find_society(conn: Connection, name: str) -> int:
    """Return a society's id.

    Raises:
        NotFound: there is none of that name; the text names those that are.
    """
    row = conn.execute(query("society_find"), (name,)).fetchone()
    if row is None:
        known = [repr(other) for (other,) in conn.execute(query("society_names"))]
        raise NotFound(
            f"no society is called {name!r}: "
            + (f"there is {', '.join(known)}" if known else "import its units first")
        )
    return int(row[0])


@translating
def ensure_society(conn: Connection, name: str) -> int:
    """Return a society's id, and add it where it is new.

    Raises:
        ConfigurationError: the name cannot be one.
    """
    try:
        TypeAdapter[str](Label).validate_python(name)
    except ValidationError:
        raise ConfigurationError(
            f"a society's name has 1 to 64 printable characters, not {name[:80]!r}"
        ) from None
    conn.execute(query("society_make"), (name,))
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
    try:
        key = public_key_from_pem(public_key_pem)
        TypeAdapter[str](GatewayName).validate_python(gateway)
    except ContractError as error:
        raise ConfigurationError(f"the key of gateway {gateway}: {error}") from None
    except ValidationError:
        raise ConfigurationError(
            f"a gateway's name has 1 to 63 letters, digits, '_', '.' and '-', not {gateway[:80]!r}"
        ) from None
    with conn.transaction():
        society_id = ensure_society(conn, society)
        row = conn.execute(query("gateway_find"), (gateway,)).fetchone()
        if row is not None and row[1] != society_id:
            raise ConfigurationError(
                f"gateway {gateway} is enrolled in {row[2]!r}: a gateway has one society, "
                "choose another name"
            )
        made = conn.execute(
            query("registry/gateway_add"),
            {"name": gateway, "society_id": society_id, "tower": tower},
        ).fetchone()
        if made is None:
            raise AssertionError("INSERT … RETURNING returns a row")
        raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        conn.execute(
            query("gateway_key_make"),
            {"gateway_id": made[0], "key_id": key_id(key), "public_key": raw},
        )
    return fingerprint(key)
