# SPDX-License-Identifier: MIT
"""What a migration's header says, and which files a store lacks."""

import pytest

from cloud_ingest.errors import MigrationRefused
from cloud_ingest.store.migration import Migration, kind_that_is_applied, migrations, missing


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
