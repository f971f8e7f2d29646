# SPDX-License-Identifier: MIT
"""Generate the reference of the contract: JSON Schemas, AsyncAPI, the pages of messages and codes.

Run as ``python -m shared_schema.schemas docs/reference``; a test holds the files against
the models, so that the reference is never behind the code.
"""

import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from shared_schema.asyncapi import asyncapi
from shared_schema.balance import Reconciliation
from shared_schema.billing import (
    BillingManifest,
    MonthlyConsumption,
    MonthlyWithdrawal,
)
from shared_schema.billing_asks import BillingAck, BillingRequest
from shared_schema.catalogue import (
    CATALOGUE,
    EVENT_PROFILES,
    GATEWAY_EVENTS,
    GATEWAY_LOG,
    LOGS,
    METER_EVENTS,
    OBJECTS,
    UNIT_SYMBOLS,
)
from shared_schema.enrolment import EnrolmentRequest
from shared_schema.events import Event
from shared_schema.evidence import EVIDENCE
from shared_schema.examples import examples
from shared_schema.export import MonthExport
from shared_schema.gateway import Command, Receipt, Result, Status
from shared_schema.invitation import Invitation
from shared_schema.meanings import meanings, member_meanings
from shared_schema.message import Message, Part
from shared_schema.messages_page import page
from shared_schema.proof.pack import Proof
from shared_schema.readings import (
    MAX_BATCH_BYTES,
    Block,
    Header,
    KeyChange,
    Loss,
    MeterEvents,
    Observations,
)
from shared_schema.signing import SignatureLine
from shared_schema.units import UnitList, UnitListResult
from shared_schema.volatile import Volatile

MESSAGES: dict[str, type[Message]] = {
    "readings-header": Header,
    "readings-volatile": Volatile,
    "status": Status,
    "receipt": Receipt,
    "command": Command,
    "result": Result,
    "event": Event,
    "monthly-consumption": MonthlyConsumption,
    "monthly-withdrawal": MonthlyWithdrawal,
    "billing-manifest": BillingManifest,
    "billing-ack": BillingAck,
    "billing-request": BillingRequest,
    "reconciliation": Reconciliation,
    "units": UnitList,
    "units-result": UnitListResult,
}
LINES: dict[str, type[Part]] = {
    "readings-block": Block,
    "readings-events": MeterEvents,
    "readings-observations": Observations,
    "readings-loss": Loss,
    "readings-key": KeyChange,
    "signature-line": SignatureLine,
}
PARTS: dict[str, type[BaseModel]] = {
    **LINES,
    **{f"evidence-{kind.replace('_', '-')}": model for kind, model in EVIDENCE.items()},
    "proof": Proof,
    "enrolment-request": EnrolmentRequest,
    "invitation": Invitation,
    "month-export": MonthExport,
}

_SIGNED = "Two lines: the message, then its Ed25519 signature line."
_BATCH = (
    f"At most {MAX_BATCH_BYTES} bytes: a readings-header line, a readings-block, readings-events, "
    "readings-observations, readings-loss or readings-key line for each hash in its `blocks`, a "
    "signature-line over the header's bytes."
)
CHANNELS: tuple[tuple[str, str, str, str], ...] = (
    ("gw/{gateway}/readings", "readings-header", "gateway to cloud, QoS 1", _BATCH),
    (
        "gw/{gateway}/readings",
        "readings-volatile",
        "gateway to cloud, while its disk is full",
        _SIGNED,
    ),
    ("gw/{gateway}/status", "status", "gateway to cloud, retained; also the last will", ""),
    ("gw/{gateway}/results", "result", "gateway to cloud, QoS 1", ""),
    ("gw/{gateway}/commands", "command", "cloud to gateway, QoS 1", _SIGNED),
    ("gw/{gateway}/receipts", "receipt", "cloud to gateway, QoS 1", _SIGNED),
    (
        "society/{society}/events/{kind}/{subjectType}/{subject}/{service}",
        "event",
        "cloud to helpdesk and others, retained while open",
        "",
    ),
    (
        "society/{society}/billing/{month}/{subjectType}/{subject}/{service}",
        "monthly-consumption",
        "cloud to billing, QoS 1, sent again until acknowledged",
        "",
    ),
    (
        "society/{society}/billing/{month}/{subjectType}/{subject}/{service}",
        "monthly-withdrawal",
        "cloud to billing, QoS 1, sent again until acknowledged",
        "",
    ),
    (
        "society/{society}/billing/{month}/manifest",
        "billing-manifest",
        "cloud to billing, retained",
        "",
    ),
    ("society/{society}/billing-acks", "billing-ack", "billing to cloud, QoS 1", ""),
    (
        "society/{society}/billing-acks",
        "billing-request",
        "billing to cloud, QoS 1, after it has subscribed",
        "",
    ),
    (
        "society/{society}/reconciliation/{month}/{tower}/{service}",
        "reconciliation",
        "cloud to accounting, retained",
        "",
    ),
    (
        "society/{society}/units",
        "units",
        "unit management to cloud, retained",
        "At most 1 MiB: a larger list goes by the API, or as CSV.",
    ),
    (
        "society/{society}/units-result",
        "units-result",
        "cloud to unit management, retained",
        "",
    ),
)


