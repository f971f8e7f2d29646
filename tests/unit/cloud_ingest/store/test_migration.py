# SPDX-License-Identifier: MIT
"""What a migration's header says, and where its statements end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.errors import MigrationRefused
from cloud_ingest.store.migration import (
    Migration,
    kind_that_is_applied,
    migrations,
    missing,
    statements,
)

HELD = (
    "'a; b'",
    "'it''s; so'",
    '"a;b"',
    "$$ BEGIN; x := 'y; END $$",
    "$body$ $$ ; $body$",
    "/* ; */ 1",
    "-- a; b\n1",
)


@given(st.lists(st.lists(st.sampled_from([*HELD, "SELECT", "x"]), min_size=1), max_size=6))
def test_statements_end_at_their_semicolons_alone(parts: list[list[str]]) -> None:
    wanted = [" ".join(part).strip() for part in parts]
    assert statements(";\n".join(wanted)) == wanted
    assert statements(";".join([*wanted, " \n"])) == wanted


def test_comments_alone_are_no_statement() -> None:
    assert statements("-- no-transaction\n;/* x; */ ;;\n-- end") == []
    assert statements("-- why;\nSELECT 1;\n-- end\n") == ["-- why;\nSELECT 1"]


def test_every_file_of_ours_can_be_cut() -> None:
    for migration in migrations():
        parts = statements(migration.text)
        assert parts, migration.name
        assert all(part.count("$$") % 2 == 0 for part in parts), migration.name


@pytest.mark.parametrize(
    ("header", "kinds", "in_transaction"),
    [
        ("", {"timescale", "apache", "plain"}, True),
        ("-- edition: timescale\n", {"timescale"}, True),
        ("-- edition: portable\n-- no-transaction\n", {"apache", "plain"}, False),
        ("-- edition: apache\n", {"apache"}, True),
        ("-- edition: plain\n", {"plain"}, True),
        ("-- no-transaction is told elsewhere\n", {"timescale", "apache", "plain"}, True),
    ],
)
def test_what_a_header_says(header: str, kinds: set[str], *, in_transaction: bool) -> None:
    migration = Migration("0001_x", f"-- SPDX-License-Identifier: MIT\n{header}\nSELECT 1;\n")
    assert {str(kind) for kind in migration.kinds} == kinds
    assert migration.in_transaction == in_transaction


def test_an_edition_that_is_none_is_not_taken_for_all() -> None:
    with pytest.raises(KeyError):
        _ = Migration("0001_x", "-- edition: comunity\n").kinds


def test_what_is_missing() -> None:
    one, two = Migration("0001_a", "a"), Migration("0002_b", "-- edition: apache\nb")
    assert missing([one, two], {}) == [one, two]
    assert missing([one, two], {"0001_a": one.checksum}) == [two]
    with pytest.raises(MigrationRefused, match="not the one that was applied"):
        missing([one], {"0001_a": "other"})
    with pytest.raises(MigrationRefused, match="0002_b, which this program does not know"):
        missing([one], {"0002_b": two.checksum})


def test_the_kind_of_a_store_stands_in_what_was_applied() -> None:
    everything = [
        Migration("0001_a", "-- edition: portable\n"),
        Migration("0002_b", "-- edition: apache\n"),
        Migration("0003_c", "-- edition: plain\n"),
    ]
    assert kind_that_is_applied(everything, {}) is None
    assert kind_that_is_applied(everything, {"0001_a": ""}) is None
    assert kind_that_is_applied(everything, {"0001_a": "", "0002_b": ""}) == "apache"
    assert kind_that_is_applied(everything, {"0003_c": ""}) == "plain"
