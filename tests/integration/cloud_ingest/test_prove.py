# SPDX-License-Identifier: MIT
"""The proof of a number that was sent: each case out of a store, checked as a resident checks it.

A neighbour's readings travel in the same batches; nothing of them may be in the proof.
"""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.entries.bindings import Said, move
from cloud_ingest.entries.epochs import add_epoch
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.named_reading import NamedReading, Word
from cloud_ingest.entries.seals import see_seals
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.entries.units import Named, take_back
from cloud_ingest.errors import CloseRefused, NotFound, ProofRefused
from cloud_ingest.month.correction import correct_reading
from cloud_ingest.month.explain import Asked
from cloud_ingest.prove.proof import prove
from cloud_ingest.prove.sheet import proof_sheet
from cloud_ingest.store.commit import commit
from shared_schema.catalogue import Service
from shared_schema.proof.check import check
from shared_schema.proof.pack import read_proof, write_proof
from shared_schema.proof.verdict import fingerprint_of
from shared_schema.proof.words import verdict_lines
from shared_schema.signing import generate_key
from shared_schema.verify import main as verify
from tests.support.gateway import MAKER, WATER, Sealer, block_line
from tests.support.proved import (
    AFTER,
    BEFORE,
    END,
    FIRST,
    HALF,
    HOUR,
    NEXT_DOOR,
    NOW,
    START,
    claims,
    close,
    july,
    proved,
    quantity,
    replaced,
    send,
    units,
)
from tests.support.store import SOCIETY, Site, every, kwh, unit_line


def test_a_plain_month_is_signed_at_both_borders(site: Site) -> None:
    units(site, unit_line("A-1", "1"))
    send(site, "1", july())
    close(site)
    proof = proved(site)
    assert quantity(proof) == kwh(10 * 31 * 24)
    assert (claims(proof), check(proof).signed_borders) == ([], 2)
    (key,) = proof.keys
    assert check(proof, {fingerprint_of(key)}).state == "tied"


def test_water_is_proved_as_well(site: Site) -> None:
    units(site, unit_line("A-1", "1", service="water", source="inlet-1"))
    send(site, "1", july(), WATER)
    close(site)
    proof = proved(site, Service.WATER)
    assert (quantity(proof), proof.unit) == (kwh(10 * 31 * 24), "kL")


def test_seals_stand_beside_the_serial_number(site: Site) -> None:
    units(site, unit_line("A-1", "1"), unit_line("A-2", "2"))
    send(site, "1", july())
    close(site)
    said = Said("Asha", "beside A-2, sealed", START + 9 * HOUR)
    for serial, seal in (("1", "S-1"), ("2", "S-2")):
        see_seals(site.conn, SOCIETY, serial, [seal], said, at=START + 8 * HOUR)
    proof = proved(site)
    assert [(each.meter.serial, each.seals, each.why) for each in proof.seals] == [
        ("1", ("S-1",), "beside […], sealed")
    ]
    verdict = check(proof)
    told = "\n".join(verdict_lines(proof, verdict, set()))
    assert f"{MAKER} 1: sealed with S-1, seen on 2026-07-01 08:00" in told
    page = proof_sheet(proof, verdict, "proof.json", "en")
    assert "Seals of these meters" in page
    assert "S-2" not in page


def test_both_keys_of_a_rotation_are_shown(site: Site) -> None:
    units(site, unit_line("A-1", "1"))
    rows = july()
    send(site, "1", rows[:200])
    site.gateway.key = generate_key()
    site.enrol(site.gateway)
    send(site, "1", rows[200:])
    close(site)
    proof = proved(site)
    prints = {fingerprint_of(key) for key in proof.keys}
    assert len(prints) == 2
    assert check(proof, prints).state == "tied"
    assert [check(proof, {each}).state for each in prints] == ["untied", "untied"]


def test_a_meter_may_change_its_gateway(site: Site) -> None:
    units(site, unit_line("A-1", "1"))
    rows = july()
    send(site, "1", rows[:200])
    other = site.enrol(Sealer("gw-b"), "Tower 1")
    said = Said("Asha", "the gateway was replaced", rows[200][0])
    move(site.conn, SOCIETY, ["1"], "gw-b", said, at=rows[200][0])
    send(site, "1", rows[200:], sealer=other)
    close(site)
    assert {key.gateway for key in proved(site).keys} == {"gw-a", "gw-b"}


