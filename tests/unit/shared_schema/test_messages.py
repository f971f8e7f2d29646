# SPDX-License-Identifier: MIT
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared_schema.billing import BoundaryReading, MeterMonth, MonthlyConsumption
from shared_schema.billing_asks import BillingAck
from shared_schema.catalogue import ACTIVE_IMPORT, Service
from shared_schema.errors import ContractError, MalformedMessage, SignatureInvalid, UnknownSchema
from shared_schema.events import (
    Acknowledgement,
    Event,
    EventKind,
    Severity,
    Subject,
    SubjectType,
    Unit,
)
from shared_schema.gateway import (
    BusStatus,
    Command,
    CommandArguments,
    CommandKind,
    FailingMeter,
    Machine,
    PollFailure,
    Receipt,
    Result,
    Status,
)
from shared_schema.message import Message, MeterId
from shared_schema.quality import ESPI_CODES, IEC_61968_9_CODES, Origin, Quality
from shared_schema.schemas import CHANNELS, MESSAGES, documents, json_schema
from shared_schema.signing import (
    fingerprint,
    generate_key,
    key_id,
    open_message,
    private_key_from_pem,
    private_key_to_pem,
    public_key_from_pem,
    public_key_to_pem,
    sign_message,
)
from shared_schema.topics import (
    GatewayTopic,
    billing_topic,
    decode_level,
    encode_level,
    event_topic,
    gateway_topic,
    parse_gateway_topic,
)

AT = datetime(2026, 11, 1, tzinfo=UTC)
KEY = generate_key()
UNIT = Subject(type=SubjectType.UNIT, id="A-1204")


def a_receipt(*ranges: tuple[int, int]) -> Receipt:
    return Receipt(
        gateway="gw-1",
        key=key_id(KEY.public_key()),
        store=UUID(int=1),
        stream=UUID(int=2),
        ranges=ranges,
        at=AT,
    )


def a_number(quantity: str = "312.457") -> MonthlyConsumption:
    ist = timezone(timedelta(hours=5, minutes=30))
    return MonthlyConsumption(
        society="Green Acres",
        month="2026-10",
        subject=UNIT,
        tower="A",
        service=Service.ELECTRICITY,
        version=1,
        quantity=Decimal(quantity),
        unit="kWh",
        quality=Quality.VALIDATED,
        parts=(
            MeterMonth(
                meter=MeterId(manufacturer="ACME", serial="1"),
                source="grid",
                obis=ACTIVE_IMPORT,
                opening=BoundaryReading(
                    at=datetime(2026, 10, 1, tzinfo=ist),
                    register_value=Decimal("1000.001"),
                    origin=Origin.METER,
                ),
                closing=BoundaryReading(
                    at=datetime(2026, 11, 1, tzinfo=ist),
                    register_value=Decimal("1312.458"),
                    origin=Origin.METER,
                ),
                quantity=Decimal(quantity),
            ),
        ),
        closed_at=AT,
    )


EXAMPLES: dict[str, Message] = {
    "receipt": a_receipt((1, 4), (6, 6)),
    "status": Status(
        gateway="gw-1",
        session=UUID(int=3),
        state="online",
        at=AT,
        meters=4,
        buses=(BusStatus(name="riser-1", meters=4, failures={PollFailure.NO_ANSWER: 1}),),
        failing=(FailingMeter(bus="riser-1", label="A-1", why=PollFailure.NO_ANSWER),),
        oldest_waiting_at=AT - timedelta(hours=2),
        spool_bytes=65_536,
        certificate_ends_at=AT + timedelta(days=300),
        clock_jump_s=-3600.5,
        machine=Machine(disk_free_bytes=3_000_000_000, memory_bytes=41_943_040, agent_up_s=60),
    ),
    "command": Command(
        gateway="gw-1",
        key=key_id(KEY.public_key()),
        id=UUID(int=4),
        kind=CommandKind.BACKFILL,
        arguments=CommandArguments(since=AT - timedelta(days=2), until=AT),
        issued_at=AT,
        expires_at=AT + timedelta(hours=1),
    ),
    "result": Result(
        gateway="gw-1", command=UUID(int=4), outcome="failed", reason="meter 7 is silent", at=AT
    ),
    "event": Event(
        id=UUID(int=5),
        society="Green Acres",
        kind=EventKind.LEAK,
        subject=UNIT,
        service=Service.WATER,
        state="open",
        since=AT,
        raised_at=AT,
        message="no dry hour since 1 Nov 00:00, lowest hour 5 L",
    ),
    "event.cleared": Event(
        id=UUID(int=5),
        version=3,
        society="Green Acres",
        kind=EventKind.LEAK,
        severity=Severity.WATCH,
        subject=UNIT,
        unit=Unit(type=SubjectType.UNIT, id="A-1204", tower="A"),
        service=Service.WATER,
        state="cleared",
        since=AT,
        raised_at=AT,
        raises=2,
        acknowledged=Acknowledgement(by="Asha", at=AT),
        cleared_at=AT,
        ended="over",
        message="Over: it ran dry.",
        evidence_schema="metering.evidence.leak/1",
        evidence={"litres_so_far": "340"},
    ),
    "monthly-consumption": a_number(),
}


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_message_travels_whole_and_fits_its_schema(name: str) -> None:
    message = EXAMPLES[name]
    line = message.to_line()
    assert type(message).from_line(line) == message
    jsonschema.validate(
        json.loads(line),
        json_schema(name.partition(".")[0]),
        format_checker=jsonschema.FormatChecker(),
    )
    assert b"\n" not in line


