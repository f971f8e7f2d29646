# SPDX-License-Identifier: MIT
"""The commands around the store: what they say, and what they take from the settings."""

import json

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.operate import review
from cloud_ingest.store.commit import commit
from tests.support.store import SOCIETY, Site, local


def run(dsn: str, *words: str, **environment: str) -> tuple[int, list[str]]:
    result = CliRunner().invoke(app, list(words), env={"IOT_UTILITY_DSN": dsn, **environment})
    return result.exit_code, result.output.splitlines()


def test_migrate_takes_the_zone_of_the_settings(empty_dsn: str) -> None:
    code, lines = run(empty_dsn, "migrate", IOT_UTILITY_ZONE="Asia/Dubai")
    assert code == 0
    assert "(Asia/Dubai, " in lines[0]
    assert run(empty_dsn, "migrate", IOT_UTILITY_ZONE="Asia/Dubai")[0] == 0
    code, lines = run(empty_dsn, "migrate", "--zone", "Asia/Kolkata", IOT_UTILITY_ZONE="Asia/Dubai")
    assert (code, len(lines)) == (2, 1)


def test_a_list_that_is_cut_says_so(
    site: Site, store_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review, "MOST_LISTED", 2)
    at = local("2026-07-01 00:00")
    for number, length in ((2, 3), (3, 4)):
        commit(site.conn, [site.verdict(b"garbage %d" % number, at), site.verdict(b"more", at)])
        code, lines = run(store_dsn, "quarantine", "list", COLUMNS="200")
        assert (code, len(lines)) == (0, length)
    assert lines[-1].startswith("These are the newest 2, there are more: narrow the list")
    _, lines = run(store_dsn, "quarantine", "list", "--json")
    assert len(json.loads(lines[0])) == 3


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("group", ["quarantine", "events"])
def test_a_society_that_nobody_knows_has_no_list(store_dsn: str, group: str) -> None:
    assert run(store_dsn, group, "list", "--society", SOCIETY)[0] == 0
    assert run(store_dsn, group, "list", IOT_UTILITY_SOCIETY="Lake Veiw")[0] == 2
    code, lines = run(store_dsn, group, "list", "--society", "Lake Veiw")
    assert (code, lines) == (
        2,
        [f"cloud-ingest: no society is called 'Lake Veiw': there is '{SOCIETY}'"],
    )
