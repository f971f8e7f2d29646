# SPDX-License-Identifier: MIT
"""The commissioning sheet in the cloud: it binds the meters of a line to its gateway."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.entries.bindings import Said, bind, set_strict, unbind
from cloud_ingest.entries.commission import Commissioned, commission
from cloud_ingest.entries.seals import see_seals
from cloud_ingest.errors import ImportRefused, SheetRefused, UserError
from cloud_ingest.store.bindings import bindings
from cloud_ingest.store.gateway_keys import revoke_keys
from cloud_ingest.store.seals import seals_seen
from shared_schema.signing import fingerprint, sign_document
from tests.support.gateway import MAKER, Sealer
from tests.support.store import SOCIETY, Site, local, unit_line

START = local("2026-07-01 00:00")
VISIT = START + timedelta(days=10)
NOW = VISIT + timedelta(hours=3)
ASHA = Said("Asha", "the riser was moved", NOW)


class Riser(Site):
    """Two meters in the list of units, and two gateways."""

    def __init__(self, site: Site) -> None:
        vars(self).update(vars(site))
        self.other = self.enrol(Sealer("gw-b"))
        self.units(unit_line("A-1", "1"), unit_line("A-2", "2"))

    def sheet(self, sealer: Sealer, *serials: str, at: datetime = VISIT, **more: object) -> str:
        """What ``edge-agent commission`` writes; a meter that did not answer stands besides."""
        meters = [
            {
                "label": f"A-{serial} electricity",
                "verdict": "green",
                "examination": {"manufacturer": MAKER, "serial": serial},
            }
            for serial in serials
        ]
        red = {"label": "A-9", "verdict": "red", "examination": None}
        unknown = {"manufacturer": None, "serial": None}
        silent = {"label": "A-8", "verdict": "red", "examination": unknown}
        document = {
            "gateway": sealer.name,
            "key_fingerprint": fingerprint(sealer.key.public_key()),
            "at": at.isoformat(timespec="seconds"),
            "by": "R. Rao",
            "clock_synchronised": True,
            "meters": [*meters, red, silent],
        }
        return sign_document(json.dumps({**document, **more}, indent=2), sealer.key)

    def take(self, text: str, *, moves: bool = False) -> Commissioned:
        return commission(self.conn, SOCIETY, text, by=None, now=NOW, moves=moves)

    def holds(self) -> list[tuple[str, str, object, object, str]]:
        found = bindings(self.conn, self.one("SELECT society_id FROM society"))
        return [(b.serial, b.gateway, b.valid_from, b.valid_to, b.how) for b in found]


@pytest.fixture
def riser(site: Site) -> Riser:
    return Riser(site)


def test_a_sheet_binds_its_meters_in_a_strict_society(riser: Riser) -> None:
    set_strict(riser.conn, SOCIETY, ASHA, strict=True)
    assert riser.take(riser.sheet(riser.gateway, "1", "2")) == Commissioned("gw-a", 2, 0, 0)
    assert riser.holds() == [(serial, "gw-a", None, None, "commissioned") for serial in ("1", "2")]
    # What the meter remembers of the time before the visit counts, too.
    assert riser.deliver("1", [(START, 100), (VISIT, 101)]).new == 2
    (first, _) = bindings(riser.conn, riser.one("SELECT society_id FROM society"))
    assert (first.author, first.reason) == ("R. Rao", "commissioned at gw-a")
    assert riser.take(riser.sheet(riser.gateway, "1", "2")) == Commissioned("gw-a", 0, 0, 2)


def test_a_sheet_takes_no_meter_from_another_gateway(riser: Riser) -> None:
    riser.take(riser.sheet(riser.gateway, "1"))
    with pytest.raises(ImportRefused, match="give --move if gw-b reads them since") as caught:
        riser.take(riser.sheet(riser.other, "1", "2"))
    assert caught.value.lines == (f"meter {MAKER} 1: bound to gw-a",)
    assert riser.holds() == [("1", "gw-a", None, None, "commissioned")]


def test_a_meter_moves_with_its_sheet_if_a_person_says_so(riser: Riser) -> None:
    riser.take(riser.sheet(riser.gateway, "1"))
    sheet = riser.sheet(riser.other, "1", "2")
    assert riser.take(sheet, moves=True) == Commissioned("gw-b", 1, 1, 0)
    assert riser.holds() == [
        ("1", "gw-a", None, VISIT, "person"),
        ("1", "gw-b", VISIT, None, "commissioned"),
        ("2", "gw-b", None, None, "commissioned"),
    ]
    with pytest.raises(SheetRefused, match="meter move --from"):
        riser.take(riser.sheet(riser.gateway, "1", clock_synchronised=False), moves=True)


def test_an_older_sheet_undoes_no_newer_word(riser: Riser) -> None:
    third = riser.enrol(Sealer("gw-c"))
    riser.take(riser.sheet(riser.gateway, "1", at=START))
    riser.take(riser.sheet(riser.other, "1"), moves=True)
    held = riser.holds()
    older = riser.sheet(third, "1", at=VISIT - timedelta(days=2))
    for moves in (False, True):
        with pytest.raises(ImportRefused, match="read meters of it since") as caught:
            riser.take(older, moves=moves)
        assert caught.value.lines[0].startswith(f"meter {MAKER} 1: bound to gw-b from 2026-07-")
    for known in (riser.gateway, riser.other):  # what it says is so already
        assert riser.take(riser.sheet(known, "1", at=START)).already == 1
    assert riser.holds() == held


def test_a_meter_from_the_workshop_is_bound_from_the_sheet_on(riser: Riser) -> None:
    bind(riser.conn, SOCIETY, ["1"], "gw-a", ASHA)
    unbind(riser.conn, SOCIETY, ["1"], "gw-a", ASHA, at=START)
    assert riser.take(riser.sheet(riser.other, "1")).bound == 1
    assert riser.holds() == [
        ("1", "gw-a", None, START, "person"),
        ("1", "gw-b", VISIT, None, "commissioned"),
    ]


def test_a_meter_on_two_gateways_stays_on_both(riser: Riser) -> None:
    for name in ("gw-a", "gw-b"):
        bind(riser.conn, SOCIETY, ["1"], name, ASHA)
    assert riser.take(riser.sheet(riser.other, "1"), moves=True) == Commissioned("gw-b", 0, 0, 1)


def test_the_seals_of_a_sheet_are_kept_with_their_time(riser: Riser) -> None:
    meters = json.loads(riser.sheet(riser.gateway, "1", "2"))["meters"]
    meters[0]["seals"] = ["S-1", "S-2"]
    for _ in range(2):
        riser.take(riser.sheet(riser.gateway, meters=meters))
    later = VISIT + timedelta(hours=1)
    assert see_seals(riser.conn, SOCIETY, f"{MAKER}/1", ["S-3"], ASHA, at=later)
    assert not see_seals(riser.conn, SOCIETY, "1", ["S-3"], ASHA, at=later)
    assert see_seals(riser.conn, SOCIETY, "1", [], ASHA, at=later)  # it was mistyped
    society_id = riser.one("SELECT society_id FROM society")
    assert [(s.serial, s.seen_at, s.seals) for s in seals_seen(riser.conn, society_id)] == [
        ("1", VISIT, ["S-1", "S-2"]),
        ("1", later, []),
    ]
    for seals, at, says in (
        (["S"], NOW + timedelta(days=1), "has not come yet"),
        ([f"S-{n}" for n in range(17)], NOW, "17 seals: give 16 at most"),
        (["a\nb"], NOW, r"a seal has .*U\+000A"),
    ):
        with pytest.raises(UserError, match=says):
            see_seals(riser.conn, SOCIETY, "1", seals, ASHA, at=at)


def test_a_sheet_of_another_key_binds_nothing(riser: Riser) -> None:
    for sheet, says in (
        (riser.sheet(Sealer("gw-a"), "1"), "the key of the sheet is none of gw-a: it is"),
        (riser.sheet(riser.gateway, "1", key_fingerprint=""), "it is not told, and enrolled is"),
        (riser.sheet(Sealer("gw-z"), "1"), "has no gateway gw-z: enrol it first"),
        (riser.sheet(riser.gateway), "no meter of the sheet went into service"),
        (riser.sheet(riser.gateway, "1", by=" "), "does not say who commissioned: give --by"),
        (riser.sheet(riser.gateway, "1", at=NOW + timedelta(hours=1)), "which is to come"),
    ):
        with pytest.raises(SheetRefused, match=says):
            riser.take(sheet)
    signed = riser.sheet(riser.gateway, "1")
    for changed in (
        signed.replace('"1"', '"2"'),
        json.dumps(json.loads(signed)),
        riser.sheet(Sealer("gw-a"), "1", key_fingerprint=json.loads(signed)["key_fingerprint"]),
    ):
        with pytest.raises(SheetRefused, match="the sheet is not as gw-a wrote it"):
            riser.take(changed)
    revoke_keys(riser.conn, "gw-a", ASHA.word())
    with pytest.raises(SheetRefused, match="has no gateway gw-a: enrol it first"):
        riser.take(riser.sheet(riser.gateway, "1"))
    assert riser.holds() == []


def test_a_sheet_before_the_list_of_units_is_refused(riser: Riser) -> None:
    with pytest.raises(ImportRefused, match="the list of units comes first") as caught:
        riser.take(riser.sheet(riser.gateway, "1", "7"))
    assert caught.value.lines == (f"A-7 electricity: meter {MAKER} 7 is not in the list of units",)
    assert riser.holds() == []


def test_the_command_takes_the_file_of_the_agent(
    riser: Riser, store_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOT_UTILITY_DSN", store_dsn)
    path = tmp_path / "commissioning-gw-a-riser-1.json"
    path.write_text(riser.sheet(riser.gateway, "1", "2"))

    def run(*words: str) -> list[str]:
        result = CliRunner().invoke(app, ["meter", *words, "--society", SOCIETY])
        return [str(result.exit_code), *result.output.splitlines()]

    assert run("commission", str(path)) == [
        "0",
        "2 meters bound to gw-a, 0 moved to it; 0 already were",
    ]
    assert run("commission", str(path))[1:] == [
        "0 meters bound to gw-a, 0 moved to it; 2 already were"
    ]
    assert "R. Rao: commissioned at gw-a" in " ".join(run("gateways"))
    assert run("commission", str(tmp_path / "none.json"))[0] == "2"


def test_the_commands_tell_of_seals(
    riser: Riser, store_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOT_UTILITY_DSN", store_dsn)
    riser.units(unit_line("A-1", "1"))
    word = ("--at", "2026-07-12 09:00", "--by", "caretaker", "--reason", "cover opened")

    def run(*words: str) -> list[str]:
        result = CliRunner().invoke(app, ["seal", *words, "--society", SOCIETY])
        assert result.exit_code == 0, result.output
        return result.output.splitlines()

    assert run("list") == ["No seal was recorded."]
    assert run("seen", "1", "S-1", "S-2", *word) == ["meter 1: S-1, S-2"]
    assert run("seen", "1", "S-1", "S-2", *word) == ["meter 1: S-1, S-2, as known"]
    assert run("list", "1")[-1].split() == [
        *(MAKER, "1", "2026-07-12", "09:00", "S-1,", "S-2", "cover", "opened;", "caretaker")
    ]
    assert json.loads("".join(run("list", "--json")))[0]["seals"] == ["S-1", "S-2"]
