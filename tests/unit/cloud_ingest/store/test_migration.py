# SPDX-License-Identifier: MIT
"""What a migration's header says, and which files a store lacks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.errors import MigrationRefused
from cloud_ingest.store.migration import (
    Applied,
    Migration,
    applicable,
    kind_that_is_applied,
    migrations,
    missing,
)


def test_every_file_of_ours_can_run_in_a_transaction() -> None:
    for migration in migrations():
        assert "CONCURRENTLY" not in migration.text, migration.name


@pytest.mark.parametrize(
    ("header", "kinds"),
    [
        ("", {"timescale", "apache", "plain"}),
        ("-- edition: timescale\n", {"timescale"}),
        ("-- edition: portable\n-- why\n", {"apache", "plain"}),
        ("-- edition: apache\n", {"apache"}),
        ("-- edition: plain\n", {"plain"}),
        ("-- edition: plain is told elsewhere\n", {"timescale", "apache", "plain"}),
    ],
)
def test_a_header_names_the_kinds_of_store(header: str, kinds: set[str]) -> None:
    migration = Migration("0001_x", f"-- SPDX-License-Identifier: MIT\n{header}\nSELECT 1;\n")
    assert {str(kind) for kind in migration.kinds} == kinds


def test_an_edition_that_is_none_is_not_taken_for_all() -> None:
    with pytest.raises(KeyError):
        _ = Migration("0001_x", "-- edition: comunity\n").kinds


def applied(*done: Migration) -> dict[str, Applied]:
    return {each.name: Applied(each.name, each.checksum, each.oldest) for each in done}


def test_what_is_missing() -> None:
    one, two = Migration("0001_a", "a"), Migration("0002_b", "-- edition: apache\nb")
    assert missing([one, two], {}, 2) == [one, two]
    assert missing([one, two], applied(one), 2) == [two]
    with pytest.raises(MigrationRefused, match="not the one that was applied"):
        missing([one], applied(Migration("0001_a", "other")), 1)
    with pytest.raises(MigrationRefused, match="0002_b, which this program does not know"):
        missing([one], applied(one, two), 1)


ONE = Migration("0001_a", "SELECT 1;")
BESIDE = Migration("0002_b", "-- beside: 0001\nSELECT 2;")
AFTER = Migration("0003_c", "-- after: 0002\nSELECT 3;")
ALONE = Migration("0004_d", "SELECT 4;")


def test_a_header_says_which_programs_go_on() -> None:
    told = [(each.number, each.oldest, each.can_wait) for each in (ONE, BESIDE, AFTER, ALONE)]
    assert told == [(1, 1, False), (2, 1, False), (3, 2, True), (4, 4, False)]


def test_a_former_program_serves_a_store_that_allows_it() -> None:
    assert missing([ONE], applied(ONE, BESIDE), 1) == []
    assert missing([ONE, BESIDE], applied(ONE, BESIDE, AFTER), 2) == []
    with pytest.raises(MigrationRefused, match="0003_c, which this program does not know"):
        missing([ONE], applied(ONE, BESIDE, AFTER), 1)
    with pytest.raises(MigrationRefused, match="0002_b, which this program does not know"):
        missing([ONE], applied(ONE) | {"0002_b": Applied("0002_b", "x")}, 1)


def test_workers_decide_what_is_applied_now() -> None:
    assert applicable([BESIDE, AFTER], [1, 2]) == [BESIDE]
    assert applicable([BESIDE, AFTER], [3, 2]) == [BESIDE, AFTER]
    assert applicable([BESIDE, AFTER, ALONE], []) == [BESIDE, AFTER, ALONE]
    with pytest.raises(MigrationRefused, match=r"0004_d changes .* 0003.*: stop each"):
        applicable([ALONE], [3])
    with pytest.raises(MigrationRefused, match=r"0004_d comes after 0003_c.* one version at a"):
        applicable([AFTER, ALONE], [1])


HEADERS = st.sampled_from(["", "beside", "after"])


@given(st.lists(st.tuples(HEADERS, st.integers(1, 9)), max_size=6), st.lists(st.integers(1, 9)))
def test_no_worker_meets_a_store_that_it_cannot_serve(
    plan: list[tuple[str, int]], serving: list[int]
) -> None:
    lacks = [
        Migration(f"{number:04}_x", f"-- {header}: {min(oldest, number):04}\n" if header else "")
        for number, (header, oldest) in enumerate(plan, start=4)
    ]
    try:
        now = applicable(lacks, serving)
    except MigrationRefused:
        assert any(min(serving) < each.oldest for each in lacks)
        return
    assert lacks[: len(now)] == list(now)
    assert all(each.can_wait for each in lacks[len(now) :])
    for version in serving:
        known = [each for each in lacks if each.number <= version]
        missing(known, applied(*now), version)


def test_the_kind_of_a_store_stands_in_what_was_applied() -> None:
    everything = [
        Migration("0001_a", "-- edition: portable\n"),
        Migration("0002_b", "-- edition: apache\n"),
        Migration("0003_c", "-- edition: plain\n"),
    ]
    assert kind_that_is_applied(everything, []) is None
    assert kind_that_is_applied(everything, ["0001_a"]) is None
    assert kind_that_is_applied(everything, ["0001_a", "0002_b"]) == "apache"
    assert kind_that_is_applied(everything, ["0003_c"]) == "plain"
