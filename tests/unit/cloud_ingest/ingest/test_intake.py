# SPDX-License-Identifier: MIT
"""The intake without a database: what is committed, what is judged again, what is kept apart."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from cloud_ingest.core.accept import Accepted, QuarantineReason, Refused
from cloud_ingest.core.known import KnownGateway, KnownMeter, Registry
from cloud_ingest.errors import NotStorable, StoreUnavailable
from cloud_ingest.ingest import intake
from cloud_ingest.ingest.intake import Intake
from cloud_ingest.ingest.small_messages import Received
from cloud_ingest.store.commit import CommitResult, Stream
from shared_schema.gateway import Outcome, Result
from shared_schema.signing import key_id
from tests.support.gateway import MAKER, Sealer, block_line

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SEALER = Sealer("gw-a")
VERIFY = SEALER.key.public_key()
GATEWAY = KnownGateway(1, "gw-a", 7, {key_id(VERIFY): VERIFY})
INSTALLED = ((datetime(2026, 1, 1, tzinfo=UTC), None),)


class FakeConnection:
    closed = False


class FakeStore:
    """What `Intake` calls of the store."""

    def __init__(self) -> None:
        self.registry = Registry({}, {})
        self.loads = 0
        self.commits: list[list[Accepted | Refused]] = []
        self.poison: set[bytes] = set()
        self.unavailable = False

    def load_registry(self, _conn: object) -> Registry:
        self.loads += 1
        return self.registry

    def commit(
        self, _conn: object, verdicts: Sequence[Accepted | Refused], **_: object
    ) -> CommitResult:
        if self.unavailable:
            raise StoreUnavailable("it is away")
        for verdict in verdicts:
            if isinstance(verdict, Accepted) and self.poison & set(verdict.batch.block_lines):
                raise NotStorable("a value that nobody foresaw")
        self.commits.append(list(verdicts))
        good = [each for each in verdicts if isinstance(each, Accepted)]
        return CommitResult(
            streams=frozenset(
                Stream(each.gateway.gateway_id, each.gateway.name, each.batch.header.stream)
                for each in good
            ),
            batches=len(good),
            new=sum(len(block.rows) for each in good for block in each.blocks),
        )


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> FakeStore:
    fake = FakeStore()
    monkeypatch.setattr(intake, "load_registry", fake.load_registry)
    monkeypatch.setattr(intake, "key_changes", lambda _conn: fake.registry.key_changes)
    monkeypatch.setattr(intake, "commit", fake.commit)
    return fake


@pytest.fixture
def clock() -> list[float]:
    return [100.0]


@pytest.fixture
def taking(clock: list[float]) -> Intake:
    return Intake(clock=lambda: clock[0])


def run(taking: Intake, *messages: Received) -> intake.Outcome:
    return taking.store(FakeConnection(), messages, NOW)  # type: ignore[arg-type]


def readings(*serials: str) -> Received:
    lines = [block_line(serial, [(NOW, 1)]) for serial in serials]
    return Received(SEALER.topic, SEALER.seal(*lines), retained=False)


def knowing(*serials: str) -> Registry:
    meters = {(7, MAKER, serial): KnownMeter(n, INSTALLED) for n, serial in enumerate(serials, 1)}
    return Registry({"gw-a": GATEWAY}, meters)


def test_everything_of_a_batch_is_one_commit(store: FakeStore, taking: Intake) -> None:
    store.registry = knowing("1", "2")
    outcome = run(
        taking, readings("1"), Received(SEALER.topic, b"?", retained=False), readings("1", "2")
    )
    assert len(store.commits) == 1
    assert (outcome.messages, outcome.batches, outcome.readings) == (3, 2, 3)
    assert {stream.stream for stream in outcome.streams} == {SEALER.stream}
    assert outcome.rejected == {QuarantineReason.MALFORMED: 1}


def test_a_meter_just_imported_is_known_at_once(
    store: FakeStore, taking: Intake, clock: list[float]
) -> None:
    store.registry = knowing("1")
    run(taking, readings("1"))
    store.registry = knowing("1", "2")
    clock[0] += 1
    outcome = run(taking, readings("2"))
    assert (outcome.readings, outcome.rejected, store.loads) == (1, {}, 2)


def test_messages_of_an_unknown_gateway_share_one_reload(
    store: FakeStore, taking: Intake, clock: list[float]
) -> None:
    for _ in range(100):
        clock[0] += 0.01
        assert run(taking, readings("1")).rejected == {QuarantineReason.UNKNOWN_GATEWAY: 1}
    assert store.loads <= 6


def test_one_that_the_database_refuses_stops_no_other(store: FakeStore, taking: Intake) -> None:
    store.registry = knowing("1", "2")
    bad = readings("2")
    store.poison = set(bad.payload.split(b"\n")[1:-1])
    outcome = run(taking, readings("1"), bad, readings("1"))
    assert outcome.readings == 2
    assert outcome.rejected == {QuarantineReason.UNSTORABLE: 1}
    (kept,) = [
        verdict
        for verdicts in store.commits
        for verdict in verdicts
        if isinstance(verdict, Refused)
    ]
    assert (kept.topic, kept.payload, kept.gateway) == (bad.topic, bad.payload, "gw-a")
    assert "nobody foresaw" in kept.detail


def test_the_caller_hears_of_a_store_away(store: FakeStore, taking: Intake) -> None:
    store.unavailable = True
    with pytest.raises(StoreUnavailable):
        run(taking, readings("1"))


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("metering/v1/gw/gw-a/status", b"no status"),
        ("metering/v1/gw/gw-a/results", b"\xff"),
        ("metering/v1/society/x/billing-acks", b"{}"),
        ("metering/v1/society/x/billing-acks", b"[" * 10000),
        ("somewhere/else", b""),
        (
            "metering/v1/gw/gw-b/results",
            Result(gateway="gw-a", command=uuid4(), outcome=Outcome.DONE, at=NOW).to_line(),
        ),
    ],
)
def test_a_message_foreign_to_its_topic_is_kept_apart(
    store: FakeStore, taking: Intake, topic: str, payload: bytes
) -> None:
    outcome = run(taking, Received(topic, payload, retained=False))
    assert sum(outcome.rejected.values()) == 1
    (kept,) = store.commits[0]
    assert isinstance(kept, Refused)
    assert (kept.topic, kept.payload) == (topic, payload)


def test_an_emptied_status_is_nothing(store: FakeStore, taking: Intake) -> None:
    run(taking, Received("metering/v1/gw/gw-a/status", b"", retained=False))
    assert store.commits == []


def test_a_stranger_costs_the_others_a_twentieth_at_most(
    store: FakeStore, taking: Intake, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    store.registry = knowing("1")

    def slow(conn: object) -> Registry:
        clock[0] += 0.5
        return store.load_registry(conn)

    monkeypatch.setattr(intake, "load_registry", slow)
    run(taking, readings("1"))
    began, loads = clock[0], store.loads
    while clock[0] < began + 55:
        run(taking, readings("stranger"))
        clock[0] += 0.1
    assert store.loads - loads == 5
