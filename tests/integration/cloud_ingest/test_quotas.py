# SPDX-License-Identifier: MIT
"""What a gateway brings beyond its quotas: bounded, counted and told; its readings go in."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import pytest

from cloud_ingest.core.accept import QuarantineReason, Refused
from cloud_ingest.core.quota import DEFAULT_QUOTAS, HOUR, Quotas
from cloud_ingest.flags.quotas import refresh_quotas
from cloud_ingest.operate.review import replayable
from cloud_ingest.operate.upkeep import upkeep
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.commit import CommitResult, commit
from cloud_ingest.store.events import list_events
from cloud_ingest.store.quarantine import QuarantineState, list_entries, replay
from cloud_ingest.store.quarantine_room import KEPT_FOR, MOST_ENTRIES, dropped
from cloud_ingest.store.registry import load_registry
from shared_schema.catalogue import Unit
from shared_schema.events import EventKind
from shared_schema.obis import Obis
from shared_schema.readings import Column, KeyChange
from shared_schema.signing import generate_key, raw_public_key
from shared_schema.topics import GatewayTopic, billing_ack_topic, gateway_topic
from tests.support.gateway import Sealer, block_line
from tests.support.store import Site, local, unit_line

START = local("2026-07-01 00:00")
MINUTE = timedelta(minutes=1)
SMALL = Quotas(
    messages_an_hour=10,
    streams_an_hour=2,
    keys_an_hour=3,
    channels_an_hour=20,
    channels_a_meter=15,
    quarantine_bytes=10_000,
)


@pytest.fixture
def flat(site: Site) -> Site:
    site.units(unit_line("A-1204", "1"), unit_line("A-1205", "2"), unit_line("A-1206", "3"))
    return site


def column(number: int) -> Column:
    return Column(obis=Obis(1, 0, number, 128, 1, 255), scaler=0, unit=Unit.WATT_HOUR)


def lines(serial: str, numbers: Iterable[int], at: datetime = START) -> list[bytes]:
    """A block a channel."""
    return [block_line(serial, [(at, number)], column(number)) for number in numbers]


def store(
    site: Site, *payloads: bytes, at: datetime = START + MINUTE, quotas: Quotas = SMALL
) -> CommitResult:
    return commit(site.conn, [site.verdict(each, at) for each in payloads], quotas=quotas)


def junk(
    gateway: str, texts: Sequence[bytes], at: datetime = START, reason: str = "malformed"
) -> list[Refused]:
    topic = gateway_topic(gateway, GatewayTopic.READINGS)
    return [
        Refused(topic, text, gateway, QuarantineReason(reason), "it is none", at) for text in texts
    ]


def texts(first: int, count: int, size: int = 10) -> list[bytes]:
    return [b"%d " % number + bytes(size) for number in range(first, first + count)]


def kept(site: Site) -> int:
    return int(site.one("SELECT coalesce(sum(octet_length(payload)), 0) FROM quarantine"))


def told(site: Site, now: datetime, quotas: Quotas = SMALL) -> tuple[str, ...]:
    """Judge, and return which quotas the open flag names."""
    refresh_quotas(site.conn, quotas, now)
    flags = list_events(site.conn, kinds=[EventKind.QUOTA])
    assert len(flags) <= 1
    return tuple(flags[0].event.evidence["quotas"]) if flags else ()  # type: ignore[arg-type]


def test_a_meter_gets_no_more_channels_than_a_meter_has(flat: Site) -> None:
    """Sixty batches of 64 new channels each made 3,840; now 512."""
    for batch in range(60):
        codes = (Obis(1, 0, number, 128, batch, 255) for number in range(64))
        columns = [Column(obis=code, scaler=0, unit=Unit.WATT_HOUR) for code in codes]
        names = [block_line("1", [(START, 1)], each) for each in columns]
        store(flat, flat.gateway.seal(*names), quotas=DEFAULT_QUOTAS)
    assert flat.one("SELECT count(*) FROM channel") == DEFAULT_QUOTAS.channels_a_meter
    assert flat.one("SELECT count(*) FROM batch") == 60


def test_known_channels_go_in_beside_too_many_new_ones(flat: Site) -> None:
    store(flat, flat.gateway.seal(*lines("1", range(10)), *lines("2", range(9))))
    assert flat.one("SELECT count(*) FROM channel") == 19
    later = START + MINUTE
    done = store(
        flat,
        flat.gateway.seal(*lines("1", range(10), later), *lines("3", range(9), later)),
        flat.gateway.seal(*lines("2", range(9), later + MINUTE)),
    )
    assert (done.batches, done.new) == (2, 20), "one new channel was within the quota"
    (entry,) = list_entries(flat.conn, reason="quota")
    assert (entry.gateway, entry.ordinal, entry.times) == ("gw-a", None, 1)
    assert entry.detail == "8 blocks of 1 meters would begin too many channels"
    assert told(flat, later) == ("channels",)


def test_what_was_over_the_quota_can_be_replayed(flat: Site) -> None:
    store(flat, flat.gateway.seal(*lines("1", range(15)), *lines("2", range(15))))
    assert flat.one("SELECT count(*) FROM reading") == 20
    (entry,) = list_entries(flat.conn, reason="quota")
    assert replayable(flat.conn) == [], "by its number alone"
    done = replay(flat.conn, load_registry(flat.conn), entry.quarantine_id, START + HOUR)
    assert (done.state, done.new_readings) == (QuarantineState.REPLAYED, 10)
    assert flat.one("SELECT count(*) FROM reading") == 30


def test_a_new_hour_has_its_own_channels(flat: Site) -> None:
    store(flat, flat.gateway.seal(*lines("1", range(15)), *lines("2", range(15))))
    store(flat, flat.gateway.seal(*lines("2", range(15), START + HOUR)), at=START + HOUR + MINUTE)
    assert flat.one("SELECT count(*) FROM channel") == 30


def test_a_batch_of_one_stream_too_many_waits(flat: Site) -> None:
    others = [Sealer("gw-a", flat.gateway.key) for _ in range(3)]
    sent = [each.seal(*lines("1", [0], START + n * MINUTE)) for n, each in enumerate(others)]
    done = store(flat, *sent, at=START + 10 * MINUTE)
    assert (done.batches, done.new) == (2, 2)
    assert len(done.streams) == 2, "the third gets no receipt"
    (entry,) = list_entries(flat.conn, reason="quota")
    assert (entry.batch_id, entry.society) == (None, flat.society)
    done = store(flat, *sent, at=START + HOUR)
    assert (done.batches, done.new) == (1, 1)
    assert len(done.streams) == 3


def naming(site: Site, count: int) -> bytes:
    keys = (raw_public_key(generate_key().public_key()).hex() for _ in range(count))
    return site.gateway.seal(*(KeyChange(successor=each).to_line() for each in keys))


def test_a_batch_of_one_next_key_too_many_waits(flat: Site) -> None:
    swarm = naming(flat, 30)
    sent = [naming(flat, 1) for _ in range(4)]
    assert store(flat, swarm).batches == 0
    assert told(flat, START + MINUTE) == ("keys",)
    done = store(flat, *sent, at=START + HOUR)
    assert (done.batches, len(done.streams)) == (SMALL.keys_an_hour, 1)
    assert flat.one("SELECT count(*) FROM gateway_key") == 1 + SMALL.keys_an_hour
    assert store(flat, *sent[:3], at=START + HOUR).batches == 0, "they are stored"
    assert store(flat, sent[3], at=START + 2 * HOUR).batches == 1


def test_a_backlog_of_known_streams_has_no_quota(flat: Site) -> None:
    store(flat, flat.gateway.seal(*lines("1", [0])))
    backlog = [flat.gateway.seal(*lines("1", [0], START + n * MINUTE)) for n in range(1, 101)]
    tight = Quotas(1, 1, 1, 1, 1, 1)
    assert store(flat, *backlog, at=START + 2 * HOUR, quotas=tight).new == 100


def test_junk_is_bounded_and_its_newest_kept(flat: Site) -> None:
    """400 messages of 60 kB took 25 MB for ever; here 100 of 1 kB, with room for 10."""
    room = Quotas(quarantine_bytes=10_240)
    for first in range(0, 100, 5):
        at = START + first * timedelta(seconds=1)
        commit(flat.conn, junk("gw-a", texts(first, 5, 1000), at), quotas=room)
        assert kept(flat) <= 10_240
    (gone,) = dropped(flat.conn)
    assert (gone.gateway, gone.reason, gone.first_at) == ("gw-a", "malformed", START)
    entries = list_entries(flat.conn)
    assert gone.times + len(entries) == 100
    numbers = sorted(
        int(bytes(payload).split()[0]) for (payload,) in flat.all("SELECT payload FROM quarantine")
    )
    assert numbers[0] < 5, "of the first"
    assert numbers[1] >= 90
    assert numbers[-5:] == list(range(95, 100))
    assert told(flat, START + 2 * MINUTE, room) == ("quarantine",)


def test_messages_beyond_the_quota_are_counted_alone(flat: Site) -> None:
    commit(flat.conn, junk("gw-a", texts(0, 9)), quotas=SMALL)
    commit(flat.conn, junk("gw-a", texts(9, 50)), quotas=SMALL)
    assert flat.one("SELECT count(*) FROM quarantine") == 11, "ten, and the newest"
    (gone,) = dropped(flat.conn)
    assert gone.times == 48
    assert told(flat, START) == ("messages",)
    assert told(flat, START + 2 * HOUR) == ()


def test_strangers_share_one_account(flat: Site) -> None:
    for number in range(30):
        some = junk(f"gw-{number}", texts(number, 1), START, "unknown_gateway")
        commit(flat.conn, some, quotas=SMALL)
    assert flat.one("SELECT count(*) FROM quarantine") == 30, "the newest of each commit"
    commit(flat.conn, junk("gw-x", texts(0, 30), START, "unknown_gateway"), quotas=SMALL)
    assert flat.one("SELECT count(*) FROM quarantine") == 31
    assert told(flat, START) == ()


def test_entries_of_one_reason_are_bounded_too(flat: Site) -> None:
    commit(flat.conn, junk("gw-a", texts(0, MOST_ENTRIES + 50)), quotas=DEFAULT_QUOTAS)
    assert flat.one("SELECT count(*) FROM quarantine") == MOST_ENTRIES
    assert dropped(flat.conn)[0].times == 50


def test_forks_keep_their_bytes(flat: Site) -> None:
    twin = Sealer("gw-a", flat.gateway.key, flat.gateway.stream)
    store(flat, flat.gateway.seal(*lines("1", [0])), twin.seal(*lines("1", [1])))
    commit(flat.conn, junk("gw-a", texts(0, 20, 5000), START + MINUTE), quotas=SMALL)
    upkeep(flat.conn, START + 2 * KEPT_FOR, SMALL)
    (fork,) = list_entries(flat.conn)
    assert fork.reason == "fork"


def test_what_is_old_is_dropped_and_counted(flat: Site) -> None:
    commit(flat.conn, junk("gw-a", texts(0, 5)), quotas=SMALL)
    upkeep(flat.conn, START + KEPT_FOR - MINUTE, SMALL)
    assert flat.one("SELECT count(*) FROM quarantine") == 5
    upkeep(flat.conn, START + KEPT_FOR + MINUTE, SMALL)
    assert flat.one("SELECT count(*) FROM quarantine") == 0
    assert dropped(flat.conn)[0].times == 5
    assert told(flat, START + KEPT_FOR + MINUTE) == (), "nothing went for want of room"


def test_the_first_false_acknowledgement_stays(flat: Site) -> None:
    topic = billing_ack_topic("Lake View")
    society = flat.one("SELECT society_id FROM society")
    reason = QuarantineReason.NEVER_SENT
    false = [
        Refused(topic, text, None, reason, "it never was", START + number * MINUTE, society)
        for number, text in enumerate(texts(0, MOST_ENTRIES + 20))
    ]
    commit(flat.conn, false[:1], quotas=SMALL)
    commit(flat.conn, false[1:], quotas=SMALL)
    assert flat.one("SELECT count(*) FROM quarantine") == MOST_ENTRIES
    assert flat.one("SELECT min(first_at) FROM quarantine") == START
    upkeep(flat.conn, START + 2 * KEPT_FOR, SMALL)
    assert flat.one("SELECT count(*) FROM quarantine") == 1, "its flag is up"


def test_known_things_ask_the_database_nothing_more(flat: Site) -> None:
    cache = StoreCache()
    for number in range(3):
        sent = flat.gateway.seal(*lines("1", [0], START + number * MINUTE))
        commit(flat.conn, [flat.verdict(sent, START + HOUR)], cache=cache, quotas=SMALL)
    assert flat.all("SELECT quota, used FROM quota_use ORDER BY quota") == [
        ("channels", 1),
        ("streams", 1),
    ]
