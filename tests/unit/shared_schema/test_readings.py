# SPDX-License-Identifier: MIT
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_schema.catalogue import (
    ACTIVE_IMPORT,
    BLOCK_LOAD_PROFILE,
    EVENT_PROFILES,
    GATEWAY_EVENTS,
    GATEWAY_LOG,
    METER_EVENTS,
    WATER_VOLUME,
    GatewayEvent,
    Unit,
    event_name,
)
from shared_schema.errors import (
    ContractError,
    MalformedMessage,
    SignatureInvalid,
    UnknownSchema,
)
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.readings import (
    EARLIEST_TS,
    LATEST_TS,
    MAX_BATCH_BYTES,
    Block,
    CaptureChange,
    Column,
    Loss,
    MeterEvents,
    Observation,
    Observations,
    new_salt,
    open_batch,
    reached_at,
    read_header,
    seal_batch,
)
from shared_schema.signing import VerifyKey, generate_key, key_id, sign_line

KEY = generate_key()
OTHER_KEY = generate_key()
STREAM = UUID(int=7)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
METER = MeterId(manufacturer="ACME", serial="0042")
COLUMN = Column(obis=ACTIVE_IMPORT, scaler=0, unit=Unit.WATT_HOUR)


def keys(gateway: str, key: str) -> VerifyKey | None:
    known = gateway == "gw-1" and key == key_id(KEY.public_key())
    return KEY.public_key() if known else None


def a_block(rows: tuple[tuple[int | None, ...], ...] = ((1_800_000_000, None, 5),)) -> Block:
    return Block(
        salt=new_salt(),
        meter=METER,
        profile=BLOCK_LOAD_PROFILE,
        period_s=900,
        columns=(COLUMN,),
        rows=rows,
    )


def a_batch(
    *lines: bytes, gateway: str = "gw-1", seq: int = 1, previous: str | None = None
) -> bytes:
    return seal_batch(
        gateway=gateway,
        stream=STREAM,
        seq=seq,
        previous=previous,
        block_lines=lines or (a_block().to_line(),),
        created_at=NOW,
        historical=False,
        key=KEY,
    )


raw_values = st.none() | st.integers(-(2**63), 2**63 - 1)
row_values = st.tuples(
    st.integers(EARLIEST_TS, LATEST_TS - 1), st.none() | st.integers(0, 2**32 - 1), raw_values
)


@given(st.lists(st.lists(row_values, min_size=1, max_size=20), min_size=1, max_size=5))
def test_what_was_sealed_is_what_is_opened(
    meters: list[list[tuple[int | None, ...]]],
) -> None:
    blocks = [a_block(tuple(rows)) for rows in meters]
    batch = open_batch(a_batch(*[block.to_line() for block in blocks]), keys)
    assert batch.blocks() == blocks
    assert batch.header.stream == STREAM


def test_a_batch_is_readable_lines_of_json() -> None:
    lines = [json.loads(line) for line in a_batch().split(b"\n")]
    assert lines[0]["schema"] == "metering.readings/1"
    assert lines[1]["meter"] == {"manufacturer": "ACME", "serial": "0042"}
    assert lines[1]["columns"][0] == {"obis": "1.0.1.8.0.255", "scaler": 0, "unit": 30}
    assert lines[1]["rows"] == [[1_800_000_000, None, 5]]
    assert set(lines[2]) == {"signature"}


def test_a_signed_pulse_weight_tells_the_count() -> None:
    column = Column(obis=WATER_VOLUME, scaler=-1, unit=Unit.LITRE, weight=25)
    block = Block(
        salt=new_salt(), meter=METER, columns=(column,), rows=((1_800_000_000, None, 75),)
    )
    written = json.loads(block.to_line())
    assert written["columns"] == [{"obis": "8.0.1.0.0.255", "scaler": -1, "unit": 19, "weight": 25}]
    assert Block.from_line(block.to_line()) == block
    for raw in (76, -1):
        with pytest.raises(ValueError, match="no multiple of its pulse weight"):
            block.model_copy().model_validate(
                {**block.model_dump(), "rows": ((1_800_000_000, None, raw),)}
            )


def test_headers_chain_by_the_hash_of_the_line() -> None:
    first = open_batch(a_batch(), keys)
    second = open_batch(a_batch(seq=2, previous=first.header_hash), keys)
    assert second.header.previous == first.header_hash
    with pytest.raises(ValueError, match="predecessor"):
        a_batch(seq=2)


