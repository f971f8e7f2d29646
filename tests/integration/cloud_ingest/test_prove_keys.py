# SPDX-License-Identifier: MIT
"""A proof carries the steps from key to key, so that the first sheet ties all."""

from cloud_ingest.core.accept import accept
from cloud_ingest.store.assignment_versions import Word
from cloud_ingest.store.commit import commit
from cloud_ingest.store.gateway_keys import revoke_keys
from cloud_ingest.store.registry import load_registry
from shared_schema.message import format_utc
from shared_schema.proof.check import check
from shared_schema.proof.verdict import fingerprint_of
from shared_schema.readings import KeyChange
from shared_schema.signing import fingerprint, generate_key, raw_public_key
from tests.support.evidence import let_go
from tests.support.gateway import ENERGY, block_line
from tests.support.proved import (
    HALF,
    HOUR,
    NEIGHBOUR,
    NOW,
    THEIRS,
    claims,
    close,
    july,
    proved,
    send,
    units,
)
from tests.support.store import Site, unit_line


def change_key(site: Site) -> str:
    """Let the gateway name its next key, which signs from then on; return the fingerprint."""
    successor = generate_key()
    line = KeyChange(successor=raw_public_key(successor.public_key()).hex()).to_line()
    beside = block_line(NEIGHBOUR, [(HALF, THEIRS)], ENERGY, 3600)
    told = accept(
        site.gateway.topic, site.gateway.seal(beside, line), load_registry(site.conn), HALF + HOUR
    )
    commit(site.conn, [told])
    site.gateway.key = successor
    return fingerprint(successor.public_key())


def test_the_first_key_ties_what_its_successors_signed(site: Site) -> None:
    units(site, unit_line("A-1", "1"))
    first = fingerprint(site.gateway.key.public_key())
    rows = july()
    send(site, "1", rows[:200])
    change_key(site)
    send(site, "1", rows[200:300])
    third = change_key(site)
    send(site, "1", rows[300:])
    close(site)
    proof = proved(site)
    assert len(proof.batches) == 4, "two readings, and two steps"
    assert [check(proof, {each}).state for each in (first, third)] == ["tied", "untied"]
    let_go(site.conn, NOW)
    assert proved(site) == proof, "a month that was shortened keeps its steps"


def test_a_step_that_nothing_rests_on_is_left_out(site: Site) -> None:
    units(site, unit_line("A-1", "1"))
    send(site, "1", july())
    change_key(site)
    close(site)
    assert len(proved(site).batches) == 2


def test_a_key_that_was_taken_back_is_told(site: Site) -> None:
    units(site, unit_line("A-1", "1"))
    send(site, "1", july())
    close(site)
    revoke_keys(site.conn, site.gateway.name, Word("A. Nair", "stolen", NOW))
    proof = proved(site)
    (key,) = proof.keys
    assert (key.revoked_at, claims(proof)) == (format_utc(NOW), ["revoked"])
    assert check(proof, {fingerprint_of(key)}).state == "tied"
