# SPDX-License-Identifier: MIT
"""Spoiled messages of a gateway, and the law that holds for what `accept` makes of them.

1. `accept` ends with a verdict, soon, whatever the bytes are.
2. What is accepted was signed as it came: by the gateway's key, over the hash of each block.
3. Each row of it stands in its block, is of a meter that is known, and of a time that may be.
4. What is said of the rest can be shown: printable, and short.

A payload is spoiled as bytes; or inside, by a gateway that signs nonsense: then it is sealed anew
and gets behind the signature.

In: a seed and a number. Out: the verdict, or `Broken`.
"""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Any, Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloud_ingest.core.accept import (
    FUTURE_TOLERANCE,
    MAX_DETAIL_CHARACTERS,
    Accepted,
    Refused,
    accept,
)
from cloud_ingest.core.known import KnownGateway, KnownMeter, Registry
from shared_schema.readings import EARLIEST_TS, LATEST_TS, MAX_BATCH_BYTES, Block, Column, Header
from shared_schema.signing import key_id, sign_line
from shared_schema.topics import GatewayTopic, gateway_topic
from tests.fuzz.judge import Broken, must
from tests.fuzz.mutation import mutated
from tests.support.gateway import ENERGY, MAKER, WATER

NOW: Final = datetime(2026, 3, 10, 6, 37, 20, tzinfo=UTC)
GATEWAY: Final = "gw-a"
KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
STREAM: Final = UUID(int=7)
SERIALS: Final = ("1", "2", "A-77")
MOST_CPU_S: Final = 0.25
LAYERS: Final = ("bytes", "line", "value", "header", "topic")
REGISTRY: Final = Registry(
    {GATEWAY: KnownGateway(1, GATEWAY, 1, {key_id(KEY.public_key()): KEY.public_key()})},
    {
        (1, MAKER, serial): KnownMeter(number, ((NOW - timedelta(days=90), None),))
        for number, serial in enumerate(SERIALS, 1)
    },
)
_ODD: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**400, 1.5, float("nan"),
    float("inf"), "", "\0", "\ud800", "\u202e1", "٣", "1" * 5000, [], [[]], {}, {"a": 1},
    [None] * 2000, "readings", "events", "1.0.1.8.0.255", "0.0.0.0.0.0",
)  # fmt: skip
_NOW_S: Final = int(NOW.timestamp())
_ODD_NUMBERS: Final = (
    0, 1, -1, 2**31, 2**63 - 1, -(2**63), _NOW_S, _NOW_S + 600, _NOW_S + 601, _NOW_S - 90 * 86400,
    _NOW_S - 90 * 86400 - 1, EARLIEST_TS, LATEST_TS - 1, LATEST_TS,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sender:
    """A gateway that sends spoiled messages."""

    gateway: str = GATEWAY
    key: Ed25519PrivateKey = KEY
    stream: UUID = STREAM
    now: datetime = NOW


SENDER: Final = Sender()


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A message as it is sent, and which of its layers was spoiled."""

    layer: str
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a message."""

    outcome: str
    cpu_s: float


def spoiled(seed: int, number: int, sender: Sender = SENDER) -> Spoiled:
    """Return one message; each has another number in its stream."""
    rng = Random(f"{seed} {number}")
    layer = rng.choice(LAYERS)
    pool = _pool(sender.now)
    lines = [rng.choice(pool) for _ in range(rng.choice((1, 1, 2, 5)))]
    topic = gateway_topic(sender.gateway, GatewayTopic.READINGS)
    if layer == "line":
        lines[0] = mutated(lines[0], rng, pool).replace(b"\n", b" ")
    elif layer == "value":
        lines[0] = _odd_value(lines[0], rng)
    payload = _sealed(lines, number, sender, rng if layer == "header" else None)
    if layer == "bytes":
        payload = mutated(payload, rng, [payload, *pool])
        if b'"seq":%d,' % (number + 1) not in payload:
            payload += b" %d" % number  # so that no two are the same
    elif layer == "topic":
        topic = mutated(topic.encode(), rng, [b"metering/v1/gw/+/readings"]).decode(
            "utf-8", "replace"
        )
    return Spoiled(layer, topic, payload)


def judge(seed: int, number: int) -> Judged:
    """Let `accept` judge a message, and hold the law against it.

    Raises:
        Broken: the law is broken.
    """
    given = spoiled(seed, number)
    began = time.process_time()
    verdict = accept(given.topic, given.payload, REGISTRY, NOW)
    took = time.process_time() - began
    details = [verdict.detail] if isinstance(verdict, Refused) else []
    if isinstance(verdict, Accepted):
        _must_be_signed(given.payload, verdict)
        _must_be_said(verdict)
        details = [each.detail for each in verdict.rejections]
    for detail in details:
        must(detail.isprintable(), f"it cannot be shown: {detail!r}")
        must(len(detail) <= MAX_DETAIL_CHARACTERS, "what is said of it is too long")
    return Judged(_outcome(verdict), took)


def _outcome(verdict: Accepted | Refused) -> str:
    if isinstance(verdict, Refused):
        return f"refused, {verdict.reason}"
    reasons = sorted({each.reason.value for each in verdict.rejections})
    return "accepted" + (f" but for {', '.join(reasons)}" if reasons else "")


def _must_be_signed(payload: bytes, verdict: Accepted) -> None:
    header, *blocks, _signature = payload.split(b"\n")
    signature = json.loads(payload.rpartition(b"\n")[2])["signature"]
    must(
        sign_line(header, KEY)
        == json.dumps({"signature": signature}, separators=(",", ":")).encode(),
        "it is not signed",
    )
    hashes = [hashlib.sha256(line).hexdigest() for line in blocks]
    must(json.loads(header)["blocks"] == hashes, "a block is another than the one that was signed")
    must(verdict.batch.block_lines == tuple(blocks), "a block is not as it came")
    must(len(payload) <= MAX_BATCH_BYTES, "it is too large")


def _must_be_said(verdict: Accepted) -> None:
    latest = (NOW + FUTURE_TOLERANCE).timestamp()
    known = {meter.meter_id for meter in REGISTRY.meters.values()}
    for block in verdict.blocks:
        must(block.meter_id in known, "it is of a meter that nobody knows")
        said = json.loads(verdict.batch.block_lines[block.ordinal])["rows"]
        for row in block.rows:
            must(list(row) in said, f"the row {row} was not said")
            must(row[0] is not None and row[0] <= latest, f"the row {row} is of the future")
            must(all(each is None or -(2**63) <= each < 2**63 for each in row), f"the row {row}")


def _sealed(lines: Sequence[bytes], number: int, sender: Sender, rng: Random | None) -> bytes:
    """Return a signed batch; with a generator its header is spoiled before it is signed."""
    header = Header(
        gateway=sender.gateway,
        key=key_id(sender.key.public_key()),
        stream=sender.stream,
        seq=number + 1,
        previous=None if number == 0 else "0" * 64,
        blocks=tuple(hashlib.sha256(line).hexdigest() for line in lines),
        created_at=sender.now + timedelta(microseconds=number),
        historical=False,
    ).to_line()
    if rng is not None:
        odd = rng.random() < 0.5
        header = _odd_value(header, rng) if odd else mutated(header, rng, [header])
        header = header.replace(b"\n", b" ")
    return b"\n".join([header, *lines, sign_line(header, sender.key)])


def _odd_value(line: bytes, rng: Random) -> bytes:
    """Put an odd value somewhere in a line of JSON."""
    document = json.loads(line)
    places: dict[bool, list[Callable[[Any], None]]] = {True: [], False: []}
    _gather(document, places)
    are_numbers = rng.random() < 0.6 and places[True] != []
    for place in rng.choices(places[are_numbers], k=rng.choice((1, 1, 2))):
        place(rng.choice(_ODD_NUMBERS if are_numbers else _ODD))
    return json.dumps(document, separators=(",", ":"), ensure_ascii=rng.random() < 0.9).encode(
        "utf-8", "replace"
    )


def _gather(value: Any, places: dict[bool, list[Callable[[Any], None]]]) -> None:
    """Gather how each value in a document is replaced, numbers by themselves."""
    keys: Any = value if isinstance(value, dict) else range(len(value))
    for key in keys:
        is_number = type(value[key]) is int
        places[is_number].append(lambda new, at=key: value.__setitem__(at, new))  # type: ignore[misc]
        if isinstance(value[key], dict | list):
            _gather(value[key], places)


@lru_cache
def _pool(now: datetime) -> tuple[bytes, ...]:
    """Lines of blocks of every kind."""
    end = int(now.timestamp()) // 900 * 900
    meter = {"manufacturer": MAKER, "serial": "1"}
    salt = "0" * 32
    readings = [
        Block.model_validate(
            {"salt": salt, "meter": {**meter, "serial": serial}, "period_s": 900,
             "columns": columns, "rows": _rows(end, rows, len(columns))}
        ).to_line()
        for serial in (*SERIALS, "unknown")
        for columns in ((ENERGY,), (WATER,), _many())
        for rows in ((1, 4) if len(columns) > 1 else (1, 4, 96))
    ]  # fmt: skip
    others: list[dict[str, Any]] = [
        {"kind": "events", "salt": salt, "meter": meter, "log": "0.0.99.98.0.255", "columns": [],
         "rows": [[end, 101]]},
        {"kind": "observations", "salt": salt, "meter": meter,
         "seen": [{"ts": end, "code": 1, "offset_s": 3}]},
        {"kind": "loss", "stream": str(STREAM), "first": 1, "last": 9, "reason": "spool_full"},
    ]  # fmt: skip
    return (*readings, *(json.dumps(each, separators=(",", ":")).encode() for each in others))


def _rows(end: int, count: int, width: int) -> list[tuple[int | None, ...]]:
    return [(end - 900 * number, None, *range(width)) for number in reversed(range(count))]


def _many() -> tuple[Column, ...]:
    codes = (f"1.0.{number}.8.0.255" for number in range(1, 65))
    return tuple(Column.model_validate({"obis": code, "scaler": 0, "unit": 30}) for code in codes)


__all__ = ["Broken", "Judged", "Sender", "Spoiled", "judge", "spoiled"]
