# SPDX-License-Identifier: MIT
"""Links between signed batches: those that hold, and what is told of those that do not."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_ingest.errors import UserError
from cloud_ingest.ingest.receipts import signed_receipts
from cloud_ingest.store import outbox
from cloud_ingest.store.commit import CommitResult, commit
from cloud_ingest.store.connection import connect
from cloud_ingest.store.events import list_events
from cloud_ingest.store.evidence import payload as bytes_of
from cloud_ingest.store.evidence import unpack
from cloud_ingest.store.quarantine import dismiss, list_entries, replay, show
from cloud_ingest.store.receipts import heads, stored_ranges
from cloud_ingest.store.registry import load_registry
from shared_schema.events import Event, EventKind, SubjectType
from shared_schema.gateway import Receipt
from shared_schema.readings import line_hash
from shared_schema.signing import generate_key
from tests.support.gateway import Sealer, block_line
from tests.support.service_site import wait_until
from tests.support.store import SOCIETY, Site, local, unit_line

START = local("2026-07-01 00:00")
NOW = START + timedelta(hours=1)
CLOUD_KEY = generate_key()
TOPIC = "metering/v1/society/Lake%20View/events/evidence/gateway/gw-a/all"


@pytest.fixture
def flat(site: Site) -> Site:
    site.units(unit_line("A-1204", "1"))
    return site


def sealed(sealer: Sealer, count: int) -> list[bytes]:
    return [sealer.seal(block_line("1", [(START, n)])) for n in range(count)]


def store(site: Site, *payloads: bytes) -> CommitResult:
    return commit(site.conn, [site.verdict(payload, NOW) for payload in payloads])


def sent(site: Site) -> list[tuple[str, bytes, bool]]:
    due = outbox.hand_out(site.conn, NOW)
    outbox.mark_published(site.conn, [parcel.outbox_id for parcel in due], NOW)
    return [(parcel.topic, parcel.payload, parcel.retain) for parcel in due]


@pytest.mark.parametrize("order", [[1, 2, 3, 4, 5], [5, 4, 3, 2, 1], [3, 5, 1, 4, 2], [1, 2, 4, 5]])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_chain_holds_in_whatever_order_it_comes(
    flat: Site, order: Sequence[int], at_once: bool
) -> None:
    payloads = sealed(flat.gateway, 5)
    arrived = [payloads[n - 1] for n in order]
    for part in [arrived] if at_once else [[each] for each in arrived]:
        assert store(flat, *part).quarantined == 0
    assert flat.one("SELECT count(*) FROM batch") == len(order)
    assert list_events(flat.conn) == []


@pytest.mark.parametrize("order", [[1, 2, 3], [3, 2, 1], [2, 1, 3], [2, 3, 1]])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_broken_link_is_set_aside_and_flagged(
    flat: Site, order: Sequence[int], at_once: bool
) -> None:
    first = sealed(flat.gateway, 1)
    flat.gateway._previous = "0" * 64
    payloads = first + sealed(flat.gateway, 2)
    arrived = [payloads[n - 1] for n in order]
    for part in [arrived] if at_once else [[each] for each in arrived]:
        result = store(flat, *part)
        assert (result.batches, len(result.streams)) == (len(part), 1)
    assert flat.one("SELECT count(*) FROM batch") == 3
    gateway_id = flat.one("SELECT gateway_id FROM gateway")
    assert stored_ranges(flat.conn, gateway_id, flat.gateway.stream) == [(1, 3)]
    (entry,) = list_entries(flat.conn)
    assert (entry.reason, entry.gateway, entry.society) == ("broken_link", "gw-a", SOCIETY)
    assert entry.detail.startswith("batch 2 of stream ")
    _, header = show(flat.conn, entry.quarantine_id)
    assert header == payloads[1].partition(b"\n")[0]
    ((topic, payload, retain),) = sent(flat)
    event = Event.from_line(payload)
    assert (topic, retain) == (TOPIC, True)
    assert (event.kind, event.subject.type, event.subject.id, event.service) == (
        EventKind.EVIDENCE,
        SubjectType.GATEWAY,
        "gw-a",
        "all",
    )
    assert entry.detail in event.message
    assert event.evidence["quarantine"] == entry.quarantine_id
    assert [stored.event for stored in list_events(flat.conn)] == [event]
    store(flat, *payloads)
    assert sent(flat) == []


@pytest.mark.parametrize("holds", [True, False])
def test_links_between_commits_of_one_instant_are_looked_at(
    flat: Site, store_dsn: str, holds: bool
) -> None:
    flat.units(unit_line("A-1204", "1"), unit_line("A-1205", "2"))
    lines = [[block_line(serial, [(START, n)]) for serial in ("1", "2")] for n in range(2)]
    store(flat, flat.gateway.seal(*lines[0]))  # what both would make, and wait for, is there
    first = flat.gateway.seal(lines[1][0])
    if not holds:
        flat.gateway._previous = "0" * 64
    second = flat.gateway.seal(lines[1][1])
    verdicts = [flat.verdict(payload, NOW) for payload in (first, second)]
    with connect(store_dsn) as other, ThreadPoolExecutor(1) as pool:
        with flat.conn.transaction():
            commit(flat.conn, verdicts[:1])
            later = pool.submit(commit, other, verdicts[1:])
            wait_until(lambda: later.done() or waits_for_a_lock(flat))
        assert later.result().batches == 1
    reasons = [entry.reason for entry in list_entries(flat.conn)]
    assert reasons == ([] if holds else ["broken_link"])
    assert len(list_events(flat.conn)) == len(reasons)


def waits_for_a_lock(site: Site) -> bool:
    waiting = """
        SELECT count(*) FROM pg_locks JOIN pg_database ON database = pg_database.oid
        WHERE NOT granted AND datname = current_database()
    """
    return bool(site.one(waiting))


def test_the_flag_ends_when_a_person_has_dismissed_every_entry(flat: Site) -> None:
    other = Sealer("gw-a", flat.gateway.key)
    other.stream = flat.gateway.stream
    store(flat, *sealed(flat.gateway, 1))
    fork = other.seal(block_line("1", [(START, 9)]))
    flat.gateway._previous = "0" * 64
    store(flat, fork, *sealed(flat.gateway, 1))
    entries = list_entries(flat.conn)
    assert sorted(entry.reason for entry in entries) == ["broken_link", "fork"]
    (raised,) = sent(flat)
    for entry in entries:
        assert len(list_events(flat.conn)) == 1
        dismiss(flat.conn, entry.quarantine_id, NOW)
    assert list_events(flat.conn) == []
    (topic, last_word, _), emptied = sent(flat)
    over = Event.from_line(last_word)
    assert (topic, over.state, over.cleared_at) == (TOPIC, "cleared", NOW)
    assert over.id == Event.from_line(raised[1]).id
    assert emptied == (TOPIC, b"", True)
    store(flat, fork)  # the gateway sends it again: a person has seen it
    assert sent(flat) == []


def test_a_broken_link_is_replayed_by_nobody(flat: Site) -> None:
    store(flat, *sealed(flat.gateway, 1))
    flat.gateway._previous = "0" * 64
    store(flat, *sealed(flat.gateway, 1))
    (entry,) = list_entries(flat.conn)
    with pytest.raises(UserError, match="then dismiss it"):
        replay(flat.conn, load_registry(flat.conn), entry.quarantine_id, NOW)


def test_each_variant_is_kept_and_replayed_by_a_person(flat: Site) -> None:
    store(flat, *sealed(flat.gateway, 1))
    clones = [Sealer("gw-a", flat.gateway.key) for _ in range(2)]
    variants = []
    for n, clone in enumerate(clones, start=1):
        clone.stream = flat.gateway.stream
        rows = [(START, n), (START + timedelta(minutes=n), n)]
        variants.append(clone.seal(block_line("1", rows)))
    assert store(flat, *variants, *variants).quarantined == 2
    entries = {show(flat.conn, entry.quarantine_id)[1]: entry for entry in list_entries(flat.conn)}
    assert entries.keys() == set(variants)
    for payload, entry in entries.items():
        done = replay(flat.conn, load_registry(flat.conn), entry.quarantine_id, NOW)
        assert (done.state, done.new_readings) == ("replayed", 1)
        evidence = flat.all("SELECT evidence FROM batch_evidence ORDER BY batch_id DESC LIMIT 1")[
            0
        ][0]
        assert bytes_of(unpack(evidence)) == payload
    assert flat.one("SELECT count(*) FROM batch") == 3
    assert flat.one("SELECT count(*) FROM reading") == 3
    assert flat.all("SELECT raw FROM claim ORDER BY raw") == [(1,), (2,)]
    assert list_events(flat.conn) == []
    assert heads_of(flat) == ([(1, 1)], [(1, flat.gateway._previous)])
    assert store(flat, *variants).quarantined == 0  # a person has seen them


def test_a_fork_gets_a_receipt_that_names_what_is_stored(flat: Site) -> None:
    (stored,) = sealed(flat.gateway, 1)
    store(flat, stored)
    clone = Sealer("gw-a", flat.gateway.key)
    clone.stream = flat.gateway.stream
    (stream,) = store(flat, clone.seal(block_line("1", [(START, 9)]))).streams
    ((_topic, message),) = signed_receipts(flat.conn, [stream], CLOUD_KEY)
    receipt = Receipt.from_line(message.partition(b"\n")[0])
    assert receipt.ranges == ((1, 1),)
    assert receipt.heads == ((1, line_hash(stored.partition(b"\n")[0])),)
    assert receipt.heads[0][1] != clone._previous


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    missing=st.sets(st.integers(1, 12)),
    broken=st.sets(st.integers(2, 12)),
    limit=st.integers(1, 5),
)
def test_a_head_covers_a_chain_that_holds(
    flat: Site, missing: set[int], broken: set[int], limit: int
) -> None:
    flat.gateway = Sealer("gw-a", flat.gateway.key)
    hashes: dict[int, str] = {}
    names: dict[int, str | None] = {}
    for seq in range(1, 13):
        if seq in broken:
            flat.gateway._previous = "0" * 64
        names[seq] = flat.gateway._previous
        (payload,) = sealed(flat.gateway, 1)
        hashes[seq] = line_hash(payload.partition(b"\n")[0])
        if seq not in missing:
            store(flat, payload)
    ranges, heads = heads_of(flat, limit)
    covered = [seq for first, last in ranges for seq in range(first, last + 1)]
    assert not set(covered) & missing
    assert covered[-1:] == sorted(set(hashes) - missing)[-1:]
    ends = dict(heads)
    assert {last for _, last in ranges} <= ends.keys() <= set(covered)
    assert all(hashes[seq] == found for seq, found in heads)
    for first, last in ranges:
        for seq in range(first + 1, last + 1):
            assert seq - 1 in ends or names[seq] == hashes[seq - 1]


def heads_of(site: Site, limit: int = 500) -> tuple[list[tuple[int, int]], list[tuple[int, str]]]:
    gateway_id, stream = site.one("SELECT gateway_id FROM gateway"), site.gateway.stream
    return heads(site.conn, gateway_id, stream, stored_ranges(site.conn, gateway_id, stream), limit)


def test_the_last_number_of_all_has_no_next(flat: Site) -> None:
    flat.gateway.seq, flat.gateway._previous = 2**63 - 3, "0" * 64
    payloads = sealed(flat.gateway, 2)
    assert store(flat, *payloads).batches == 2
    assert list_entries(flat.conn) == []


def test_gateways_and_streams_do_not_mix(flat: Site) -> None:
    for sealer in (flat.gateway, Sealer("gw-a", flat.gateway.key)):
        assert store(flat, *sealed(sealer, 3)).quarantined == 0
