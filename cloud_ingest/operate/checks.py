# SPDX-License-Identifier: MIT
"""The doctor's judgements: each looks at what was read and finds one thing.

A `Check` is ``ok``; ``warn``: the store works, and could work better; or ``fail``: readings or
numbers are lost, late or wrong until somebody mends it.

In: values of `store.server_facts`. Out: a `Check`. Never: a question to a server, a clock.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from cloud_ingest.store.assignments import TornSubject
from cloud_ingest.store.migrate import Store
from cloud_ingest.store.server_facts import (
    Clock,
    EvidenceSize,
    Extension,
    Job,
    Marks,
    Parts,
    Server,
)
from cloud_ingest.store.strays import Stray

Level = Literal["ok", "warn", "fail"]

KB: Final = 1024
MB: Final = 1024 * KB
GB: Final = 1024 * MB
OLDEST_SERVER: Final = 15
NEWEST_SERVER: Final = 18
OLDEST_EXTENSION: Final = (2, 28)
NEWEST_EXTENSION: Final = (2, 28)
"""2.28 is also the last that runs on PostgreSQL 15."""
CLOCKS_DIFFER: Final = timedelta(seconds=5)
MARKS_ARE_LATE: Final = timedelta(minutes=10)
MARKS_ARE_STUCK: Final = timedelta(hours=1)
MOST_WHOLE: Final = 13
"""Closed months of evidence that need nobody's word."""
RETENTION: Final = "policy_retention"
RESTART: Final = "in postgresql.conf, then restart the server"
RELOAD: Final = "in postgresql.conf, then SELECT pg_reload_conf()"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: how serious it is, about what, what was found and what to do."""

    level: Level
    name: str
    said: str
    advice: str = ""


def check_server(server: Server) -> Check:
    """Judge the version of PostgreSQL."""
    major, said = server.number("server_version_num") // 10000, server.settings["server_version"]
    if major < OLDEST_SERVER:
        return Check("fail", "server", f"PostgreSQL {said}", f"upgrade to {OLDEST_SERVER} or later")
    if major > NEWEST_SERVER:
        advice = f"the tests run on {NEWEST_SERVER}, with TimescaleDB on {OLDEST_SERVER} and 17"
        return Check("warn", "server", f"PostgreSQL {said}", advice)
    return Check("ok", "server", f"PostgreSQL {said}")


def check_edition(extension: Extension) -> Check:
    """Say what the database is, and what follows from it."""
    if extension.installed is None:
        said = (
            "no TimescaleDB in this database: portable rollups, native partitions, no compression"
        )
    elif extension.license == "timescale":
        said = (
            f"TimescaleDB Community {extension.installed}: a hypertable, continuous aggregates, "
            "compression, retention by chunk"
        )
    else:
        said = (
            f"TimescaleDB {extension.installed}, Apache edition: a hypertable, portable rollups, "
            "retention by chunk, no compression"
        )
    return Check("ok", "edition", said)


def check_extension(extension: Extension) -> Check:
    """Judge how TimescaleDB is set up."""
    name = "extension"
    if extension.installed is None:
        return _absent_extension(extension)
    if not extension.preloaded:
        said = "TimescaleDB is in this database and not preloaded: its tables cannot be read"
        return Check("fail", name, said, f"shared_preload_libraries = 'timescaledb' {RESTART}")
    have, files = _version(extension.installed), _version(extension.available or "0")
    if have < files:
        said = f"TimescaleDB {extension.installed}, the server has {extension.available}"
        advice = (
            "stop the service, then as the first statement of a new session (psql -X): "
            "ALTER EXTENSION timescaledb UPDATE"
        )
        return Check("warn", name, said, advice)
    if not OLDEST_EXTENSION <= have[:2] <= NEWEST_EXTENSION:
        said = f"TimescaleDB {extension.installed} is not tested"
        return Check("warn", name, said, f"take {_range()}, the last for PostgreSQL 15")
    return Check("ok", name, f"TimescaleDB {extension.installed} is preloaded and tested")


def _absent_extension(extension: Extension) -> Check:
    if extension.available is None:
        return Check("ok", "extension", "the server has no files of TimescaleDB")
    if not extension.preloaded:
        said = f"TimescaleDB {extension.available} is on the server and not preloaded"
        advice = (
            f"shared_preload_libraries = 'timescaledb' {RESTART}; not CREATE EXTENSION before: it "
            "would end the connection. A store that is made already stays as it is"
        )
        return Check("warn", "extension", said, advice)
    said = f"TimescaleDB {extension.available} is preloaded and not in this database"
    advice = (
        "the first cloud-ingest migrate creates it, where its user may; "
        "a store that is made already stays as it is"
    )
    return Check("warn", "extension", said, advice)


def check_licence(extension: Extension, server: Server) -> Check | None:
    """Judge an Apache edition; None where there is none."""
    if extension.installed is None or extension.license == "timescale":
        return None
    said = "the Apache edition has no continuous aggregates and no compression"
    if server.sources.get("timescaledb.license") == "default":
        advice = (
            "a package of the Community edition has them, for a new store: "
            "Debian's own package is the Apache edition"
        )
    else:
        advice = f"timescaledb.license = 'timescale' {RESTART}, for a new store"
    return Check("warn", "licence", said, advice)


def check_rollups(extension: Extension, store: Store) -> Check:
    """Judge whether the store makes use of what the database can do."""
    said = f"{store.rollups} rollups, {store.tables}"
    community = extension.installed is not None and extension.license == "timescale"
    if store.rollups == "continuous" and not community:
        advice = f"timescaledb.license = 'timescale' {RESTART}"
        return Check("fail", "rollups", f"{said}, and no TimescaleDB Community", advice)
    if store.rollups == "portable" and community:
        advice = "the numbers are the same; only a new store would have continuous aggregates"
        return Check("warn", "rollups", f"{said}, beside TimescaleDB Community", advice)
    return Check("ok", "rollups", said)


def check_memory(server: Server) -> Iterator[Check]:
    """Judge the four sizes of memory, against the machine's where it is known."""
    whole = server.memory
    least_buffers, most_buffers = (256 * MB, None) if whole is None else (whole // 8, whole // 2)
    yield _size(server, "shared_buffers", least_buffers, most_buffers, RESTART)
    most = 256 * MB if whole is None else whole // (2 * server.number("max_connections"))
    yield _size(server, "work_mem", 4 * MB, max(most, 4 * MB), RELOAD)
    most = 2 * GB if whole is None else max(whole // 8, 64 * MB)
    yield _size(server, "maintenance_work_mem", 64 * MB, most, RELOAD)
    least, most_cache = (GB, None) if whole is None else (whole // 4, whole)
    yield _size(server, "effective_cache_size", least, most_cache, RELOAD)


def _size(server: Server, name: str, least: int, most: int | None, how: str) -> Check:
    found = server.number(name)
    of = "" if server.memory is None else f", the machine has {_shown(server.memory)}"
    said = f"{_shown(found)}{of}"
    if found < least:
        return Check("warn", name, said, f"{name} = {_shown(least, up=True)} or more {how}")
    if most is not None and found > most:
        return Check("warn", name, said, f"{name} = {_shown(most)} or less {how}")
    return Check("ok", name, said)


def check_locks(server: Server, parts: Parts) -> Check:
    """Judge whether one statement over the whole history finds enough locks."""
    per_session = server.number("max_locks_per_transaction")
    sessions = server.number("max_connections") + server.number("max_prepared_transactions")
    room = per_session * sessions
    said = f"{parts.count} parts of the readings want {parts.relations} locks, there are {room}"
    if parts.relations * 4 <= room:
        return Check("ok", "locks", said)
    wanted = -(-parts.relations * 4 // sessions)
    advice = f"max_locks_per_transaction = {wanted} or more {RESTART}"
    return Check("fail" if parts.relations > room else "warn", "locks", said, advice)


def check_evidence(size: EvidenceSize) -> Check:
    """Say how much room evidence takes, and what lets it stop growing."""
    said = (
        f"{size.months} months of evidence take {_shown(size.bytes_in_months)}, the newest closed "
        f"one {_shown(size.newest)}; the rows that stay for ever {_shown(size.batches)}"
    )
    if size.waits:
        said += "; an older version's is being moved"
    if size.keeps is None and size.whole > MOST_WHOLE:
        advice = (
            f"{size.whole} months are whole: cloud-ingest evidence archive writes a month into a "
            "file, cloud-ingest evidence keep 13 shortens those that are older"
        )
        return Check("warn", "evidence", said, advice)
    return Check("ok", "evidence", said)


def check_workers(server: Server) -> Check | None:
    """Judge the background workers; None without TimescaleDB."""
    name = "timescaledb.max_background_workers"
    if name not in server.settings:
        return None
    own = server.number(name)
    wanted = 3 + own + server.number("max_parallel_workers")
    have = server.number("max_worker_processes")
    said = f"{have} worker processes; {own} of TimescaleDB and parallel queries want {wanted}"
    if have >= wanted:
        return Check("ok", "workers", said)
    advice = f"max_worker_processes = {wanted}, or a smaller {name}, {RESTART}"
    return Check("warn", "workers", said, advice)


def check_zone(zone: str, *, server_knows: bool, we_know: bool) -> Check:
    """Judge whether both sides know the zone of the store."""
    if not server_knows:
        advice = "update the time zone data of the database server"
        return Check("fail", "zone", f"the server does not know {zone}", advice)
    if not we_know:
        return Check("fail", "zone", f"this program does not know {zone}", "pip install -U tzdata")
    return Check("ok", "zone", f"days and months are of {zone}")


def check_clock(clock: Clock) -> Check:
    """Judge the server's clock against this machine's, less what the question took."""
    if clock.server < clock.before:
        apart, which = clock.before - clock.server, "behind"
    else:
        apart, which = max(clock.server - clock.after, timedelta()), "ahead"
    if apart > CLOCKS_DIFFER:
        said = f"the server's clock is {apart.total_seconds():.0f} s {which} of this machine's"
        return Check("fail", "clock", said, "switch a time service on, on both: chrony, timesyncd")
    return Check("ok", "clock", "the server's clock and this machine's agree")


def check_durability(server: Server) -> Iterator[Check]:
    """Judge what a power cut would take: a receipt promises that a reading is kept."""
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        value = server.settings[name]
        if value == "off":
            advice = f"{name} = on {RELOAD}; look at ALTER ROLE and ALTER DATABASE, too"
            said = "off: a power cut takes readings that were acknowledged"
            yield Check("fail", name, said, advice)
        else:
            yield Check("ok", name, value)


def check_checksums(server: Server) -> Check:
    """Judge whether a disk that lies would be noticed."""
    if server.settings["data_checksums"] == "off":
        advice = "stop the server, then pg_checksums --enable -D its data directory"
        return Check("warn", "checksums", "off: a damaged page is not noticed", advice)
    return Check("ok", "checksums", "on")


def check_autovacuum(server: Server) -> Check:
    """Judge whether dead rows are cleared away."""
    if server.settings["autovacuum"] == "off":
        return Check(
            "fail", "autovacuum", "off: tables grow, plans age", f"autovacuum = on {RELOAD}"
        )
    return Check("ok", "autovacuum", "on")


def check_marks(marks: Marks, now: datetime) -> Check:
    """Judge whether the rollups follow."""
    if marks.oldest is None:
        return Check("ok", "rollup marks", "none waits")
    age = now - marks.oldest
    minutes = int(age / timedelta(minutes=1))
    said = f"{marks.waiting} wait, the oldest for {minutes} minutes"
    advice = "see that cloud-ingest serve runs, and what its log says of rollup"
    if age > MARKS_ARE_STUCK:
        return Check("fail", "rollup marks", said, advice)
    if age > MARKS_ARE_LATE:
        return Check("warn", "rollup marks", said, advice)
    return Check("ok", "rollup marks", said)


def check_jobs(jobs: Sequence[Job]) -> Iterator[Check]:
    """Judge TimescaleDB's policies: the service calls them itself, one after the other."""
    for job in jobs:
        name, said = f"job {job.job_id}", f"{job.kind} of {job.table}"
        if job.failed:
            advice = f"timescaledb_information.job_errors says why, by job_id {job.job_id}"
            yield Check("fail", name, f"{said}: its last run failed", advice)
        if job.scheduled:
            advice = f"SELECT alter_job({job.job_id}, scheduled => false)"
            if job.kind == RETENTION:
                said = f"{said} runs by itself and drops what rollups need: use keep-readings"
                yield Check("fail", name, said, advice)
            else:
                said = f"{said} runs by itself, beside what the service does: they may deadlock"
                yield Check("warn", name, said, advice)
    if not any(job.failed or job.scheduled for job in jobs):
        yield Check("ok", "jobs", "no policy of TimescaleDB runs beside the service")


def check_units(torn: Sequence[TornSubject]) -> Iterator[Check]:
    """Judge subjects that were stored before towers told them apart."""
    for each in torn:
        said = (
            f"{each.subject} of {each.society} is in {each.first} and {each.second} at the same "
            "time: if these are two, their numbers are added up"
        )
        advice = "take the lines of one tower back and import them again: docs/howto/units.md"
        yield Check("warn", f"unit {each.subject}", said, advice)


def check_strays(society: str, found: Sequence[Stray]) -> Check | None:
    """Judge what gateways stored that may not have spoken; None where there is nothing."""
    if not found:
        return None
    said = (
        f"readings from times at which their gateway may not speak: {len(found)}, of "
        f"{', '.join(sorted({each.gateway for each in found}))}"
    )
    advice = f"cloud-ingest meter strays --society '{society}': docs/howto/bindings.md"
    return Check("warn", f"bindings of {society}", said, advice)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text.partition("-")[0]))


def _range() -> str:
    oldest, newest = (".".join(map(str, v)) for v in (OLDEST_EXTENSION, NEWEST_EXTENSION))
    return oldest if oldest == newest else f"{oldest} to {newest}"


def _shown(size: int, *, up: bool = False) -> str:
    """Return bytes as the server writes them, rounded down or up."""
    for unit, name in ((GB, "GB"), (MB, "MB"), (KB, "kB")):
        if size >= 10 * unit or (size >= unit and size % unit == 0):
            return f"{-(-size // unit) if up else size // unit}{name}"
    return f"{-(-size // KB) if up else size // KB}kB"