def test_a_replaced_meter_has_two_parts(site: Site) -> None:
    replaced(site)
    close(site)
    proof = proved(site)
    assert [part.opening.meter.serial for part in proof.parts] == ["1", "2"]
    assert quantity(proof) == kwh(10 * 31 * 24)
    assert [each.meter.serial for each in proof.meters] == ["1", "2"]


def test_a_meter_that_moved_shows_nothing_of_who_has_it_now(site: Site) -> None:
    units(
        site,
        unit_line("A-1", "1", until="2026-07-16"),
        unit_line("C-9", "1", since="2026-07-16"),
    )
    rows = [(at, raw if at <= HALF else raw + 5_000_000) for at, raw in july()]
    send(site, "1", [row for row in rows if row[0] <= HALF])
    send(site, "1", [row for row in rows if row[0] > HALF])
    close(site)
    data = write_proof(proved(site))
    for theirs in ("C-9", *(str(raw) for at, raw in rows if at > HALF)):
        assert theirs.encode() not in data


def test_a_block_that_is_not_ones_own_alone_is_not_shown(site: Site) -> None:
    units(
        site,
        unit_line("A-1", "1", until="2026-07-16"),
        unit_line("C-9", "1", since="2026-07-16"),
    )
    send(site, "1", [row for row in july() if row[0] <= HALF - HOUR])
    send(site, "1", [row for row in july() if row[0] > HALF - HOUR])
    close(site)
    closing = proved(site).parts[0].closing
    assert (closing.signed, closing.unsigned) == (None, "others")
    assert claims(proved(site)) == ["unsigned", "beside"]


def test_a_register_that_turned_over_has_its_entry(site: Site) -> None:
    units(site, unit_line("A-1", "1"))
    rows = [(at, raw % 100_000_000) for at, raw in every(BEFORE, AFTER, 99_996_000, 10, HOUR)]
    send(site, "1", rows)
    turned = next(at for at, raw in rows if raw < 1000)
    add_epoch(
        site.conn,
        SOCIETY,
        NamedMeter("A-1", Service.ELECTRICITY),
        starts_at=turned,
        adds=Decimal(100_000),
        reason="five digits",
        by="caretaker",
        now=NOW,
    )
    close(site)
    proof = proved(site)
    assert quantity(proof) == kwh(10 * 31 * 24)
    (epoch,) = proof.epochs
    assert (Decimal(epoch.adds), epoch.by) == (Decimal(100_000), "caretaker")
    assert claims(proof) == ["epoch"]


def test_an_old_meter_is_the_word_of_who_read_it(site: Site) -> None:
    units(site, unit_line("A-1", "1").replace(",no,", ",yes,"))
    for value, at in (("900", START), ("940", END + 8 * HOUR)):
        self_read(
            site.conn,
            SOCIETY,
            NamedMeter("A-1", Service.ELECTRICITY),
            value=Decimal(value),
            at=at,
            by=f"caretaker of {NEXT_DOOR}",
            now=NOW,
            force_because=None,
        )
    close(site)
    proof = proved(site)
    assert (quantity(proof), proof.batches, proof.keys) == (Decimal(40), (), ())
    assert claims(proof) == ["self_read", "self_read", "beside"]
    assert proof.meters[0].legacy
    assert {each.by for each in proof.entries if each.kind == "self_read"} == {"caretaker of […]"}


def test_a_border_that_was_put_right_shows_what_the_meter_said(site: Site) -> None:
    units(site, unit_line("A-1", "1"))
    send(site, "1", [(at, 0 if at == END else raw) for at, raw in july()])
    close(site)
    true = FIRST + 10 * 32 * 24
    named = NamedReading(NamedMeter("A-1", Service.ELECTRICITY), END, value=kwh(true + 3))
    word = Word("enter", "manager", "photo of the dial")
    correct_reading(site.conn, SOCIETY, named, word, NOW + HOUR, apply=True)
    close(site, 2)
    proof = proved(site)
    assert quantity(proof) == kwh(10 * 31 * 24 + 3)
    assert claims(proof) == ["edit"]
    assert ("enter", "manager", "photo of the dial") in [
        (each.kind, each.by, each.why) for each in proof.entries
    ]
    signed = [each.register_value for each in proof.others if each.signed is not None]
    assert "0.000" in signed


def test_a_placed_border_lies_between_signed_readings(site: Site) -> None:
    units(site, unit_line("A-1", "1"))
    send(site, "1", [(at, 0 if at == END else raw) for at, raw in july()])
    close(site)
    closing = proved(site).parts[0].closing
    assert closing.before is not None
    assert closing.after is not None
    assert None not in {closing.before.signed, closing.after.signed}
    assert claims(proved(site)) == ["estimate"]


