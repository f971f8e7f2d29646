# SPDX-License-Identifier: MIT
"""`accept`: what is verified is stored, the rest is kept apart, nothing raises."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.accept import Accepted, QuarantineReason, Refused, accept
from cloud_ingest.core.known import KnownGateway, KnownMeter, Registry
from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    EVENT_PROFILES,
    GATEWAY_LOG,
    GatewayEvent,
    Unit,
)
from shared_schema.message import MeterId
from shared_schema.readings import (
    Block,
    Column,
    Loss,
    MeterEvents,
    Observation,
    Observations,
    new_salt,
    seal_batch,
)
from shared_schema.signing import generate_key, key_id

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
INSTALLED = datetime(2026, 10, 1, tzinfo=UTC)
KEY = generate_key()
STREAM = UUID("0b0e5ad5-4e4c-4f6a-9a0c-0d8f6f3f6c11")
TOPIC = "metering/v1/gw/gw-a/readings"
METERS = ("1001", "1002")
REGISTRY = Registry(
    gateways={"gw-a": KnownGateway(1, "gw-a", 7, {key_id(KEY.public_key()): KEY.public_key()})},
    meters={
        (7, "LNT", METERS[0]): KnownMeter(11, ((INSTALLED, None),)),
        (7, "LNT", METERS[1]): KnownMeter(12, ((INSTALLED, NOW - timedelta(days=1)),)),
        (7, "LNT", "n° é"): KnownMeter(14, ((INSTALLED, None),)),
        (8, "LNT", "of another society"): KnownMeter(13, ((INSTALLED, None),)),
    },
)


def at(when: datetime) -> int:
    return int(when.timestamp())


def block_line(serial: str, *times: datetime) -> bytes:
    return Block(
        salt=new_salt(),
        meter=MeterId(manufacturer="LNT", serial=serial),
        columns=(Column(obis=ACTIVE_IMPORT, scaler=0, unit=Unit.WATT_HOUR),),
        rows=tuple((at(when), None, 1000 + index) for index, when in enumerate(times)),
    ).to_line()


def sealed(*lines: bytes, gateway: str = "gw-a", key: object = KEY) -> bytes:
    return seal_batch(
        gateway=gateway,
        stream=STREAM,
        seq=1,
        previous=None,
        block_lines=lines,
        created_at=NOW,
        historical=False,
        key=key,  # type: ignore[arg-type]
    )


def accepted(payload: bytes) -> Accepted:
    outcome = accept(TOPIC, payload, REGISTRY, NOW)
    assert isinstance(outcome, Accepted)
    return outcome


def refused(payload: bytes, topic: str = TOPIC) -> Refused:
    outcome = accept(topic, payload, REGISTRY, NOW)
    assert isinstance(outcome, Refused)
    assert (outcome.topic, outcome.payload, outcome.received_at) == (topic, payload, NOW)
    return outcome


def test_a_verified_batch_is_accepted_whole() -> None:
    outcome = accepted(
        sealed(block_line("1001", NOW), block_line("1002", INSTALLED, NOW - timedelta(days=2)))
    )
    assert outcome.gateway.gateway_id == 1
    assert [(block.ordinal, block.meter_id, len(block.rows)) for block in outcome.blocks] == [
        (0, 11, 1),
        (1, 12, 2),
    ]
    assert outcome.blocks[0].rows == ((at(NOW), None, 1000),)
    assert outcome.rejections == ()


def test_rows_outside_the_meter_s_time_are_rejected() -> None:
    left = NOW - timedelta(days=1)
    outcome = accepted(
        sealed(
            block_line(
                "1002",
                INSTALLED - timedelta(seconds=1),
                INSTALLED,
                left,
                left + timedelta(seconds=1),
                NOW + timedelta(minutes=10),
                NOW + timedelta(minutes=10, seconds=1),
            )
        )
    )
    assert [row[0] for row in outcome.blocks[0].rows] == [at(INSTALLED), at(left)]
    assert {(each.reason, each.ordinal, each.row_indexes) for each in outcome.rejections} == {
        (QuarantineReason.NOT_INSTALLED, 0, (0, 3, 4)),
        (QuarantineReason.FUTURE, 0, (5,)),
    }


def test_ten_minutes_ahead_is_believed_and_no_more() -> None:
    edge = NOW + timedelta(minutes=10)
    outcome = accepted(sealed(block_line("1001", edge, edge + timedelta(seconds=1))))
    assert [row[0] for row in outcome.blocks[0].rows] == [at(edge)]
    assert outcome.rejections[0].row_indexes == (1,)


@pytest.mark.parametrize("serial", ["9999", "of another society"])
def test_an_unknown_meter_stops_nothing_else(serial: str) -> None:
    outcome = accepted(sealed(block_line(serial, NOW), block_line("1001", NOW)))
    assert [block.ordinal for block in outcome.blocks] == [1]
    (rejection,) = outcome.rejections
    assert (rejection.reason, rejection.ordinal, rejection.row_indexes) == (
        QuarantineReason.UNKNOWN_METER,
        0,
        (),
    )
    assert serial in rejection.detail


@pytest.mark.parametrize("serial", ["n° é", "n° e\u0301"])
def test_two_spellings_of_a_serial_are_one_meter(serial: str) -> None:
    assert [b.meter_id for b in accepted(sealed(block_line(serial, NOW))).blocks] == [14]


def test_a_malformed_block_stops_nothing_else() -> None:
    outcome = accepted(sealed(b'{"kind":"readings"}', block_line("1001", NOW), b"\xff\x00"))
    assert [block.ordinal for block in outcome.blocks] == [1]
    assert [(each.reason, each.ordinal) for each in outcome.rejections] == [
        (QuarantineReason.MALFORMED, 0),
        (QuarantineReason.MALFORMED, 2),
    ]


def test_a_loss_is_evidence_and_no_mistake() -> None:
    loss = Loss(stream=uuid4(), first=3, last=9, reason="spool_full").to_line()
    outcome = accepted(sealed(loss, block_line("1001", NOW)))
    assert [block.ordinal for block in outcome.blocks] == [1]
    assert outcome.rejections == ()
    assert loss in outcome.batch.block_lines


def events_line(serial: str, *times: datetime) -> bytes:
    return MeterEvents(
        salt=new_salt(),
        meter=MeterId(manufacturer="LNT", serial=serial),
        log=EVENT_PROFILES[5],
        columns=(),
        rows=tuple((at(when), 251) for when in times),
    ).to_line()


def test_events_are_judged_as_readings_are() -> None:
    later = NOW + timedelta(days=1)
    before = INSTALLED - timedelta(days=1)
    lines = (events_line("1001", NOW, later, before), events_line("9", NOW))
    outcome = accepted(sealed(*lines, block_line("1001", NOW)))
    assert [block.ordinal for block in outcome.blocks] == [2]
    (log,) = outcome.events
    assert (log.ordinal, log.meter_id, log.log) == (0, 11, EVENT_PROFILES[5])
    assert log.rows == ((at(NOW), 251),)
    assert [(each.reason, each.ordinal, each.row_indexes) for each in outcome.rejections] == [
        (QuarantineReason.FUTURE, 0, (1,)),
        (QuarantineReason.NOT_INSTALLED, 0, (2,)),
        (QuarantineReason.UNKNOWN_METER, 1, ()),
    ]


def test_an_observation_keeps_its_detail() -> None:
    times = NOW, NOW + timedelta(days=1), NOW - timedelta(hours=1)
    seen = tuple(
        Observation(ts=at(when), code=GatewayEvent.CLOCK_JUMPED, offset_s=float(number))
        for number, when in enumerate(times)
    )
    meter = MeterId(manufacturer="LNT", serial="1001")
    outcome = accepted(sealed(Observations(salt=new_salt(), meter=meter, seen=seen).to_line()))
    (log,) = outcome.events
    assert (log.meter_id, log.log) == (11, GATEWAY_LOG)
    assert log.rows == ((at(NOW), 1002), (at(times[2]), 1002))
    assert log.details == ('{"offset_s":0.0}', '{"offset_s":2.0}')
    (rejected,) = outcome.rejections
    assert (rejected.reason, rejected.row_indexes) == (QuarantineReason.FUTURE, (1,))


def test_a_block_without_good_rows_is_rejected() -> None:
    outcome = accepted(sealed(block_line("1001", NOW + timedelta(days=1))))
    assert outcome.blocks == ()
    assert [each.reason for each in outcome.rejections] == [QuarantineReason.FUTURE]


def test_header_and_topic_name_the_same_gateway() -> None:
    payload = sealed(block_line("1001", NOW))
    outcome = refused(payload, "metering/v1/gw/gw-b/readings")
    assert (outcome.reason, outcome.gateway) == (QuarantineReason.WRONG_TOPIC, "gw-b")


def test_an_unknown_gateway_is_refused() -> None:
    payload = sealed(block_line("1001", NOW), gateway="gw-z")
    outcome = refused(payload, "metering/v1/gw/gw-z/readings")
    assert (outcome.reason, outcome.gateway) == (QuarantineReason.UNKNOWN_GATEWAY, "gw-z")


def test_a_key_that_is_not_enrolled_is_refused() -> None:
    payload = sealed(block_line("1001", NOW), key=generate_key())
    assert refused(payload).reason is QuarantineReason.BAD_SIGNATURE


def test_a_changed_header_is_refused() -> None:
    payload = sealed(block_line("1001", NOW)).replace(b'"historical":false', b'"historical":true')
    assert refused(payload).reason is QuarantineReason.BAD_SIGNATURE


def test_a_changed_block_is_refused() -> None:
    payload = sealed(block_line("1001", NOW)).replace(b",1000]", b",1001]")
    assert refused(payload).reason is QuarantineReason.MALFORMED


def test_a_schema_that_is_not_spoken_is_refused() -> None:
    payload = sealed(block_line("1001", NOW)).replace(
        b"metering.readings/1", b"metering.readings/2"
    )
    outcome = refused(payload)
    assert outcome.reason is QuarantineReason.UNKNOWN_SCHEMA
    assert "metering.readings/2" in outcome.detail


@pytest.mark.parametrize(
    "topic",
    ["", "metering/v1/gw//readings", "metering/v1/gw/gw-a/status", "metering/v1/gw/%00/readings"],
)
def test_a_topic_that_is_none_is_refused(topic: str) -> None:
    outcome = refused(sealed(block_line("1001", NOW)), topic)
    assert outcome.detail.isprintable()


@pytest.mark.parametrize(
    "signature",
    ['{"signature":"ü"}', '{"signature":"AAAA"}', "{}", "null", '{"signature":"=="}', "\x00"],
)
def test_any_signature_line_is_survived(signature: str) -> None:
    head, _, _ = sealed(block_line("1001", NOW)).rpartition(b"\n")
    refused(head + b"\n" + signature.encode())


@pytest.mark.parametrize(
    "line",
    [
        b'{"schema":1' + b"0" * 5000 + b"}",
        b"[" * 60000,
        b'{"schema":' * 5000,
        b'{"schema":"\\ud800"}',
        b"\n",
        b"",
        b"\xff\xfe",
    ],
)
def test_hostile_json_is_survived(line: bytes) -> None:
    refused(line)
    refused(line + b"\n{}")
    accepted(sealed(line.replace(b"\n", b" ") + b" "))


@given(topic=st.text(), payload=st.binary())
def test_any_bytes_are_answered(topic: str, payload: bytes) -> None:
    assert isinstance(accept(topic, payload, REGISTRY, NOW), Refused)
    assert isinstance(accept(TOPIC, payload, REGISTRY, NOW), Refused)


@given(st.lists(st.binary().filter(lambda line: b"\n" not in line), min_size=1, max_size=5))
def test_any_signed_bytes_are_accepted_and_kept_apart(lines: list[bytes]) -> None:
    outcome = accepted(sealed(*lines))
    assert [each.ordinal for each in outcome.rejections] == list(range(len(lines)))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["LNT", "1001", "1.0.1.8.0.255", at(NOW)]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.data())
def test_a_block_with_any_field_changed_is_answered(data: st.DataObject) -> None:
    document = json.loads(block_line("1001", NOW, NOW - timedelta(hours=1)))
    field = data.draw(st.sampled_from(sorted(document)))
    document[field] = data.draw(JSON)
    line = json.dumps(document).encode()
    outcome = accepted(sealed(line))
    assert outcome.blocks or outcome.rejections


@given(st.data())
def test_a_changed_byte_never_changes_what_is_stored(
    data: st.DataObject,
) -> None:
    payload = sealed(block_line("1001", NOW))
    place = data.draw(st.integers(0, len(payload) - 1))
    byte = data.draw(st.integers(0, 255))
    changed = payload[:place] + bytes([byte]) + payload[place + 1 :]
    outcome = accept(TOPIC, changed, REGISTRY, NOW)
    if isinstance(outcome, Accepted):  # only a byte of the signature line's own JSON can differ
        assert outcome.blocks == accepted(payload).blocks
