# SPDX-License-Identifier: MIT
"""Whatever comes on any topic, the intake takes it or keeps it apart; it never raises."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.accept import Accepted, QuarantineReason, Refused, accept
from cloud_ingest.core.known import KnownGateway, KnownMeter, Registry
from cloud_ingest.errors import ConfigurationError, NotStorable, StoreError, StoreUnavailable
from cloud_ingest.ingest import intake, small_messages
from cloud_ingest.ingest.intake import Intake
from cloud_ingest.ingest.small_messages import Received
from cloud_ingest.store.commit import CommitResult
from shared_schema.billing_asks import BillingAck
from shared_schema.catalogue import Service
from shared_schema.events import Subject, SubjectType
from shared_schema.gateway import Result, Status
from shared_schema.signing import key_id
from shared_schema.topics import GatewayTopic, billing_ack_topic, gateway_topic
from tests.support.gateway import MAKER, Sealer, block_line

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SEALER = Sealer("gw-a")
VERIFY = SEALER.key.public_key()
REGISTRY = Registry(
    {"gw-a": KnownGateway(1, "gw-a", 7, {key_id(VERIFY): VERIFY})},
    {(7, MAKER, "1"): KnownMeter(1, ((datetime(2026, 1, 1, tzinfo=UTC), None),))},
)
BATCH = SEALER.seal(block_line("1", [(NOW, 1)]))
STATUS = Status(gateway="gw-a", session=UUID(int=1), state="online", at=NOW)
RESULT = Result(gateway="gw-a", command=UUID(int=2), outcome="done", at=NOW)
ACK = BillingAck(
    society="S",
    month="2026-10",
    subject=Subject(type=SubjectType.UNIT, id="A-1"),
    service=Service.WATER,
    version=1,
)
LINES = {
    gateway_topic("gw-a", GatewayTopic.READINGS): BATCH.partition(b"\n")[0],
    gateway_topic("gw-a", GatewayTopic.STATUS): STATUS.to_line(),
    gateway_topic("gw-a", GatewayTopic.RESULTS): RESULT.to_line(),
    billing_ack_topic("S"): ACK.to_line(),
}
values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**62, max_value=2**80),
    st.floats(),
    st.text(),
    st.text("\0\x1f\ud800\uffff", max_size=8),
    st.datetimes(timezones=st.timezones()).map(datetime.isoformat),
    st.sampled_from(
        ["0001-01-01T00:00:00+05:30", "9999-12-31T23:59:59-05:30", "2" * 5000, {"a": "\0"}, []]
    ),
)


@st.composite
def near_misses(draw: st.DrawFn) -> Received:
    """A message of one of the topics with some of its fields replaced."""
    topic = draw(st.sampled_from(sorted(LINES)))
    document = json.loads(LINES[topic])
    for name in draw(st.lists(st.sampled_from(sorted(document)), max_size=3)):
        document[name] = draw(values)
    payload = json.dumps(document).encode()
    if topic == SEALER.topic:
        payload += BATCH[BATCH.index(b"\n") :]
    return Received(topic, payload, draw(st.booleans()))


topics = st.sampled_from(sorted(LINES)) | st.text().map("metering/v1/gw/{}/status".format)
garbage = st.builds(Received, topics, st.binary(), st.booleans())


class Closed:
    closed = False


class FakeStore:
    """What the intake calls of the store; ``fault`` is what its small statements raise."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fault: Exception | None = None
        self.committed: list[Accepted | Refused] = []
        monkeypatch.setattr(intake, "load_registry", lambda _conn: REGISTRY)
        monkeypatch.setattr(intake, "key_changes", lambda _conn: 0)
        monkeypatch.setattr(intake, "commit", self.commit)
        for name in ("put_status", "is_enrolled", "acknowledge_number", "answer"):
            monkeypatch.setattr(small_messages, name, self.small)

    def commit(
        self, _conn: object, verdicts: list[Accepted | Refused], **_: object
    ) -> CommitResult:
        self.committed.extend(verdicts)
        return CommitResult()

    def small(self, *_: object) -> bool:
        if self.fault is not None:
            raise self.fault
        return True


def run(*messages: Received) -> intake.Outcome:
    return Intake().store(Closed(), messages, NOW)  # type: ignore[arg-type]


def test_no_message_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeStore(monkeypatch)

    @given(st.lists(near_misses() | garbage, min_size=1, max_size=4))
    def taken_or_kept_apart(messages: list[Received]) -> None:
        outcome = run(*messages)
        assert outcome.messages == len(messages)
        assert sum(outcome.rejected.values()) <= len(messages)
        assert QuarantineReason.UNSTORABLE not in outcome.rejected

    taken_or_kept_apart()


@pytest.mark.parametrize("topic", sorted(LINES)[2:])
@pytest.mark.parametrize("fault", [NotStorable("a NUL"), StoreError("a fault"), KeyError("x")])
def test_a_message_the_store_refuses_stops_no_other(
    monkeypatch: pytest.MonkeyPatch, topic: str, fault: Exception
) -> None:
    store = FakeStore(monkeypatch)
    store.fault = fault
    good = Received(SEALER.topic, BATCH, retained=False)
    outcome = run(Received(topic, LINES[topic], retained=False), good)
    assert outcome.rejected == {QuarantineReason.UNSTORABLE: 1}
    kept, stored = store.committed
    assert isinstance(kept, Refused)
    assert (kept.topic, kept.payload) == (topic, LINES[topic])
    assert type(fault).__name__ in kept.detail
    assert isinstance(stored, Accepted)


@pytest.mark.parametrize("fault", [StoreUnavailable("it is away"), ConfigurationError("no right")])
def test_the_caller_hears_of_faults_beyond_the_message(
    monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    store = FakeStore(monkeypatch)
    store.fault = fault
    with pytest.raises(type(fault)):
        run(Received(billing_ack_topic("S"), ACK.to_line(), retained=False))


def test_a_fault_of_accept_costs_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    store = FakeStore(monkeypatch)
    real = accept

    def faulty(topic: str, payload: bytes, registry: Registry, at: datetime) -> Accepted | Refused:
        if payload == b"poison":
            raise OverflowError("nobody foresaw it")
        return real(topic, payload, registry, at)

    monkeypatch.setattr(intake, "accept", faulty)
    poison = Received(SEALER.topic, b"poison", retained=False)
    outcome = run(poison, Received(SEALER.topic, BATCH, retained=False))
    assert outcome.rejected == {QuarantineReason.UNSTORABLE: 1}
    kept = store.committed[0]
    assert isinstance(kept, Refused)
    assert (kept.gateway, kept.payload) == ("gw-a", b"poison")
