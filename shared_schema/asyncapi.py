# SPDX-License-Identifier: MIT
"""The AsyncAPI 3 document: who says what on which topic, how it is delivered, who may.

Its application is the cloud side: it sends what a consumer receives, and receives what a consumer
or a gateway sends.

In: the channels, the schemas' names and descriptions, examples. Out: the document. Pure.
"""

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Channel = tuple[str, str, str, str]
"""The address below the root, the message, who says it to whom, what else is to be known."""

_UNTIL_RECEIPT: Final = (
    "The gateway sends a batch again until a receipt covers it; live ones first, then what waited."
)
_IN_ORDER: Final = "In order of version on one topic; between topics in none."
_IN_NO_ORDER: Final = (
    "None: an older version may come after a newer one. The highest version of an identity holds."
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a message travels, from the view of the cloud side."""

    action: Literal["send", "receive"]
    retained: str
    """When the broker keeps it; empty: never."""
    redelivery: str
    order: str
    identity: tuple[str, ...]
    """The fields that name one thing; with the version they name one message."""
    version: str | None = None
    """The field that rises; None: the same identity is the same message."""


_SENT_UNTIL_ACKNOWLEDGED: Final = Delivery(
    "send",
    "",
    "Until a billing-ack names it, after 1, 2, 4 … minutes, at most 10 minutes apart; and on a "
    "billing-request.",
    _IN_NO_ORDER,
    ("society", "month", "subject", "service"),
    "version",
)
_FROM_GATEWAY: Final = Delivery(
    "receive", "", "None: the next one says more.", "As it was sent.", ("gateway", "at")
)
DELIVERY: Final[Mapping[str, Delivery]] = {
    "readings-header": Delivery(
        "receive", "", _UNTIL_RECEIPT, "None: seq and prev put them in order.", ("stream", "seq")
    ),
    "readings-volatile": _FROM_GATEWAY,
    "status": Delivery(
        "receive",
        "Always; the last will takes its place when the gateway is lost.",
        "None: the broker keeps the newest.",
        "As it was sent.",
        ("gateway", "session", "at"),
    ),
    "result": Delivery(
        "receive", "", "None: a command without a result is sent anew.", "As it was sent.",
        ("command",),
    ),
    "command": Delivery(
        "send", "", "None: the broker keeps it for the gateway's session until it expires.",
        "As it was issued.", ("id",),
    ),
    "receipt": Delivery(
        "send", "", "After each commit that stored of the stream, and when a batch comes again.",
        "None: a receipt covers what it names.", ("store", "stream"),
    ),
    "event": Delivery(
        "send",
        "While the flag is open. Its last message is not; then the topic is emptied by a message "
        "without a payload.",
        "None: the broker keeps the newest of each topic, and a webhook is tried for seven days.",
        _IN_ORDER,
        ("id",),
        "version",
    ),
    "monthly-consumption": _SENT_UNTIL_ACKNOWLEDGED,
    "monthly-withdrawal": _SENT_UNTIL_ACKNOWLEDGED,
    "billing-manifest": Delivery(
        "send", "Always.", "None: the broker keeps the newest.", _IN_ORDER, ("society", "month"),
        "version",
    ),
    "reconciliation": Delivery(
        "send",
        "Always; where a tower has nothing to balance any more, a last message says so, and the "
        "topic is emptied by a message without a payload.",
        "None: the broker keeps the newest.",
        _IN_ORDER,
        ("society", "month", "tower", "service"),
        "version",
    ),
    "billing-ack": Delivery(
        "receive", "", "The consumer acknowledges each time that the number comes.",
        "None: it covers the earlier versions.", ("society", "month", "subject", "service"),
        "version",
    ),
    "billing-request": Delivery(
        "receive", "", "None: the consumer asks again.", "One wish of a society after another.",
        (),
    ),
    "units": Delivery(
        "receive", "Always; emptied, it changes nothing.",
        "None: the broker keeps the newest, and brings it again after each link.",
        "By at: an older list is not taken after a newer one.", ("society", "at"),
    ),
    "units-result": Delivery(
        "send", "Always.", "None: the broker keeps the newest.",
        "As it was decided.", ("society", "list_sha256", "state"),
    ),
}  # fmt: skip
_PARAMETERS: Final[Mapping[str, tuple[str, str]]] = {
    "gateway": ("The common name of the gateway's certificate.", "gw-a"),
    "society": ("The society's name, percent-encoded.", "Green%20Acres"),
    "kind": ("What was noticed: a word of EventKind; new ones come.", "leak"),
    "subjectType": ("What the subject is: a word of SubjectType.", "unit"),
    "subject": ("The subject's label, percent-encoded.", "A-1204"),
    "service": ("electricity or water; of an event also all.", "water"),
    "month": ("The month in the society's zone.", "2026-07"),
    "tower": ("The tower's label, percent-encoded.", "Tower%201"),
}
_ABOUT: Final = """From the meter on the riser to the number that billing charges.

The application of this document is the cloud side. It sends what a consumer (billing, helpdesk,
accounting) receives, and it receives what a consumer or a gateway sends. A level of an address that
is a label is percent-encoded in UTF-8. Ignore fields, words and kinds that you do not know: they
come without a new version, and a changed meaning is a new version of the schema.

QoS 1: at least once. Take the same message twice without harm: `x-delivery` of an operation names
the identity of a message, the field that rises, the order, and what is sent again until when."""
_SERVER: Final[Mapping[str, Any]] = {
    "host": "{host}:{port}",
    "protocol": "secure-mqtt",
    "protocolVersion": "5.0",
    "title": "The society's MQTT broker",
    "description": "TLS 1.3 with a certificate of the client; its common name is the login, whose "
    "role says which topics it may subscribe to and write. A subscription to more is refused.",
    "variables": {
        "host": {"description": "As its operator names it.", "examples": ["broker.example.org"]},
        "port": {"description": "As its operator names it.", "default": "8883"},
    },
    "security": [
        {"$ref": "#/components/securitySchemes/certificate"},
        {"$ref": "#/components/securitySchemes/password"},
    ],
}
_SECURITY: Final[Mapping[str, Any]] = {
    "certificate": {
        "type": "X509",
        "description": "A certificate that the operator's authority issued for a key of your own "
        "(cloud-ingest ca issue).",
    },
    "password": {
        "type": "userPassword",
        "description": "Only at a listener where the operator allows passwords, over TLS as well.",
    },
}


def asyncapi(
    channels: Iterable[Channel],
    schemas: Mapping[str, Mapping[str, Any]],
    examples: Mapping[str, Iterable[Mapping[str, Any]]],
) -> dict[str, Any]:
    """Return the document.

    Args:
        channels: Which message travels where.
        schemas: The schema of each message.
        examples: Payloads of each message, as they are sent.
    """
    found: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for address, message, summary, told in channels:
        name = _camel(*(level for level in address.split("/") if not level.startswith("{")))
        found.setdefault(name, _channel(address))["messages"][message] = {
            "$ref": f"#/components/messages/{message}"
        }
        delivery = DELIVERY[message]
        operations[_camel(delivery.action, message)] = _operation(
            name, message, f"{summary[:1].upper()}{summary[1:]}.", told, delivery
        )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "IoT Utility",
            "version": "1",
            "description": _ABOUT,
            "license": {"name": "MIT"},
            "contact": {"name": "Whoever operates the broker"},
            "tags": [{"name": "metering"}],
        },
        "id": "urn:metering:v1",
        "defaultContentType": "application/json",
        "servers": {"broker": dict(_SERVER)},
        "channels": found,
        "operations": operations,
        "components": {
            "messages": {
                message: _message(message, schemas[message], examples[message])
                for _, message, _, _ in channels
            },
            "securitySchemes": dict(_SECURITY),
        },
    }


def _channel(address: str) -> dict[str, Any]:
    levels = [part[1:-1] for part in address.split("/") if part.startswith("{")]
    return {
        "address": f"metering/v1/{address}",
        "servers": [{"$ref": "#/servers/broker"}],
        "parameters": {
            level: {"description": _PARAMETERS[level][0], "examples": [_PARAMETERS[level][1]]}
            for level in levels
        },
        "messages": {},
    }


def _operation(
    channel: str, message: str, summary: str, told: str, delivery: Delivery
) -> dict[str, Any]:
    return {
        "action": delivery.action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        **({"description": told} if told else {}),
        "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"}],
        "bindings": {
            "mqtt": {"qos": 1, "retain": bool(delivery.retained), "bindingVersion": "0.2.0"}
        },
        "x-delivery": {
            "retained": delivery.retained or "Never.",
            "redelivery": delivery.redelivery,
            "order": delivery.order,
            "identity": list(delivery.identity),
            "version": delivery.version,
        },
    }


def _message(
    name: str, schema: Mapping[str, Any], examples: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    about = inspect.cleandoc(schema["description"])
    return {
        "name": name,
        "title": schema["properties"]["schema"]["const"],
        "summary": " ".join(about.split("\n\n", 1)[0].split()),
        "description": about,
        "contentType": "application/json",
        "payload": {"$ref": f"schemas/{name}.json"},
        "examples": [{"payload": each} for each in examples],
    }


def _camel(*words: str) -> str:
    first, *others = "-".join(words).split("-")
    return first + "".join(each.capitalize() for each in others)
