# SPDX-License-Identifier: MIT
"""Every number of a store has a proof that holds, and shows nobody else's readings."""

from datetime import UTC, datetime
from typing import NamedTuple

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.month.explain import Asked
from cloud_ingest.prove.proof import prove
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.rows import all_rows
from shared_schema.catalogue import Service
from shared_schema.proof.check import borders_of, check
from shared_schema.proof.pack import Proof, read_proof, write_proof
from shared_schema.proof.signed import SignedBlock


class _Sent(NamedTuple):
    society: str
    month: str
    subject_type: SubjectKind
    subject: str
    service: str


class _Span(NamedTuple):
    """When a meter served somebody, in seconds since 1970."""

    serial: str
    since: int
    until: int


def faults(conn: Connection) -> list[str]:
    """What is wrong with the proofs of all numbers that were ever sent."""
    sent = all_rows(
        conn,
        _Sent,
        """
        SELECT DISTINCT society.name AS society, month, subject_type, subject, service
        FROM month_number JOIN society USING (society_id)
        """,
    )
    return [fault for each in sent for fault in _faults(conn, each)]


def _faults(conn: Connection, each: _Sent) -> list[str]:
    asked = Asked(each.society, each.month, each.subject, Service(each.service), each.subject_type)
    proof = read_proof(write_proof(prove(conn, asked, datetime(2030, 1, 1, tzinfo=UTC))))
    found = [f"{one.name} {one.about}" for one in check(proof).checks if not one.holds]
    return [f"the proof of {each}: {fault}" for fault in (*found, *_of_others(conn, proof))]


def _of_others(conn: Connection, proof: Proof) -> list[str]:
    """Rows from when a meter served somebody else; a border is both's."""
    spans = all_rows(
        conn,
        _Span,
        """
        SELECT serial, extract(epoch FROM valid_from)::bigint AS since,
               coalesce(extract(epoch FROM valid_to)::bigint, 4102444800) AS until
        FROM assignment JOIN meter USING (meter_id)
        WHERE (subject_type, subject) <> (%s, %s) AND service = %s
        """,
        (proof.subject.type, proof.subject.id, proof.service),
    )
    borders = {int(datetime.fromisoformat(each.at).timestamp()) for each in borders_of(proof)}
    blocks = [SignedBlock.read(line) for batch in proof.batches for line in batch.blocks]
    return [
        f"a row of {row[0]} is of whom {span.serial} serves then"
        for block in blocks
        for row in block.rows
        for span in spans
        if span.serial == block.meter.serial and row[0] is not None and row[0] not in borders
        if span.since < row[0] < span.until
    ]