def test_two_equal_blocks_have_different_hashes() -> None:
    header = read_header(a_batch(a_block().to_line(), a_block().to_line()))
    assert header.blocks[0] != header.blocks[1]


@given(st.binary(max_size=200))
def test_garbage_is_a_batch_or_the_one_error(data: bytes) -> None:
    with pytest.raises(ContractError):
        open_batch(data, keys)


SEALED = a_batch()


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_no_byte_of_what_is_signed_can_be_changed(position: int, flip: int) -> None:
    changed = bytearray(SEALED)
    changed[position] ^= flip
    try:
        opened = open_batch(bytes(changed), keys)
    except ContractError:
        return
    # Base64 spells the last bits of a signature in several ways; nothing else may pass.
    assert SEALED.startswith(b"\n".join([opened.header_line, *opened.block_lines, b""]))


def test_a_block_cannot_be_exchanged_or_left_out() -> None:
    header, first, second, signature = a_batch(a_block().to_line(), a_block().to_line()).split(
        b"\n"
    )
    for lines in ([second, first], [first], [first, second, first], []):
        with pytest.raises(MalformedMessage):
            open_batch(b"\n".join([header, *lines, signature]), keys)


def test_another_key_is_refused() -> None:
    header, block, _ = a_batch().split(b"\n")
    forged = b"\n".join([header, block, sign_line(header, OTHER_KEY)])
    with pytest.raises(SignatureInvalid, match="not signed by"):
        open_batch(forged, keys)
    with pytest.raises(SignatureInvalid, match="enrolled no key"):
        open_batch(a_batch(gateway="gw-2"), keys)


def test_an_unknown_version_is_told_from_garbage() -> None:
    payload = a_batch().replace(b"metering.readings/1", b"metering.readings/2", 1)
    with pytest.raises(UnknownSchema, match="readings/2"):
        open_batch(payload, keys)


def test_an_unknown_field_is_ignored() -> None:
    line = a_block().to_line().replace(b'"kind"', b'"later":{"a":1},"kind"', 1)
    assert open_batch(a_batch(line), keys).blocks() == [Block.from_line(line)]


def test_a_malformed_block_leaves_the_others() -> None:
    good = a_block()
    batch = open_batch(a_batch(b'{"kind":"readings"}', good.to_line()), keys)
    bad, kept = batch.blocks()
    assert isinstance(bad, MalformedMessage)
    assert kept == good


def test_a_loss_says_which_batches_were_dropped() -> None:
    loss = Loss(stream=STREAM, first=3, last=9, reason="spool_full")
    batch = open_batch(a_batch(loss.to_line(), a_block().to_line()), keys)
    assert batch.blocks()[0] == loss
    assert json.loads(loss.to_line())["kind"] == "loss"
    with pytest.raises(MalformedMessage, match="a loss from 9 to 3"):
        Loss.from_line(loss.to_line().replace(b'"first":3,"last":9', b'"first":9,"last":3'))


MD = Obis.parse("1.0.1.6.0.255")


def test_the_time_of_a_demand_has_its_column() -> None:
    value = Column(obis=MD, scaler=0, unit=27)
    block = Block(
        salt=new_salt(),
        meter=METER,
        columns=(value, reached_at(MD)),
        rows=((1_800_000_000, None, 4711, 1_799_990_000),),
    )
    written = json.loads(block.to_line())["columns"]
    assert written[0] == {"obis": str(MD), "scaler": 0, "unit": 27}
    assert written[1] == {"obis": str(MD), "attribute": 5, "scaler": 0, "unit": 7}
    assert Block.from_line(block.to_line()) == block
    with pytest.raises(ValueError, match="not in seconds"):
        Column(obis=MD, attribute=5, scaler=0, unit=27)
    with pytest.raises(ValueError, match="stands in two columns"):
        Block(salt=block.salt, meter=METER, columns=(value, value), rows=block.rows)


def a_log(*rows: tuple[int | None, ...]) -> MeterEvents:
    return MeterEvents(salt=new_salt(), meter=METER, log=EVENT_PROFILES[2], columns=(), rows=rows)


