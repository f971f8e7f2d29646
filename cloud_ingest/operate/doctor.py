# SPDX-License-Identifier: MIT
"""The doctor of the cloud side: it looks at the database, the store, the broker and the pages.

It gives findings in the order in which a person mends them. What is wrong with one group of facts
does not hide the next.

In: the settings. Out: a `Check` for each thing. Never: a change; a secret; a session that the
broker keeps, or a message taken from the service.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import available_timezones

from cloud_ingest.errors import ConfigurationError, IngestError, NotMigrated
from cloud_ingest.operate import checks
from cloud_ingest.operate.broker_checks import check_broker, check_gateways
from cloud_ingest.operate.checks import Check
from cloud_ingest.operate.configuration import check_files
from cloud_ingest.operate.disk_checks import check_machines, check_store_disk
from cloud_ingest.operate.issuer_checks import check_issuer
from cloud_ingest.operate.pages_checks import check_pages_answer
from cloud_ingest.operate.quarantine_checks import check_quarantine
from cloud_ingest.operate.role_checks import check_holder, check_role, check_service, check_stranger
from cloud_ingest.operate.webhook_checks import check_webhooks
from cloud_ingest.settings import CloudSettings
from cloud_ingest.store import quarantine, server_facts
from cloud_ingest.store.assignments import torn_subjects
from cloud_ingest.store.connection import Connection, connect, describe
from cloud_ingest.store.gateway_keys import last_certificates
from cloud_ingest.store.gateways import standings
from cloud_ingest.store.identity import server_knows_zone
from cloud_ingest.store.migrate import Store, open_store
from cloud_ingest.store.quarantine_room import dropped
from cloud_ingest.store.registry import societies
from cloud_ingest.store.roles import lock_holders, read_service, strangers
from cloud_ingest.store.strays import strays
from cloud_ingest.store.webhooks import webhook_states
from shared_schema.tls import EXPIRES_SOON

STRAYS_FOR: Final = timedelta(days=35)
"""So long after a move what it left behind is looked for: each batch of that time is read."""


def examine(settings: CloudSettings, dsn: str, now: Callable[[], datetime]) -> Iterator[Check]:
    """Look at everything and yield each finding at once: a server may take a while.

    Args:
        settings: where the broker is, and the zone that the store should have.
        dsn: where the store is.
        now: this machine's clock, aware.

    Raises:
        ConfigurationError: the DSN is none.
    """
    where = describe(dsn)
    try:
        conn = connect(dsn)
    except IngestError as error:
        yield Check("fail", "database", str(error), "mend this first: the rest needs it")
    else:
        with conn:
            yield Check("ok", "database", f"{where} answers")
            yield from _database(conn, settings, now)
    yield from check_files(settings, now())
    yield from check_broker(settings)
    yield from check_pages_answer(settings)
    yield from check_issuer(settings)


def _database(
    conn: Connection, settings: CloudSettings, now: Callable[[], datetime]
) -> Iterator[Check]:
    for group in (_server, _role, _store):
        try:
            yield from group(conn, settings, now)
        except IngestError as error:
            advice = "give the role the right to read it, or look at the server's log"
            yield Check("fail", "database", str(error), advice)


def _server(conn: Connection, _: CloudSettings, now: Callable[[], datetime]) -> Iterator[Check]:
    server = server_facts.read_server(conn)
    extension = server_facts.read_extension(conn)
    yield checks.check_server(server)
    yield checks.check_edition(extension)
    yield checks.check_extension(extension)
    if (licence := checks.check_licence(extension, server)) is not None:
        yield licence
    yield checks.check_clock(server_facts.read_clock(conn, now))
    yield from checks.check_durability(server)
    yield checks.check_checksums(server)
    yield checks.check_autovacuum(server)
    yield from checks.check_memory(server)
    yield checks.check_locks(server, server_facts.read_parts(conn))
    if (workers := checks.check_workers(server)) is not None:
        yield workers


def _role(conn: Connection, _: CloudSettings, __: Callable[[], datetime]) -> Iterator[Check]:
    role = server_facts.read_role(conn)
    service = None if role.read_only else read_service(conn, role.name)
    yield check_role(role) if service is None else check_service(role, service)


def _store(
    conn: Connection, settings: CloudSettings, now: Callable[[], datetime]
) -> Iterator[Check]:
    zone = server_facts.read_store_zone(conn)
    if zone is not None:
        knows, ours = server_knows_zone(conn, zone), zone in available_timezones()
        yield checks.check_zone(zone, server_knows=knows, we_know=ours)
        if not ours:
            return
    try:
        store = open_store(conn, zone=settings.zone)
    except NotMigrated as error:
        yield Check("fail", "store", str(error), "cloud-ingest migrate --plan says what it does")
        return
    except ConfigurationError as error:
        yield Check(
            "fail", "store", str(error), "correct the setting or the program, not the store"
        )
        return
    yield _check_version(store)
    extension = server_facts.read_extension(conn)
    yield checks.check_rollups(extension, store)
    yield from map(check_stranger, strangers(conn))
    yield from map(check_holder, lock_holders(conn))
    yield checks.check_marks(server_facts.read_marks(conn), now())
    evidence = server_facts.read_evidence(conn)
    yield checks.check_evidence(evidence)
    yield check_store_disk(server_facts.read_disk(conn), evidence)
    waiting = sum(quarantine.counts(conn).values())
    yield check_quarantine(waiting, dropped(conn), now())
    yield from checks.check_units(torn_subjects(conn))
    yield from check_gateways(last_certificates(conn, now() + EXPIRES_SOON), now())
    yield from check_machines(standings(conn, now()), now())
    for society_id, society in societies(conn):
        told = strays(conn, society_id, told_since=now() - STRAYS_FOR)
        if (check := checks.check_strays(society, told)) is not None:
            yield check
    yield from check_webhooks(webhook_states(conn), now())
    if extension.installed is not None:
        yield from checks.check_jobs(server_facts.read_jobs(conn))


def _check_version(store: Store) -> Check:
    """Whether the last upgrade was ended."""
    if store.waiting:
        said = f"{', '.join(store.waiting)} waits for the workers of a former version"
        return Check("warn", "store", said, "restart them, then run cloud-ingest migrate")
    return Check("ok", "store", f"{store.store_id} is of this version")