_OBIS_HEAD = """# OBIS codes

Generated from `shared_schema/catalogue.py` by `make docs`. The unit is the one that the standard
gives; a stored value keeps the unit and scaler that its meter states.

| code | name | kind | unit | service |
|---|---|---|---|---|"""


_OBJECTS_HEAD = """
## Profiles and other objects

Read to know what the values are, and how to ask for them.

| code | object |
|---|---|"""
_EVENTS_HEAD = """
## Codes of event logs

The logs: {logs}. The codes are those of IS 15959 (parts 1 and 2, Indian event reference tables);
any other code is stored and shown as its number.

| code | event |
|---|---|"""


_GATEWAY_HEAD = """
## Codes of gateways

What a gateway itself saw of a meter, or did to it, stands under the log {log}, with the gateway's
time. The codes are this project's.

| code | event |
|---|---|"""


def json_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of one message, line or evidence, or of a proof."""
    model: type[BaseModel] = MESSAGES.get(name) or PARTS[name]
    schema = model.model_json_schema(by_alias=True, mode="serialization")
    if issubclass(model, Part):
        _explain(model, schema)
    if issubclass(model, Message):
        schema["properties"]["schema"] |= {"const": model.SCHEMA}
        schema["required"] = sorted({"schema", *schema.get("required", ())})
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _explain(model: type[Part], schema: dict[str, Any]) -> None:
    """Write what the fields and words of a schema mean into it."""
    kinds = {each.__name__: each for each in _ours(Part)} | {Part.__name__: Part}
    words = {each.__name__: each for each in _ours(StrEnum)}
    for name, each in [(model.__name__, schema), *schema.get("$defs", {}).items()]:
        if "properties" in each:
            told = meanings(kinds[name])
            for field, form in each["properties"].items():
                each["properties"][field] = {"description": told[field], **form}
        elif name in words:
            each["x-meanings"] = member_meanings(words[name])


def _ours(base: type[Any]) -> Iterator[type[Any]]:
    """Return the classes of this package below a class."""
    for each in base.__subclasses__():
        if each.__module__.startswith("shared_schema."):
            yield each
        yield from _ours(each)


def with_evidence(event: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an event that also holds its evidence against the schema it names."""
    joined, shared = [], dict(event["$defs"])
    for kind, model in EVIDENCE.items():
        own = json_schema(f"evidence-{kind.replace('_', '-')}")
        del own["$schema"]
        parts = {**own.pop("$defs", {}), model.__name__: own}
        if clash := [name for name, part in parts.items() if shared.get(name, part) != part]:
            raise ValueError(f"two schemas are called {', '.join(clash)}")
        shared |= parts
        named = {"evidence_schema": {"const": model.SCHEMA}}
        rests = {"evidence": {"$ref": f"#/$defs/{model.__name__}"}}
        joined.append(
            {
                "if": {"type": "object", "properties": named, "required": list(named)},
                "then": {"type": "object", "properties": rests},
            }
        )
    return {**event, "$defs": dict(sorted(shared.items())), "allOf": joined}


def documents() -> dict[str, str]:
    """Return every generated file: path below the reference folder, and its text."""
    found = {f"schemas/{name}.json": json_schema(name) for name in (*MESSAGES, *PARTS)}
    found["asyncapi.json"] = asyncapi(
        CHANNELS, {name: found[f"schemas/{name}.json"] for name in MESSAGES}, examples()
    )
    found["schemas/event.json"] = with_evidence(found["schemas/event.json"])
    texts = {
        path: json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        for path, document in found.items()
    }
    return {**texts, "obis.md": obis_table(), "messages.md": messages_page()}


def messages_page() -> str:
    """Return the page of messages."""
    named = [name for name in PARTS if name.startswith("evidence-")]
    return page(
        CHANNELS,
        {name: json_schema(name) for name in MESSAGES},
        {name: json_schema(name) for name in LINES},
        {name: json_schema(name) for name in named},
    )


def obis_table() -> str:
    """Return the catalogue as a Markdown table."""
    rows = [
        f"| {entry.obis} | {entry.name} | {entry.kind} | {UNIT_SYMBOLS[entry.unit] or '-'} "
        f"| {entry.service or '-'} |"
        for entry in CATALOGUE.values()
    ]
    objects = [f"| {obis} | {name} |" for obis, name in OBJECTS.items()]
    events, seen = (
        [f"| {int(code)} | {name} |" for code, name in sorted(names.items())]
        for names in (METER_EVENTS, GATEWAY_EVENTS)
    )
    named = ", ".join(f"{log} {name}" for log, name in zip(EVENT_PROFILES, LOGS, strict=True))
    heads = _EVENTS_HEAD.format(logs=named), _GATEWAY_HEAD.format(log=GATEWAY_LOG)
    return "\n".join(
        [_OBIS_HEAD, *rows, _OBJECTS_HEAD, *objects, heads[0], *events, heads[1], *seen, ""]
    )


def main(folder: Path) -> None:
    """Write every document below ``folder``."""
    for path, text in documents().items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