def test_events_of_a_meter_stand_beside_its_readings() -> None:
    log = a_log((1_800_000_000, 101), (1_800_000_000, 102))
    batch = open_batch(a_batch(log.to_line(), a_block().to_line()), keys)
    assert batch.blocks()[0] == log
    assert isinstance(batch.blocks()[1], Block)


@pytest.mark.parametrize("row", [(1_800_000_000, None), (1_800_000_000, -1), (5, 101), (5,)])
def test_an_event_without_its_code_or_time_is_refused(row: tuple[int | None, ...]) -> None:
    with pytest.raises(ValueError, match=r"code|time|fields"):
        a_log(row)


def test_observations_are_not_the_meters_word() -> None:
    jumped = Observation(
        ts=1_800_000_000, code=GatewayEvent.CLOCK_JUMPED, offset_before_s=1.0, offset_s=-3600.0
    )
    changed = Observation(
        ts=1_800_000_000,
        code=GatewayEvent.CAPTURES_CHANGED,
        captures=(CaptureChange(profile=MD, before="0" * 16, after="f" * 16, lost=(MD,)),),
        left_out=3,
    )
    block = Observations(salt=new_salt(), meter=METER, seen=(jumped, changed))
    batch = open_batch(a_batch(block.to_line(), a_block().to_line()), keys)
    assert batch.blocks()[0] == block
    assert block.rows == ((1_800_000_000, 1002), (1_800_000_000, 1001))
    first, second = json.loads(block.to_line())["seen"]
    assert first == {
        "ts": 1_800_000_000,
        "code": 1002,
        "offset_before_s": 1.0,
        "offset_s": -3600.0,
    }
    assert second["captures"][0]["lost"] == [str(MD)]
    with pytest.raises(ValueError, match="no log of a meter"):
        MeterEvents(
            salt=new_salt(), meter=METER, log=GATEWAY_LOG, columns=(), rows=((1_800_000_000, 1),)
        )


@pytest.mark.parametrize("change", [{"ts": 5}, {"code": -1}, {"offset_s": float("nan")}])
def test_an_observation_without_its_time_or_code_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="Observation"):
        Observation.model_validate({"ts": 1_800_000_000, "code": 1002, **change})


def test_every_gateway_code_has_its_own_name() -> None:
    assert set(GATEWAY_EVENTS) == set(GatewayEvent)
    assert not set(GATEWAY_EVENTS) & set(METER_EVENTS)
    assert event_name(GATEWAY_LOG, GatewayEvent.CLOCK_SET) == "clock set by the gateway"
    assert event_name(GATEWAY_LOG, 151) is None


def test_a_batch_is_bounded() -> None:
    rows = tuple((1_800_000_000 + n, None, 2**62) for n in range(3000))
    with pytest.raises(MalformedMessage, match=str(MAX_BATCH_BYTES)):
        a_batch(a_block(rows).to_line())
    with pytest.raises(MalformedMessage, match=str(MAX_BATCH_BYTES)):
        open_batch(b"x" * (MAX_BATCH_BYTES + 1), keys)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"rows": [[1_800_000_000, None]]}, "fields"),
        ({"rows": [[None, None, 1]]}, "time"),
        ({"rows": [[0, None, 1]]}, "time"),
        ({"rows": [[1_800_000_000, None, 1.5]]}, "integer"),
        ({"rows": [[1_800_000_000, None, True]]}, "integer"),
        ({"rows": [[1_800_000_000, None, 2**63]]}, "less than"),
        ({"rows": []}, "1 item"),
        ({"columns": [COLUMN.model_dump(mode="json")] * 2}, "fields"),
        ({"salt": "00"}, "salt"),
        ({"kind": "loss"}, "kind"),
    ],
)
def test_a_block_says_what_is_wrong_with_it(change: dict[str, object], why: str) -> None:
    document = json.loads(a_block().to_line()) | change
    with pytest.raises(MalformedMessage, match=why):
        Block.from_line(json.dumps(document).encode())


def test_a_code_stands_in_one_column_only() -> None:
    with pytest.raises(ValueError, match="two columns"):
        Block(
            salt=new_salt(), meter=METER, columns=(COLUMN, COLUMN), rows=((1_800_000_000, 0, 1, 1),)
        )
    Block(
        salt=new_salt(),
        meter=METER,
        columns=(COLUMN, Column(obis=WATER_VOLUME, scaler=-3, unit=Unit.CUBIC_METRE)),
        rows=((1_800_000_000, 0, 1, 1),),
    )
