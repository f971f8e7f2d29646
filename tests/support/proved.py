# SPDX-License-Identifier: MIT
"""Proofs out of a store whose gateway sends a neighbour's readings in the same batches."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from cloud_ingest.core.accept import accept
from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.month.close import close_month
from cloud_ingest.month.explain import Asked
from cloud_ingest.prove.proof import prove
from cloud_ingest.prove.sheet import proof_sheet
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.commit import commit
from cloud_ingest.store.registry import load_registry
from shared_schema.catalogue import Service
from shared_schema.proof.check import check, readings_of
from shared_schema.proof.pack import Proof, read_proof, write_proof
from shared_schema.proof.words import Language
from shared_schema.readings import Column
from tests.support.gateway import ENERGY, MAKER, Sealer, block_line
from tests.support.store import SOCIETY, Site, every, local, unit_line

LANGUAGES: tuple[Language, ...] = ("en", "hi")
START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
BEFORE, AFTER = START - timedelta(days=1), END + timedelta(days=2)
HALF = local("2026-07-16 00:00")
NOW = local("2026-08-05 09:00")
HOUR = timedelta(hours=1)
FIRST = 12_345_000
NEIGHBOUR, NEXT_DOOR, THEIRS = "77700077", "B-0815", 987_650_000
"""A serial number, a label and registers that must be in no proof."""
Rows = Sequence[tuple[datetime, int]]


def send(
    site: Site,
    serial: str,
    rows: Rows,
    column: Column = ENERGY,
    sealer: Sealer | None = None,
    *,
    maker: str = MAKER,
) -> None:
    """Let a gateway send a meter's rows, and beside them those of the neighbour's meter."""
    sealer = sealer or site.gateway
    for at in range(0, len(rows), 100):
        own = rows[at : at + 100]
        theirs = [(ts, THEIRS + number) for number, (ts, _) in enumerate(own)]
        payload = sealer.seal(
            block_line(serial, own, column, 3600, maker=maker),
            block_line(NEIGHBOUR, theirs, ENERGY, 3600),
        )
        received = own[-1][0] + HOUR
        told = accept(sealer.topic, payload, load_registry(site.conn), received)
        commit(site.conn, [told])


def units(site: Site, *lines: str) -> None:
    site.units(*lines, unit_line(NEXT_DOOR, NEIGHBOUR))


def replaced(site: Site) -> None:
    """Let the meter 2 take the place of the meter 1 in the middle of July."""
    units(
        site,
        unit_line("A-1", "1", until="2026-07-16"),
        unit_line("A-1", "2", since="2026-07-16"),
    )
    send(site, "1", every(BEFORE, HALF, FIRST, 10, HOUR))
    send(site, "2", every(HALF, AFTER, 70, 10, HOUR))


def close(site: Site, hours: int = 0) -> None:
    refresh(site.conn, NOW)
    close_month(site.conn, SOCIETY, "2026-07", NOW + hours * HOUR)


def proved(
    site: Site,
    service: Service = Service.ELECTRICITY,
    unit: str = "A-1",
    *,
    month: str = "2026-07",
    subject_type: SubjectKind = "unit",
    now: datetime = NOW,
) -> Proof:
    """The proof, as it is read back from its file: no neighbour, no line that nothing rests on."""
    asked = Asked(SOCIETY, month, unit, service, subject_type)
    proof = prove(site.conn, asked, now + 9 * HOUR)
    data = write_proof(proof)
    verdict = check(read_proof(data))
    assert [each for each in verdict.checks if not each.holds] == []
    named = {
        (index, block)
        for index, batch in enumerate(proof.batches)
        for block, line in enumerate(batch.blocks)
        if line.startswith('{"kind":"key"')
    }
    places = [each.signed for _, each in readings_of(proof) if each.signed is not None]
    assert {(each.batch, each.block) for each in places} | named == {
        (index, block)
        for index, batch in enumerate(proof.batches)
        for block in range(len(batch.blocks))
    }
    pages = [proof_sheet(proof, verdict, "proof.json", language) for language in LANGUAGES]
    for text in (data, *(page.encode() for page in pages)):
        for theirs in (NEIGHBOUR, NEXT_DOOR, str(THEIRS)[:5]):
            assert theirs.encode() not in text
    return proof


def quantity(proof: Proof) -> Decimal:
    assert proof.number is not None
    return Decimal(json.loads(proof.number.message)["quantity"])


def claims(proof: Proof) -> list[str]:
    return [each.name for each in check(proof).claims]


def july(first: int = FIRST, step: int = 10) -> Rows:
    return every(BEFORE, AFTER, first, step, HOUR)
