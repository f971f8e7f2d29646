# SPDX-License-Identifier: MIT
"""Whoever is erased: proofs that were given out before hold, and a proof made since has no name."""

from cloud_ingest.core.role import Role
from cloud_ingest.entries.bindings import Said
from cloud_ingest.entries.people import add_person
from cloud_ingest.entries.seals import see_seals
from cloud_ingest.month.close import close_month
from cloud_ingest.month.erasure import erase_person
from shared_schema.proof.check import check
from shared_schema.proof.pack import read_proof, write_proof
from tests.support.proved import NEIGHBOUR, NEXT_DOOR, NOW, START, close, july, proved, send
from tests.support.store import SOCIETY, Site, unit_line

ASHA = "Asha Rao"


def test_proofs_hold_and_no_number_is_sent_again(site: Site) -> None:
    site.units(unit_line("A-1", "1"), unit_line(NEXT_DOOR, NEIGHBOUR))
    send(site, "1", july())
    close(site)
    for login, name in (("asha", ASHA), ("ravi", "Ravi")):
        add_person(site.conn, SOCIETY, login, name, Role.MANAGER, unit=None, by="me", now=NOW)
    word = Said(ASHA, "I looked", NOW)
    assert see_seals(site.conn, SOCIETY, "1", ["S-77"], word, at=START)
    whole = write_proof(proved(site))
    sent, signed = "SELECT message, sha256 FROM month_number", "SELECT evidence FROM batch_evidence"
    before = site.all(sent), site.all(signed)
    alias = erase_person(site.conn, "asha", by="Ravi", now=NOW)
    assert (site.all(sent), site.all(signed)) == before
    verdict = check(read_proof(whole))
    assert [each for each in verdict.checks if not each.holds] == []
    anew = proved(site)
    assert anew.number == read_proof(whole).number
    assert ASHA.encode() not in write_proof(anew)
    assert site.one("SELECT author FROM meter_seal") == alias
    assert close_month(site.conn, SOCIETY, "2026-07", NOW).published == 0
