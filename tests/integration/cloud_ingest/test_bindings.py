# SPDX-License-Identifier: MIT
"""Who may speak for a meter, in a store: bound first, moved by a person, strangers set aside."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.core.accept import Accepted, accept
from cloud_ingest.core.known import Registry
from cloud_ingest.core.unit_list import COLUMNS
from cloud_ingest.entries.bindings import Said, bind, move, set_strict, unbind
from cloud_ingest.entries.unit_import import import_units
from cloud_ingest.errors import BindingRefused, ImportRefused, NotFound, TextRefused, UserError
from cloud_ingest.flags.bindings import refresh_bindings
from cloud_ingest.operate.send_command import send
from cloud_ingest.store.bindings import bindings
from cloud_ingest.store.commit import CommitResult, commit
from cloud_ingest.store.events import list_events
from cloud_ingest.store.foreign_claims import foreign_claims
from cloud_ingest.store.quarantine import dismiss, list_entries, replay
from cloud_ingest.store.read_failures import unheard_meters
from cloud_ingest.store.registry import enrol_gateway, load_registry
from shared_schema.events import EventKind
from shared_schema.evidence import ForeignMeter, NotBoundEvidence
from shared_schema.gateway import CommandKind
from shared_schema.signing import generate_key, public_key_to_pem
from tests.support.gateway import MAKER, Sealer, block_line
from tests.support.store import SOCIETY, Site, local, unit_line

START = local("2026-07-01 00:00")
HOUR = timedelta(hours=1)
NOW = START + timedelta(days=30)
ACTS = ("bind", "move", "unbind", "strict")
ASHA = Said("Asha", "the riser was moved", NOW)


class Towers(Site):
    """Two towers with a gateway each, one meter on the first."""

    def __init__(self, site: Site) -> None:
        vars(self).update(vars(site))
        self.other = self.enrol(Sealer("gw-b"), "Tower 2")
        self.units(unit_line("A-1", "1"), unit_line("B-1", "9", tower="Tower 2"))

    def say(
        self,
        sealer: Sealer,
        serial: str,
        *rows: tuple[datetime, int],
        registry: Registry | None = None,
    ) -> CommitResult:
        return commit(self.conn, [self.judged(sealer, serial, *rows, registry=registry)])

    def judged(
        self,
        sealer: Sealer,
        serial: str,
        *rows: tuple[datetime, int],
        registry: Registry | None = None,
    ) -> Accepted:
        payload = sealer.seal(block_line(serial, rows))
        known = registry or load_registry(self.conn)
        verdict = accept(sealer.topic, payload, known, NOW)
        assert isinstance(verdict, Accepted)
        return verdict

    def holds(self, *, history: bool = False) -> list[tuple[str, str, object, object, str]]:
        society_id = self.one("SELECT society_id FROM society")
        found = bindings(self.conn, society_id, history=history)
        return [(b.serial, b.gateway, b.valid_from, b.valid_to, b.how) for b in found]

    def raws(self) -> Sequence[int]:
        return [row[0] for row in self.all("SELECT raw FROM reading ORDER BY ts, raw")]

    def flag(self) -> str | None:
        refresh_bindings(self.conn, NOW)
        found = list_events(self.conn, kinds=[EventKind.NOT_BOUND])
        return found[0].event.message if found else None


@pytest.fixture
def towers(site: Site) -> Towers:
    return Towers(site)


def test_a_gateway_can_not_book_for_another_s_meter(towers: Towers) -> None:
    assert towers.say(towers.gateway, "1", (START, 100)).bound == 1
    done = towers.say(towers.other, "1", (START + HOUR, 4242))
    assert (done.batches, done.new, done.quarantined, done.bound) == (1, 0, 1, 0)
    assert towers.raws() == [100]
    assert towers.one("SELECT count(*) FROM batch") == 2  # it is evidence all the same
    (entry,) = list_entries(towers.conn)
    assert (entry.reason, entry.gateway, entry.society) == ("not_bound", "gw-b", SOCIETY)
    assert towers.one("SELECT count(*) FROM claim") == 0


def test_one_flag_names_the_stranger_and_its_meters(towers: Towers) -> None:
    towers.units(unit_line("A-2", "2"), unit_line("A-3", "3"), unit_line("A-4", "4"))
    for serial in "123":
        towers.say(towers.gateway, serial, (START, 100))
        towers.say(towers.other, serial, (START, 4242))
        towers.say(towers.other, serial, (START + HOUR, 4243))
    assert towers.flag() == (
        f"Gateway gw-b sends readings of 3 meters not bound to it then: {MAKER} 1 (bound to gw-a), "
        f"{MAKER} 2 (bound to gw-a), 1 more. They are kept apart. If it reads them now, move or "
        "bind them (cloud-ingest meter move, bind); if not, look for a serial number that stands "
        "on two meters."
    )
    (flag,) = list_events(towers.conn)
    assert flag.event.subject.id == "gw-b"
    found = NotBoundEvidence.model_validate(flag.event.evidence)
    third = ForeignMeter(manufacturer=MAKER, serial="3", bound_to=("gw-a",))
    assert (found.count, found.meters[2]) == (3, third)
    claims = foreign_claims(towers.conn)
    assert [(each.serial, each.batches, each.bound_to) for each in claims] == [
        (serial, 2, ["gw-a"]) for serial in "123"
    ]


def test_after_a_move_the_quarantine_is_taken(towers: Towers) -> None:
    towers.say(towers.gateway, "1", (START, 100))
    towers.say(towers.other, "1", (START + 2 * HOUR, 102))
    towers.say(towers.other, "1", (START + 3 * HOUR, 103))
    assert towers.flag()
    moved = START + HOUR
    assert move(towers.conn, SOCIETY, ["1"], "gw-b", ASHA, at=moved).changed == 1
    assert towers.flag() is None
    for entry in list_entries(towers.conn):
        done = replay(towers.conn, load_registry(towers.conn), entry.quarantine_id, NOW)
        assert (done.new_readings, done.reason) == (1, "")
    # What the old gateway still held back from before the move counts, what it reads now does not.
    late = towers.say(towers.gateway, "1", (moved, 101), (START + 4 * HOUR, 4242))
    assert (late.new, late.quarantined) == (1, 1)
    assert towers.raws() == [100, 101, 102, 103]
    assert "gw-a" in (towers.flag() or "")
    assert towers.holds() == [
        ("1", "gw-a", None, moved, "person"),
        ("1", "gw-b", moved, None, "person"),
    ]
    assert towers.holds(history=True)[0] == ("1", "gw-a", None, None, "first_heard")


def test_the_flag_ends_when_its_entries_are_dismissed(towers: Towers) -> None:
    towers.say(towers.gateway, "1", (START, 100))
    towers.say(towers.other, "1", (START, 4242))
    assert towers.flag()
    for entry in list_entries(towers.conn):
        dismiss(towers.conn, entry.quarantine_id, NOW)
    assert towers.flag() is None
    towers.say(towers.other, "1", (START + HOUR, 4243))
    assert towers.flag()


def test_an_installer_needs_no_second_act(towers: Towers) -> None:
    for sealer, serial in ((towers.gateway, "1"), (towers.other, "9")):
        assert towers.say(sealer, serial, (START, 100)).bound == 1
        assert towers.say(sealer, serial, (START + HOUR, 101)).bound == 0
    assert towers.holds() == [
        ("1", "gw-a", None, None, "first_heard"),
        ("9", "gw-b", None, None, "first_heard"),
    ]
    assert list_entries(towers.conn) == []


def test_a_gateway_of_another_tower_binds_nothing(towers: Towers) -> None:
    assert towers.say(towers.other, "1", (START, 4242)).quarantined == 1
    assert towers.holds() == []
    assert "bound to nobody" in (towers.flag() or "")
    towers.enrol(towers.other, "Tower 1")  # the installer had named the wrong tower
    (entry,) = list_entries(towers.conn)
    assert replay(towers.conn, load_registry(towers.conn), entry.quarantine_id, NOW).new_readings
    assert towers.holds() == [("1", "gw-b", None, None, "first_heard")]


def test_a_tower_that_no_unit_has_bars_nobody(towers: Towers) -> None:
    towers.enrol(towers.other, "T-1, ground floor")
    assert towers.say(towers.other, "1", (START, 100)).new == 1


def test_a_strict_society_waits_for_a_person(towers: Towers) -> None:
    set_strict(towers.conn, SOCIETY, ASHA, strict=True)
    assert towers.say(towers.gateway, "1", (START, 100)).new == 0
    assert bind(towers.conn, SOCIETY, [f"{MAKER}/1"], "gw-a", ASHA).changed == 1
    assert towers.say(towers.gateway, "1", (START + HOUR, 101)).new == 1
    set_strict(towers.conn, SOCIETY, ASHA, strict=False)
    assert towers.say(towers.other, "9", (START, 100)).bound == 1


@pytest.mark.parametrize("first", ["gw-a", "gw-b"])
def test_two_that_claim_at_once_are_not_both_believed(towers: Towers, first: str) -> None:
    towers.enrol(towers.other, "Tower 1")
    stale = load_registry(towers.conn)
    one, two = towers.gateway, towers.other
    order = [one, two] if first == "gw-a" else [two, one]
    done = [towers.say(each, "1", (START, n), registry=stale) for n, each in enumerate(order)]
    assert [(each.new, each.quarantined, each.bound) for each in done] == [(1, 0, 1), (0, 1, 0)]
    assert [(b[1]) for b in towers.holds()] == [first]
    assert f"bound to {first}" in (towers.flag() or "")


def test_two_in_one_commit_are_not_both_believed(towers: Towers) -> None:
    towers.enrol(towers.other, "Tower 1")
    both = [towers.judged(each, "1", (START, 5)) for each in (towers.gateway, towers.other)]
    done = commit(towers.conn, both)
    assert (done.batches, done.new, done.quarantined, done.bound) == (2, 1, 1, 1)


def test_a_silent_meter_is_of_the_gateway_it_was_moved_to(towers: Towers) -> None:
    towers.say(towers.gateway, "1", (START, 100))
    move(towers.conn, SOCIETY, ["1"], "gw-b", ASHA, at=START + HOUR)
    silent = unheard_meters(towers.conn, START + timedelta(days=2), None)
    assert [each.gateway for each in silent if each.serial == "1"] == ["gw-b"]


def test_a_meter_may_hang_on_two_gateways(towers: Towers) -> None:
    towers.say(towers.gateway, "1", (START, 100))
    assert bind(towers.conn, SOCIETY, ["1"], "gw-b", ASHA).changed == 1
    assert bind(towers.conn, SOCIETY, ["1"], "gw-b", ASHA).changed == 0
    assert towers.say(towers.other, "1", (START + HOUR, 101)).new == 1
    assert towers.say(towers.gateway, "1", (START + 2 * HOUR, 102)).new == 1
    assert towers.flag() is None


def test_all_meters_of_a_gateway_move_at_once(towers: Towers) -> None:
    towers.units(unit_line("A-2", "2"))
    for serial in "12":
        towers.say(towers.gateway, serial, (START, 100))
    done = move(towers.conn, SOCIETY, [], "gw-b", ASHA, at=START + HOUR, of="gw-a")
    assert (len(done.meters), done.changed) == (2, 2)
    again = move(towers.conn, SOCIETY, [], "gw-b", ASHA, at=START + HOUR, of="gw-a")
    assert (len(again.meters), again.changed) == (0, 0)
    back = move(towers.conn, SOCIETY, ["1"], "gw-a", ASHA, at=START)
    assert back.changed == 1
    assert [b for b in towers.holds() if b[0] == "1"] == [("1", "gw-a", None, None, "person")]


def test_what_is_unbound_is_nobody_s(towers: Towers) -> None:
    towers.enrol(towers.other, "Tower 1")
    towers.say(towers.gateway, "1", (START, 100))
    assert unbind(towers.conn, SOCIETY, ["1"], "gw-a", ASHA, at=START + HOUR).changed == 1
    assert unbind(towers.conn, SOCIETY, ["1"], "gw-a", ASHA, at=START + HOUR).changed == 0
    for sealer in (towers.gateway, towers.other):
        assert towers.say(sealer, "1", (START + 2 * HOUR, 4242)).new == 0
    bind(towers.conn, SOCIETY, ["9"], "gw-a", ASHA, stretch=(START, None))
    unbind(towers.conn, SOCIETY, ["9"], "gw-a", ASHA, at=START)
    assert [b for b in towers.holds() if b[0] == "9"] == []
    assert towers.say(towers.gateway, "9", (START + HOUR, 1)).new == 0


def test_a_gateway_of_another_society_speaks_for_none_of_ours(towers: Towers) -> None:
    theirs = Sealer("gw-c")
    enrol_gateway(
        towers.conn, "Hill Side", "gw-c", None, public_key_to_pem(theirs.key.public_key())
    )
    assert towers.say(theirs, "1", (START, 4242)).new == 0
    (entry,) = list_entries(towers.conn)
    assert (entry.reason, entry.gateway, entry.society) == ("unknown_meter", "gw-c", "Hill Side")
    with pytest.raises(NotFound, match="has no gateway 'gw-c'"):
        bind(towers.conn, SOCIETY, ["1"], "gw-c", ASHA)


def listed(towers: Towers, *lines: str) -> None:
    path = towers.folder / "listed.csv"
    head = ",".join((*COLUMNS, "gateway"))
    path.write_text("\n".join([head, *lines]), encoding="utf-8")
    import_units(towers.conn, SOCIETY, path, now=NOW)


def test_the_list_of_units_binds(towers: Towers) -> None:
    set_strict(towers.conn, SOCIETY, ASHA, strict=True)
    listed(towers, f"{unit_line('A-1', '1')},gw-b", f"{unit_line('A-2', '2')},")
    listed(towers, f"{unit_line('A-1', '1')},gw-b")
    assert towers.holds() == [("1", "gw-b", None, None, "listed")]
    assert towers.say(towers.other, "1", (START, 100)).new == 1


def test_a_list_moves_no_meter(towers: Towers) -> None:
    towers.say(towers.gateway, "1", (START, 100))
    legacy = unit_line("A-3", "3").replace(",no,", ",yes,")
    with pytest.raises(ImportRefused) as caught:
        listed(
            towers,
            f"{unit_line('A-1', '1')},gw-b",
            f"{unit_line('A-2', '2')},gw-z",
            f"{unit_line('A-4', '4', until='2026-05-01')},gw-a",
            f"{unit_line('A-5', '4', since='2026-05-01')},gw-b",
        )
    assert caught.value.lines == (
        f"line 2: meter {MAKER} 1: it is bound to gw-a: say that it moved "
        "(cloud-ingest meter move)",
        f"line 3: meter {MAKER} 2: gateway 'gw-z' is not enrolled: run cloud-ingest enrol first",
        f"line 5: meter {MAKER} 4: line 4 names gateway gw-a for it: a move is no line's word",
    )
    with pytest.raises(ImportRefused) as caught:
        listed(towers, f"{legacy},gw-a")
    assert caught.value.lines == (
        "line 2: a meter without a data port has no gateway: leave it empty",
    )
    assert towers.holds() == [("1", "gw-a", None, None, "first_heard")]


def test_a_command_goes_to_who_reads_the_meter(towers: Towers) -> None:
    towers.say(towers.gateway, "1", (START, 100))
    key = generate_key()
    arguments = {"key": key, "by": "Asha", "now": NOW, "meters": [f"{MAKER}/1"]}
    with pytest.raises(UserError, match=f"{MAKER} 1 is bound to gw-a: send it there"):
        send(towers.conn, SOCIETY, "gw-b", CommandKind.READ_NOW, **arguments)  # type: ignore[arg-type]
    send(towers.conn, SOCIETY, "gw-a", CommandKind.READ_NOW, **arguments)  # type: ignore[arg-type]


def test_what_a_person_says_must_be_possible(towers: Towers) -> None:
    towers.say(towers.gateway, "1", (START, 100))
    conn = towers.conn
    with pytest.raises(NotFound, match="has no gateway 'gw-z': run cloud-ingest enrol"):
        bind(conn, SOCIETY, ["1"], "gw-z", ASHA)
    with pytest.raises(NotFound, match="has no meter '7'"):
        bind(conn, SOCIETY, ["7"], "gw-b", ASHA)
    with pytest.raises(BindingRefused, match="--until is not after --from"):
        bind(conn, SOCIETY, ["1"], "gw-b", ASHA, stretch=(START, START))
    with pytest.raises(BindingRefused, match="say which meters"):
        move(conn, SOCIETY, [], "gw-b", ASHA, at=START)
    with pytest.raises(TextRefused, match="--by is empty"):
        bind(conn, SOCIETY, ["1"], "gw-b", Said("", "because", NOW))
    towers.units(unit_line("A-2", "1").replace(f",{MAKER},", ",OTHER,"))
    with pytest.raises(BindingRefused, match=f"name one of {MAKER}/1, OTHER/1"):
        bind(conn, SOCIETY, ["1"], "gw-b", ASHA)
    assert towers.holds() == [("1", "gw-a", None, None, "first_heard")]


def test_the_commands_say_what_they_did(
    towers: Towers, store_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOT_UTILITY_DSN", store_dsn)
    monkeypatch.setenv("COLUMNS", "160")

    def run(*words: str) -> list[str]:
        own = ["meter", *words, "--society", SOCIETY]
        said = ["--by", "Asha", "--reason", "riser B"] if words[0] in ACTS else []
        result = CliRunner().invoke(app, [*own, *said])
        return [str(result.exit_code), *result.output.splitlines()]

    assert run("gateways") == ["0", "No meter is bound to a gateway yet."]
    assert run("claims") == ["0", "No gateway speaks for a meter that is not bound to it."]
    towers.say(towers.gateway, "1", (START, 100))
    towers.say(towers.other, "1", (START + HOUR, 101))
    assert run("claims")[-1].split()[:4] == ["gw-b", MAKER, "1", "gw-a"]
    assert run("move", "1", "--to", "gw-b", "--from", "2026-07-01 00:30") == [
        "0",
        "1 meter moved to gw-b; 0 already were",
        "1 entry of it in quarantine: cloud-ingest quarantine replay --all",
    ]
    shown = " ".join(run("gateways"))
    assert shown.count("Asha: riser B") == 2
    assert shown.count("2026-07-01 00:30") == 2
    assert "spoke for it first" in " ".join(run("gateways", "--history"))
    assert run("move", "1", "--to", "gw-b", "--from", "2026-07-01 00:30", "--past")[1:2] == [
        "1 meter moved to gw-b; 0 already were",
    ]
    shown = " ".join(run("gateways"))
    assert shown.count("2026-07-01 00:30") == 1, "the former ends there, the new one counts before"
    assert run("bind", "9", "--gateway", "gw-b")[1] == "1 meter bound to gw-b; 0 already were"
    assert run("unbind", "9", "--gateway", "gw-b", "--from", "2026-01-01") == [
        "0",
        "1 meter not bound to gw-b any more; 0 already were",
    ]
    assert run("strict", "yes")[1] == f"{SOCIETY}: a person alone binds a new meter"
    assert run("move", "--to", "gw-b", "--from", "2026-07-01") == [
        "2",
        "cloud-ingest: say which meters: serial numbers, or all of a gateway with --of",
    ]