@pytest.mark.parametrize("model", MESSAGES.values(), ids=MESSAGES.keys())
@given(data=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_garbage_is_the_one_error(model: type[Message], data: bytes) -> None:
    with pytest.raises(ContractError):
        model.from_line(data)


@pytest.mark.parametrize("line", [b"", b"[]", b"5", b'{"schema":1}', b"\xff", b'{"schema":'])
def test_what_is_no_object_of_this_schema_is_refused(line: bytes) -> None:
    with pytest.raises((MalformedMessage, UnknownSchema)):
        Receipt.from_line(line)


def test_times_are_utc_and_quantities_exact_text() -> None:
    document = json.loads(a_number("100").to_line())
    assert document["parts"][0]["opening"]["at"] == "2026-09-30T18:30:00Z"
    assert document["parts"][0]["opening"]["register"] == "1000.001"
    assert json.loads(a_number("1E+2").to_line())["quantity"] == "100"


def test_a_time_without_a_zone_is_refused() -> None:
    line = a_receipt((1, 1)).to_line().replace(b"2026-11-01T00:00:00Z", b"2026-11-01T00:00:00")
    with pytest.raises(MalformedMessage, match="timezone"):
        Receipt.from_line(line)


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+05:30", "9999-12-31T23:59:59-05:30"])
def test_a_time_that_utc_cannot_hold_is_refused(time: str) -> None:
    for name in ("receipt", "status", "result"):
        document = json.loads(EXAMPLES[name].to_line()) | {"at": time}
        with pytest.raises(MalformedMessage, match="at: "):
            type(EXAMPLES[name]).from_line(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("status", {"version": "1\0"}),
        ("status", {"version": "1" * 65}),
        ("status", {"meters": 2**31}),
        ("status", {"meters_answering": 2**31}),
        ("status", {"meters_behind": 2**31}),
        ("status", {"spooled": 2**31}),
        ("result", {"reason": "a\nb"}),
        ("result", {"reason": "r" * 401}),
    ],
)
def test_what_a_gateway_says_of_itself_is_bounded(name: str, change: dict[str, object]) -> None:
    document = json.loads(EXAMPLES[name].to_line()) | change
    with pytest.raises(MalformedMessage, match=f": {next(iter(change))}: "):
        type(EXAMPLES[name]).from_line(json.dumps(document).encode())


def test_messages_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        a_number().quantity = Decimal(0)  # type: ignore[misc]


@given(st.sets(st.integers(1, 60), min_size=1))
def test_a_receipt_covers_exactly_its_ranges(seqs: set[int]) -> None:
    ranges: list[tuple[int, int]] = []
    for seq in sorted(seqs):
        if ranges and ranges[-1][1] == seq - 1:
            ranges[-1] = (ranges[-1][0], seq)
        else:
            ranges.append((seq, seq))
    receipt = a_receipt(*ranges)
    assert {seq for seq in range(1, 70) if receipt.covers(seq)} == seqs


