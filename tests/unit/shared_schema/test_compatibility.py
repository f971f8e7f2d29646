# SPDX-License-Identifier: MIT
"""Whoever was written for the former version of the contract reads this one, and is understood.

The former version is that of `tests/vectors/contract`. What breaks it on purpose stands below with
its reason, and in docs/howto/consume.md.
"""

import copy
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from shared_schema.asyncapi import Channel
from shared_schema.schemas import CHANNELS, MESSAGES, PARTS, json_schema
from tests.support.contract import Way

FOLDER = Path(__file__).parents[2] / "vectors" / "contract"
FORMER: dict[str, Any] = json.loads((FOLDER / "schemas.json").read_text(encoding="utf-8"))
TOPICS: dict[str, str] = json.loads((FOLDER / "topics.json").read_text(encoding="utf-8"))
RECEIVED = {
    "billing-ack", "billing-request", "enrolment-request", "result", "signature-line", "status",
}  # fmt: skip
"""What the cloud reads, beside the lines of readings; it writes the rest."""
SAID_ANEW = {
    (
        "billing-request",
        "month: its meaning changed",
    ): "with the other fields; alone it is as before",
    (
        "monthly-consumption",
        "unit: its meaning changed",
    ): "the two words have their own meanings now",
    (
        "reconciliation",
        "bulk: its meaning changed",
    ): "of a tower with one bulk meter it is as before; other ways in are told, too",
    (
        "reconciliation",
        "common: its meaning changed",
    ): "0 was said of a tower without a common meter, and nothing is known of it",
    ("reconciliation", "common: may be null"): "no meter is not 0",
    ("reconciliation", "unit: its meaning changed"): "the two words have their own meanings now",
}
"""Breaks that are none, or that were decided: why."""


def is_sent(name: str) -> bool:
    return name not in RECEIVED and not name.startswith("readings-")


def broken(name: str, new: dict[str, Any]) -> list[str]:
    found = Way(FORMER[name], new, sent=is_sent(name)).breaks()
    return [each for each in found if (name, each) not in SAID_ANEW]


@pytest.mark.parametrize("name", sorted(FORMER))
def test_nothing_breaks_for_who_knows_the_former_schema(name: str) -> None:
    assert name in {*MESSAGES, *PARTS}, "a schema was removed"
    assert broken(name, json_schema(name)) == []


def moved(channels: Iterable[Channel]) -> set[str]:
    """Return the messages that are no longer where they were."""
    now = {(message, f"metering/v1/{address}") for address, message, _, _ in channels}
    return {message for message, _ in TOPICS.items() - now}


def test_no_topic_moved() -> None:
    assert moved(CHANNELS) == set()


def test_a_topic_that_moved_is_found() -> None:
    elsewhere = [(address.replace("manifest", "index"), *told) for address, *told in CHANNELS]
    assert moved(elsewhere) == {"billing-manifest"}  # type: ignore[arg-type]


def test_each_exception_is_one() -> None:
    for name, told in SAID_ANEW:
        assert told in Way(FORMER[name], json_schema(name), sent=is_sent(name)).breaks()


def kept() -> list[bytes]:
    lines = [
        line
        for path in sorted((FOLDER / "messages").glob("*.txt"))
        for line in path.read_bytes().splitlines()
        if line.startswith(b'{"schema"')
    ]
    assert len(lines) > 20
    return lines


def test_each_message_of_the_former_version_is_read() -> None:
    models = {model.SCHEMA: model for model in MESSAGES.values()}
    for line in kept():
        was = json.loads(line)
        now = json.loads(models[was["schema"]].from_line(line).to_line())
        assert was == common(was, now)


def common(was: Any, now: Any) -> Any:
    """Return the new document with the fields of the old one alone."""
    if isinstance(was, dict) and isinstance(now, dict):
        return {name: common(value, now[name]) for name, value in was.items() if name in now}
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        return [common(one, other) for one, other in zip(was, now, strict=True)]
    return now


Change = Callable[[dict[str, Any]], object]


def field(name: str, **changes: object) -> Change:
    return lambda schema: schema["properties"][name].update(changes)


def without(name: str) -> Change:
    return lambda schema: schema["properties"].pop(name)


def optional(name: str) -> Change:
    return lambda schema: schema["required"].remove(name)


def nullable(name: str) -> Change:
    def change(schema: dict[str, Any]) -> None:
        was = schema["properties"][name]
        told = {"description": was.pop("description")} if "description" in was else {}
        schema["properties"][name] = {"anyOf": [was, {"type": "null"}], **told}

    return change


def in_part(part: str, change: Change) -> Change:
    return lambda schema: change(schema["$defs"][part])


def without_word(kind: str, word: str) -> Change:
    return lambda schema: schema["$defs"][kind]["enum"].remove(word)


def another_meaning(kind: str, word: str) -> Change:
    return lambda schema: schema["$defs"][kind]["x-meanings"].update({word: "something else"})


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("monthly-consumption", without("quantity"), "quantity: removed"),
        ("monthly-consumption", optional("quantity"), "quantity: may be missing"),
        ("monthly-consumption", nullable("quantity"), "quantity: may be null"),
        ("monthly-consumption", field("version", type="string"), "version: may be string"),
        ("monthly-consumption", field("quantity", pattern=".*"), "quantity: another pattern"),
        ("monthly-consumption", field("version", minimum=0), "version: another minimum"),
        ("monthly-consumption", field("version", description="x"), "version: its meaning changed"),
        (
            "monthly-consumption",
            in_part("MeterMonth", without("source")),
            "parts[].source: removed",
        ),
        ("monthly-consumption", without_word("Quality", "edited"), "quality: no word edited"),
        (
            "monthly-consumption",
            another_meaning("Origin", "meter"),
            "parts[].closing.origin: the meaning of meter changed",
        ),
        ("event", without_word("EventKind", "leak"), "kind: no word leak"),
        ("event", field("state", enum=["open"]), "state: no word cleared"),
        ("evidence-leak", without("manufacturer"), "manufacturer: removed"),
        ("billing-ack", field("version", minimum=2), "version: another minimum"),
        ("billing-ack", field("month", pattern="x"), "month: another pattern"),
        (
            "billing-request",
            lambda schema: schema["required"].append("subject"),
            "subject: is needed",
        ),
        ("billing-ack", lambda schema: schema.update(additionalProperties=False), "*: is refused"),
        (
            "billing-ack",
            in_part("Subject", lambda part: part.update(additionalProperties=False)),
            "subject.*: is refused",
        ),
        (
            "monthly-consumption",
            lambda schema: schema["properties"]["parts"].pop("items"),
            "parts[]: may be anything",
        ),
        (
            "monthly-consumption",
            in_part("Origin", lambda part: part.pop("x-meanings")),
            "parts[].closing.origin: the meaning of meter changed",
        ),
        (
            "status",
            lambda schema: schema["properties"]["meters"]["anyOf"][0].update(maximum=5),
            "meters: another maximum",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_kind_of_break_is_found(name: str, change: Change, told: str) -> None:
    schema = copy.deepcopy(json_schema(name))
    change(schema)
    assert told in broken(name, schema)
