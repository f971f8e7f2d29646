# SPDX-License-Identifier: MIT
"""The AsyncAPI document: each message has an example that holds, a delivery, a topic with words."""

import json
from typing import Any

import jsonschema
import pytest

from shared_schema.asyncapi import DELIVERY
from shared_schema.events import EventKind
from shared_schema.evidence import EVIDENCE
from shared_schema.examples import examples
from shared_schema.schemas import CHANNELS, MESSAGES, documents, json_schema, with_evidence
from shared_schema.topics import billing_manifest_topic

DOCUMENT: dict[str, Any] = json.loads(documents()["asyncapi.json"])
EVENT = with_evidence(json_schema("event"))
FORMATS = jsonschema.FormatChecker()


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_each_example_holds_against_its_schema(name: str) -> None:
    schema = json_schema(name)
    shown = DOCUMENT["components"]["messages"][name]["examples"]
    assert shown
    for example in shown:
        jsonschema.validate(example["payload"], schema, format_checker=FORMATS)
        message = MESSAGES[name].from_line(json.dumps(example["payload"]).encode())
        assert json.loads(message.to_line()) == example["payload"]


def test_each_message_travels_by_an_operation() -> None:
    assert DELIVERY.keys() == examples().keys() == MESSAGES.keys()
    operations = DOCUMENT["operations"].values()
    told = {each["messages"][0]["$ref"].rpartition("/")[2]: each for each in operations}
    assert told.keys() == MESSAGES.keys()
    for name, operation in told.items():
        channel = DOCUMENT["channels"][operation["channel"]["$ref"].rpartition("/")[2]]
        assert name in channel["messages"]
        assert operation["bindings"]["mqtt"]["qos"] == 1


@pytest.mark.parametrize("name", sorted(DELIVERY))
def test_an_identity_is_of_the_messages_own_fields(name: str) -> None:
    delivery = DELIVERY[name]
    fields = json_schema(name)["properties"].keys()
    named = {*delivery.identity, *([delivery.version] if delivery.version else [])}
    assert named <= fields


def test_consumers_receive_what_the_cloud_sends() -> None:
    sent = {name for name, delivery in DELIVERY.items() if delivery.action == "send"}
    assert {
        address for address, name, _, _ in CHANNELS if name in sent and "acks" in address
    } == set()
    assert {"event", "monthly-consumption", "billing-manifest", "reconciliation"} <= sent


def test_the_addresses_are_those_of_the_topics() -> None:
    channel = DOCUMENT["channels"]["societyBillingManifest"]
    address = channel["address"].format(society="Green%20Acres", month="2026-07")
    assert address == billing_manifest_topic("Green Acres", "2026-07")


def event(kind: EventKind, evidence: dict[str, Any]) -> dict[str, Any]:
    named = {"kind": kind, "evidence_schema": EVIDENCE[kind].SCHEMA, "evidence": evidence}
    return {**examples()["event"][0], **named}


def test_evidence_is_held_against_the_schema_that_it_names() -> None:
    jsonschema.validate(event(EventKind.GATEWAY_DISK, {"free_mb": 5, "total_mb": None}), EVENT)
    with pytest.raises(jsonschema.ValidationError, match="free_mb"):
        jsonschema.validate(event(EventKind.GATEWAY_DISK, {"total_mb": 7}), EVENT)


def test_evidence_of_an_unknown_schema_is_let_through() -> None:
    later = {**event(EventKind.LEAK, {"x": 1}), "evidence_schema": "metering.evidence.leak/9"}
    jsonschema.validate(later, EVENT)
