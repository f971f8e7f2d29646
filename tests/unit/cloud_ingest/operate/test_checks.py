# SPDX-License-Identifier: MIT
"""The doctor's judgements: what is wrong is found, told, and what is right is not."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.operate import checks
from cloud_ingest.operate.checks import GB, MB, Check
from cloud_ingest.store.identity import Rollups
from cloud_ingest.store.migrate import Store, Tables
from cloud_ingest.store.server_facts import (
    Clock,
    EvidenceSize,
    Extension,
    Job,
    Marks,
    Parts,
    Server,
)

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SETTINGS = {
    "autovacuum": "on",
    "data_checksums": "on",
    "effective_cache_size": str(6 * GB),
    "fsync": "on",
    "full_page_writes": "on",
    "maintenance_work_mem": str(256 * MB),
    "max_connections": "100",
    "max_locks_per_transaction": "64",
    "max_parallel_workers": "8",
    "max_prepared_transactions": "0",
    "max_worker_processes": "27",
    "server_version": "15.20 (Debian)",
    "server_version_num": "150020",
    "shared_buffers": str(2 * GB),
    "synchronous_commit": "on",
    "timescaledb.license": "timescale",
    "timescaledb.max_background_workers": "16",
    "work_mem": str(16 * MB),
}
COMMUNITY = Extension("2.28.3", "2.28.3", preloaded=True, license="timescale")
APACHE = Extension("2.28.3", "2.28.3", preloaded=True, license="apache")
NONE = Extension(None, None, preloaded=False, license=None)


def server(
    changes: Mapping[str, object] | None = None,
    *,
    memory: int | None = 8 * GB,
    source: str = "configuration file",
) -> Server:
    changed = {name: str(value) for name, value in (changes or {}).items()}
    return Server({**SETTINGS, **changed}, dict.fromkeys(SETTINGS, source), memory)


def levels(found: Iterable[Check]) -> dict[str, str]:
    return {check.name: check.level for check in found}


def needs_advice(check: Check) -> bool:
    return (check.level == "ok") == (check.advice == "")


@pytest.mark.parametrize(
    ("number", "level"),
    [(140012, "fail"), (150020, "ok"), (180006, "ok"), (190000, "warn")],
)
def test_the_version_of_the_server(number: int, level: str) -> None:
    found = checks.check_server(server({"server_version_num": number}))
    assert (found.level, needs_advice(found)) == (level, True)
    if level == "warn":
        assert found.advice == "the tests run on 18, with TimescaleDB on 15 and 17"


def test_what_follows_from_the_edition_is_said() -> None:
    assert "continuous aggregates" in checks.check_edition(COMMUNITY).said
    assert "portable rollups, retention" in checks.check_edition(APACHE).said
    assert "native partitions" in checks.check_edition(NONE).said


@pytest.mark.parametrize(
    ("extension", "level", "says", "advises"),
    [
        (NONE, "ok", "no files", ""),
        (COMMUNITY, "ok", "preloaded and tested", ""),
        (
            Extension(None, "2.28.3", preloaded=False, license=None),
            "warn",
            "not preloaded",
            "not CREATE EXTENSION before",
        ),
        (
            Extension(None, "2.28.3", preloaded=True, license=None),
            "warn",
            "not in this database",
            "cloud-ingest migrate",
        ),
        (
            Extension("2.28.3", "2.28.3", preloaded=False, license=None),
            "fail",
            "cannot be read",
            "shared_preload_libraries",
        ),
        (
            Extension("2.28.1", "2.28.3", preloaded=True, license="timescale"),
            "warn",
            "the server has 2.28.3",
            "ALTER EXTENSION timescaledb UPDATE",
        ),
        (
            Extension("2.9.1", "2.9.1", preloaded=True, license="apache"),
            "warn",
            "not tested",
            "2.28, the last for PostgreSQL 15",
        ),
        (
            Extension("2.29.0-dev", "2.29.0-dev", preloaded=True, license="timescale"),
            "warn",
            "not tested",
            "2.28",
        ),
    ],
)
def test_how_the_extension_is_set_up(
    extension: Extension, level: str, says: str, advises: str
) -> None:
    found = checks.check_extension(extension)
    assert found.level == level
    assert says in found.said
    assert advises in found.advice
    assert needs_advice(found)


def test_an_apache_licence_says_how_to_have_more() -> None:
    chosen = checks.check_licence(APACHE, server({"timescaledb.license": "apache"}))
    assert chosen is not None
    assert chosen.advice.startswith("timescaledb.license = 'timescale'")
    built = checks.check_licence(APACHE, server(source="default"))
    assert built is not None
    assert "package" in built.advice
    assert (built.level, chosen.level) == ("warn", "warn")
    assert checks.check_licence(COMMUNITY, server()) is None
    assert checks.check_licence(NONE, server()) is None


@pytest.mark.parametrize(
    ("extension", "rollups", "tables", "level"),
    [
        (COMMUNITY, "continuous", "hypertable", "ok"),
        (COMMUNITY, "portable", "partitions", "warn"),
        (APACHE, "portable", "hypertable", "ok"),
        (APACHE, "continuous", "hypertable", "fail"),
        (NONE, "portable", "partitions", "ok"),
        (NONE, "continuous", "hypertable", "fail"),
    ],
)
def test_whether_the_store_fits_the_edition(
    extension: Extension, rollups: Rollups, tables: Tables, level: str
) -> None:
    found = checks.check_rollups(extension, Store(UUID(int=1), ZoneInfo("UTC"), rollups, tables))
    assert (found.level, needs_advice(found)) == (level, True)


@pytest.mark.parametrize("memory", [8 * GB, None])
@pytest.mark.parametrize(
    ("name", "little", "much"),
    [
        ("shared_buffers", 128 * MB, 6 * GB),
        ("work_mem", 64 * 1024, GB),
        ("maintenance_work_mem", 16 * MB, 3 * GB),
        ("effective_cache_size", 512 * MB, 64 * GB),
    ],
)
def test_memory(memory: int | None, name: str, little: int, much: int) -> None:
    assert set(levels(checks.check_memory(server(memory=memory))).values()) == {"ok"}
    low = {c.name: c for c in checks.check_memory(server({name: little}, memory=memory))}[name]
    assert (low.level, "or more" in low.advice) == ("warn", True)
    high = {c.name: c for c in checks.check_memory(server({name: much}, memory=memory))}[name]
    bounded = memory is not None or name in {"work_mem", "maintenance_work_mem"}
    assert (high.level, "or less" in high.advice) == (("warn", True) if bounded else ("ok", False))


@given(
    memory=st.none() | st.integers(256 * MB, 4096 * GB),
    connections=st.integers(1, 10_000),
    sizes=st.lists(st.integers(64 * 1024, 8192 * GB), min_size=4, max_size=4),
)
def test_the_advice_on_memory_never_contradicts_itself(
    memory: int | None, connections: int, sizes: list[int]
) -> None:
    names = ("shared_buffers", "work_mem", "maintenance_work_mem", "effective_cache_size")
    given_ = {**dict(zip(names, sizes, strict=True)), "max_connections": connections}
    for found in checks.check_memory(server(given_, memory=memory)):
        if found.level == "ok":
            continue
        told = found.advice.split()[2]
        unit = {"k": 1024, "M": MB, "G": GB}[told[-2]]
        changed = {**given_, found.name: int(told[:-2]) * unit}
        after = levels(checks.check_memory(server(changed, memory=memory)))
        assert after[found.name] == "ok"


def test_locks_for_a_statement_over_the_whole_history() -> None:
    assert checks.check_locks(server(), Parts(0, 0)).level == "ok"
    assert checks.check_locks(server(), Parts(500, 1600)).level == "ok"
    some = checks.check_locks(server(), Parts(1000, 3000))
    assert (some.level, some.advice.split(" or ")[0]) == (
        "warn",
        "max_locks_per_transaction = 120",
    )
    assert (
        checks.check_locks(server({"max_locks_per_transaction": 120}), Parts(1000, 3000)).level
        == "ok"
    )
    assert checks.check_locks(server(), Parts(3000, 9000)).level == "fail"


def test_evidence_that_only_grows_is_told() -> None:
    size = EvidenceSize(
        months=16, bytes_in_months=9 << 30, whole=13, newest=1 << 30, batches=2 << 30, waits=True,
        keeps=None,
    )  # fmt: skip
    found = checks.check_evidence(size)
    assert (found.level, "is being moved" in found.said, "9GB" in found.said) == ("ok", True, True)
    grown = checks.check_evidence(replace(size, whole=14))
    assert (grown.level, "cloud-ingest evidence keep 13" in grown.advice) == ("warn", True)
    assert checks.check_evidence(replace(size, whole=14, keeps=24)).level == "ok"


def test_background_workers() -> None:
    found = checks.check_workers(server())
    assert found is not None
    assert found.level == "ok"
    few = checks.check_workers(server({"max_worker_processes": 8}))
    assert few is not None
    assert (few.level, "max_worker_processes = 27" in few.advice) == ("warn", True)
    plain = {k: v for k, v in SETTINGS.items() if not k.startswith("timescaledb.")}
    assert checks.check_workers(Server(plain, {}, None)) is None


def test_the_zone_has_to_be_known_on_both_sides() -> None:
    for server_knows, we_know, level in (
        (True, True, "ok"),
        (False, True, "fail"),
        (True, False, "fail"),
    ):
        found = checks.check_zone("Asia/Kolkata", server_knows=server_knows, we_know=we_know)
        assert (found.level, needs_advice(found), "Asia/Kolkata" in found.said) == (
            level,
            True,
            True,
        )


@pytest.mark.parametrize(
    ("apart_s", "took_s", "level", "says"),
    [
        (0, 0.01, "ok", "agree"),
        (4.9, 0, "ok", "agree"),
        (-4.9, 0, "ok", "agree"),
        (6, 0, "fail", "6 s ahead"),
        (-6, 0, "fail", "6 s behind"),
        (20, 30, "ok", "agree"),  # the question itself took so long
        (36, 30, "fail", "6 s ahead"),
    ],
)
def test_the_clocks(apart_s: float, took_s: float, level: str, says: str) -> None:
    clock = Clock(NOW + timedelta(seconds=apart_s), NOW, NOW + timedelta(seconds=took_s))
    found = checks.check_clock(clock)
    assert (found.level, says in found.said, needs_advice(found)) == (level, True, True)


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
def test_what_a_power_cut_would_take(name: str) -> None:
    assert set(levels(checks.check_durability(server())).values()) == {"ok"}
    found = {c.name: c for c in checks.check_durability(server({name: "off"}))}
    assert {n for n, c in found.items() if c.level == "fail"} == {name}
    assert f"{name} = on" in found[name].advice


def test_a_commit_that_waits_for_a_standby_is_durable() -> None:
    found = levels(checks.check_durability(server({"synchronous_commit": "remote_apply"})))
    assert found["synchronous_commit"] == "ok"


def test_checksums_and_autovacuum() -> None:
    assert checks.check_checksums(server()).level == "ok"
    assert checks.check_checksums(server({"data_checksums": "off"})).level == "warn"
    assert checks.check_autovacuum(server()).level == "ok"
    assert checks.check_autovacuum(server({"autovacuum": "off"})).level == "fail"


@pytest.mark.parametrize(
    ("age", "level"),
    [
        (None, "ok"),
        (timedelta(minutes=9), "ok"),
        (timedelta(minutes=11), "warn"),
        (timedelta(minutes=61), "fail"),
    ],
)
def test_marks_that_wait(age: timedelta | None, level: str) -> None:
    marks = Marks(0, None) if age is None else Marks(7, NOW - age)
    assert checks.check_marks(marks, NOW).level == level


def test_policies_beside_the_service() -> None:
    assert levels(checks.check_jobs(())) == {"jobs": "ok"}
    called = Job(7, "policy_retention", "reading", scheduled=False, failed=False)
    assert levels(checks.check_jobs((called,))) == {"jobs": "ok"}
    alone = Job(8, "policy_retention", "reading", scheduled=True, failed=False)
    (found,) = checks.check_jobs((called, alone))
    assert (found.name, found.level) == ("job 8", "fail")
    assert "drops what rollups need: use keep-readings" in found.said
    assert "alter_job(8, scheduled => false)" in found.advice
    compressing = Job(8, "policy_compression", "reading", scheduled=True, failed=False)
    assert levels(checks.check_jobs((compressing,))) == {"job 8": "warn"}
    failing = Job(9, "policy_compression", "reading", scheduled=False, failed=True)
    (found,) = checks.check_jobs((failing,))
    assert (found.level, "job_errors" in found.advice) == ("fail", True)