def test_a_withheld_month_says_so(site: Site) -> None:
    units(site, unit_line("A-1", "1"))
    send(site, "1", every(BEFORE, END - 200 * HOUR, FIRST, 10, HOUR))
    close(site)
    proof = proved(site)
    assert (proof.state, proof.number, proof.parts) == ("withheld", None, ())
    assert proof.reasons
    assert claims(proof) == ["no_number"]
    assert any(each.signed is not None for each in proof.others)


def test_a_number_that_was_taken_back_says_so(site: Site) -> None:
    units(site, unit_line("A-1", "1"))
    send(site, "1", july())
    close(site)
    named = Named("A-1", Service.ELECTRICITY)
    said = {"by": "manager", "reason": f"the meter is of {NEXT_DOOR}", "now": NOW + HOUR}
    take_back(site.conn, SOCIETY, named, apply=True, **said)  # type: ignore[arg-type]
    close(site, 2)
    assert proved(site).state == "withdrawn"


def test_an_epoch_that_came_later_is_not_in_the_number(site: Site) -> None:
    """What stands is what was sent: a proof counts with what the number knew."""
    units(site, unit_line("A-1", "1"))
    rows = [(at, raw if at <= END else raw - FIRST) for at, raw in july()]
    send(site, "1", rows)
    close(site)
    before = proved(site)
    add_epoch(
        site.conn,
        SOCIETY,
        NamedMeter("A-1", Service.ELECTRICITY),
        starts_at=END + HOUR,
        adds=kwh(FIRST),
        reason="reset",
        by="caretaker",
        now=NOW,
    )
    assert (proved(site).number, proved(site).epochs) == (before.number, ())


def test_what_came_late_is_found(site: Site) -> None:
    """A batch with the border comes 50 days after it, among others."""
    units(site, unit_line("A-1", "1"))
    send(site, "1", [row for row in july() if row[0] != END])
    payload = site.gateway.seal(block_line("1", [(END, FIRST + 10 * 32 * 24)]))
    commit(site.conn, [site.verdict(payload, END + timedelta(days=50))])
    close(site)
    assert claims(proved(site)) == []


@pytest.mark.parametrize(
    ("unit", "month", "says"),
    [
        ("A-1", "2026-08", "the month is not closed"),
        ("A-2", "2026-07", "there is A-1"),
        ("A-1", "2027-01", "has not begun"),
    ],
)
def test_where_there_is_no_number_it_says_so(site: Site, unit: str, month: str, says: str) -> None:
    units(site, unit_line("A-1", "1"))
    send(site, "1", july())
    close(site)
    with pytest.raises((ProofRefused, NotFound, CloseRefused), match=says):
        prove(site.conn, Asked(SOCIETY, month, unit, Service.ELECTRICITY), NOW)


def test_the_command_writes_both_files(site: Site, store_dsn: str, tmp_path: Path) -> None:
    units(site, unit_line("A-1", "1"))
    send(site, "1", july())
    close(site)
    path = tmp_path / "a-1.json"
    words = ["prove", "--unit", "A-1", "--service", "electricity", "--month", "2026-07"]
    store = ["--society", SOCIETY, "--dsn", store_dsn]
    said = CliRunner().invoke(app, [*words, *store, "--out", str(path), "--language", "hi"])
    assert said.exit_code == 0, said.output
    assert "2 of 2 borders are signed" in said.output
    (key,) = read_proof(path.read_bytes()).keys
    assert verify([str(path), "--trust", fingerprint_of(key)]) == 0
    page = path.with_suffix(".html").read_text("utf-8")
    assert '<html lang="hi">' in page
    assert "7.440 kWh" in page


@pytest.mark.parametrize(
    ("out", "says"),
    [
        ("/nowhere/a.json", "cannot write /nowhere/a.json: No such file"),
        ("/tmp/notes.html", "name a .json"),  # noqa: S108 - it is refused
    ],
)
def test_a_place_that_cannot_be_is_one_line(
    site: Site, store_dsn: str, out: str, says: str
) -> None:
    units(site, unit_line("A-1", "1"))
    send(site, "1", july())
    close(site)
    words = ["prove", "--unit", "A-1", "--service", "electricity", "--month", "2026-07"]
    store = ["--society", SOCIETY, "--dsn", store_dsn]
    said = CliRunner().invoke(app, [*words, *store, "--out", out])
    assert said.exit_code == 2
    assert says in said.output
