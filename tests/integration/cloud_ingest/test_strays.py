# SPDX-License-Identifier: MIT
"""What a wrong gateway stored before a person said so: it is told, and may be set aside."""

from datetime import datetime, timedelta

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.core.accept import Accepted, accept
from cloud_ingest.entries.bindings import Said, bind, move, unbind
from cloud_ingest.entries.strays import set_strays_aside, stray_readings
from cloud_ingest.operate.checks import check_strays
from cloud_ingest.store.commit import commit
from cloud_ingest.store.quarantine import list_entries, replay
from cloud_ingest.store.registry import load_registry
from cloud_ingest.store.strays import strays
from tests.support.gateway import MAKER, Sealer, block_line
from tests.support.store import SOCIETY, Site, local, unit_line

START = local("2026-07-01 00:00")
HOUR = timedelta(hours=1)
MOVED = START + HOUR
TOLD = START + timedelta(days=1)
ASHA = Said("Asha", "gw-a read the flat above", TOLD)


class Mixed(Site):
    """Gateway A read a meter until 1:00, and went on under its number; B read it from then on."""

    def __init__(self, site: Site) -> None:
        vars(self).update(vars(site))
        self.other = self.enrol(Sealer("gw-b"))
        self.units(unit_line("A-1", "1"), unit_line("A-2", "2"))
        for hour, raw in ((0, 100), (1, 101), (2, 4242), (3, 103)):
            self.say(self.gateway, START + hour * HOUR, raw)
        for hour, raw in ((2, 102), (3, 103)):
            self.say(self.other, START + hour * HOUR, raw)

    def say(self, sealer: Sealer, at: datetime, raw: int) -> None:
        payload = sealer.seal(block_line("1", [(at, raw)]))
        verdict = accept(sealer.topic, payload, load_registry(self.conn), at)
        assert isinstance(verdict, Accepted)
        commit(self.conn, [verdict])

    def replay_all(self) -> None:
        for entry in list_entries(self.conn):
            replay(self.conn, load_registry(self.conn), entry.quarantine_id, TOLD)

    def raws(self) -> list[int]:
        return [row[0] for row in self.all("SELECT raw FROM reading ORDER BY ts")]

    def strays(self) -> list[tuple[str, datetime, int, bool]]:
        found = stray_readings(self.conn, SOCIETY)
        return [(each.gateway, each.at, each.claim.raw, each.is_elected) for each in found]


@pytest.fixture
def mixed(site: Site) -> Mixed:
    return Mixed(site)


def test_a_move_dated_back_leaves_strays(mixed: Mixed) -> None:
    assert mixed.strays() == []
    move(mixed.conn, SOCIETY, ["1"], "gw-b", ASHA, at=MOVED)
    left = [("gw-a", START + 2 * HOUR, 4242, True)]  # of 3:00 both said the same
    assert mixed.strays() == left
    mixed.replay_all()
    assert mixed.strays() == left
    society_id = mixed.one("SELECT society_id FROM society")
    assert strays(mixed.conn, society_id, told_since=TOLD + HOUR) == []


def test_a_damaged_batch_says_nothing_and_hides_no_stray(mixed: Mixed) -> None:
    move(mixed.conn, SOCIETY, ["1"], "gw-b", ASHA, at=MOVED)
    mixed.replay_all()
    mixed.conn.execute(
        "UPDATE evidence SET evidence = 'x' WHERE received_at = %s", (START + 3 * HOUR,)
    )
    assert mixed.strays() == [("gw-a", START + 2 * HOUR, 4242, True)]


def test_what_is_set_aside_gives_way_and_stays_stored(mixed: Mixed) -> None:
    move(mixed.conn, SOCIETY, ["1"], "gw-b", ASHA, at=MOVED)
    mixed.replay_all()
    done = set_strays_aside(mixed.conn, SOCIETY, ["1"], ASHA)
    assert [each.claim.raw for each in done.strays] == [4242]
    assert mixed.raws() == [100, 101, 102, 103]
    assert mixed.one("SELECT count(*) FROM claim WHERE raw = 4242") == 1
    assert mixed.all("SELECT kind, author, reason FROM ruling") == [
        ("set_aside", "Asha", "gw-a read the flat above")
    ]
    assert mixed.strays() == []
    assert set_strays_aside(mixed.conn, SOCIETY, [], ASHA).strays == []


def test_a_binding_that_is_given_back_leaves_none(mixed: Mixed) -> None:
    unbind(mixed.conn, SOCIETY, ["1"], "gw-a", ASHA, at=START - HOUR)
    assert len(mixed.strays()) == 4
    bind(mixed.conn, SOCIETY, ["1"], "gw-a", ASHA)
    assert mixed.strays() == []


def test_a_move_at_once_leaves_none(mixed: Mixed) -> None:
    move(mixed.conn, SOCIETY, ["1"], "gw-b", ASHA, at=TOLD)
    assert mixed.strays() == []


def test_the_commands_say_what_is_left(
    mixed: Mixed, store_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOT_UTILITY_DSN", store_dsn)
    word = ("--by", "Asha", "--reason", "it read the flat above")

    def run(*words: str) -> list[str]:
        result = CliRunner().invoke(app, ["meter", *words, "--society", SOCIETY])
        assert result.exit_code == 0, result.output
        return result.output.splitlines()

    assert run("strays") == [
        "No reading is stored that only a gateway said which may not speak for its meter."
    ]
    move_it = ("move", "1", "--to", "gw-b", "--from", "2026-07-01 01:00", *word)
    assert run(*move_it) == [
        "1 meter moved to gw-b; 0 already were",
        "2 entries of it in quarantine: cloud-ingest quarantine replay --all",
        "1 reading stored of gw-a, from times at which it may not speak: look with cloud-ingest "
        "meter strays",
    ]
    mixed.replay_all()
    assert run(*move_it) == [
        "0 meters moved to gw-b; 1 already were",
        "1 reading stored of gw-a, from times at which it may not speak: look with cloud-ingest "
        "meter strays",
    ]
    assert run("strays")[-1].split() == [
        *(MAKER, "1", "gw-a", "2026-07-01", "02:00", "2026-07-01", "02:00", "1", "1")
    ]
    society_id = mixed.one("SELECT society_id FROM society")
    warned = check_strays(SOCIETY, strays(mixed.conn, society_id))
    assert warned is not None
    assert warned.said.endswith("may not speak: 1, of gw-a")
    mixed.conn.execute(
        "INSERT INTO month_close (society_id, month, closed_at, last_closed_at, manifest) "
        "VALUES (%s, '2026-06', now(), now(), '')",
        (society_id,),
    )
    mixed.conn.commit()
    assert run("strays", "--set-aside", *word) == [
        "1 reading set aside",
        f"close 2026-06 again: cloud-ingest close-month 2026-06 --society '{SOCIETY}'",
    ]
    assert check_strays(SOCIETY, strays(mixed.conn, society_id)) is None