@pytest.mark.parametrize("ranges", [((2, 1),), ((1, 2), (3, 4)), ((5, 6), (1, 2)), ((0, 1),)])
def test_ranges_ascend_and_do_not_touch(ranges: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(ValidationError):
        a_receipt(*ranges)


def test_a_command_expires() -> None:
    command = EXAMPLES["command"]
    assert isinstance(command, Command)
    assert not command.expired(AT)
    assert command.expired(AT + timedelta(hours=1))


@pytest.mark.parametrize("version", ["true", '"1"', "1.0", "1e2", "0", "-1", "null"])
def test_what_is_no_version_acknowledges_nothing(version: str) -> None:
    ack = BillingAck(
        society="Lake View", month="2026-10", subject=UNIT, service=Service.WATER, version=2
    )
    line = ack.to_line().replace(b'"version":2', b'"version":' + version.encode())
    with pytest.raises(MalformedMessage, match="version"):
        BillingAck.from_line(line)


def test_a_cleared_event_has_its_time() -> None:
    event = EXAMPLES["event"]
    with pytest.raises(ValidationError, match="cleared_at"):
        Event.model_validate(event.model_dump(by_alias=True) | {"state": "cleared"})


def test_a_signed_message_opens_with_its_key_only() -> None:
    line = a_receipt((1, 1)).to_line()
    payload = sign_message(line, KEY)
    assert open_message(payload, KEY.public_key()) == line
    with pytest.raises(SignatureInvalid):
        open_message(payload, generate_key().public_key())
    with pytest.raises(SignatureInvalid):
        open_message(payload.replace(b"gw-1", b"gw-2"), KEY.public_key())
    with pytest.raises(MalformedMessage):
        open_message(line, KEY.public_key())
    with pytest.raises(MalformedMessage):
        open_message(line + b'\n{"signature":"%%"}', KEY.public_key())


def test_keys_travel_as_pem() -> None:
    again = private_key_from_pem(private_key_to_pem(KEY)).public_key()
    assert fingerprint(again) == fingerprint(public_key_from_pem(public_key_to_pem(again)))
    for read in (private_key_from_pem, public_key_from_pem):
        with pytest.raises(ContractError):
            read(b"-----BEGIN NONSENSE-----")
    with pytest.raises(ContractError):
        private_key_from_pem(public_key_to_pem(again))


@given(st.text(min_size=1, max_size=20))
def test_any_label_is_one_level(label: str) -> None:
    try:
        label.encode()
    except UnicodeEncodeError:
        return
    level = encode_level(label)
    assert not set(level) & set("/+#$ \n\0")
    assert decode_level(level) == label


def test_topics_are_those_of_the_contract() -> None:
    topic = gateway_topic("gw-1", GatewayTopic.READINGS)
    assert topic == "metering/v1/gw/gw-1/readings"
    assert parse_gateway_topic(topic) == ("gw-1", GatewayTopic.READINGS)
    assert gateway_topic("+", GatewayTopic.STATUS) == "metering/v1/gw/+/status"
    subject = Subject(type=SubjectType.UNIT, id="B/7 06")
    assert (
        event_topic("Green Acres", EventKind.LEAK, subject, Service.WATER)
        == "metering/v1/society/Green%20Acres/events/leak/unit/B%2F7%2006/water"
    )
    assert (
        billing_topic("Green Acres", "2026-10", UNIT, Service.WATER)
        == "metering/v1/society/Green%20Acres/billing/2026-10/unit/A-1204/water"
    )


@pytest.mark.parametrize(
    "topic",
    ["", "metering/v1/gw//readings", "metering/v1/gw/a/b/readings", "metering/v1/gw/a/x", "x/y"],
)
def test_another_topic_is_refused(topic: str) -> None:
    with pytest.raises(MalformedMessage):
        parse_gateway_topic(topic)


def test_every_quality_has_its_codes_elsewhere() -> None:
    assert set(ESPI_CODES) == set(IEC_61968_9_CODES) == set(Quality)
    assert ESPI_CODES[Quality.MISSING] is None


def test_the_reference_is_generated_from_these_models() -> None:
    folder = Path(__file__).parents[3] / "docs" / "reference"
    for path, text in documents().items():
        assert (folder / path).read_text(encoding="utf-8") == text, f"{path}: run `make docs`"
    assert {message for _, message, _, _ in CHANNELS} == set(MESSAGES)
