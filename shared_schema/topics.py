# SPDX-License-Identifier: MIT
"""The MQTT topics of the contract, made and taken apart in one place.

Labels are percent-encoded, so that a level never holds ``/``, ``+``, ``#`` or a control
character whatever a society calls its flats.
"""

import re
from enum import StrEnum
from urllib.parse import quote, unquote

from shared_schema.catalogue import Service
from shared_schema.errors import MalformedMessage
from shared_schema.events import EventKind, EventService, Subject

ROOT = "metering/v1"


class GatewayTopic(StrEnum):
    """The last level below ``metering/v1/gw/{gateway}/``."""

    READINGS = "readings"
    STATUS = "status"
    RESULTS = "results"
    COMMANDS = "commands"
    RECEIPTS = "receipts"


class SocietyTopic(StrEnum):
    """The level below ``metering/v1/society/{society}/`` on which the cloud speaks."""

    EVENTS = "events"
    BILLING = "billing"
    RECONCILIATION = "reconciliation"


def encode_level(label: str) -> str:
    """Percent-encode a label into one topic level."""
    return quote(label, safe="")


def decode_level(level: str) -> str:
    """Return the label of one topic level."""
    return unquote(level)


def gateway_topic(gateway: str, kind: GatewayTopic) -> str:
    """``metering/v1/gw/{gateway}/{kind}``; ``+`` as the gateway subscribes to all."""
    level = gateway if gateway == "+" else encode_level(gateway)
    return f"{ROOT}/gw/{level}/{kind}"


def parse_gateway_topic(topic: str) -> tuple[str, GatewayTopic]:
    """Return the gateway and the kind of a gateway-side topic.

    Raises:
        MalformedMessage: it is none.
    """
    match = re.fullmatch(rf"{ROOT}/gw/([^/]+)/([a-z]+)", topic)
    if match is None or match[2] not in list(GatewayTopic):
        raise MalformedMessage(f"not a gateway topic: {topic[:200]!r}")
    return decode_level(match[1]), GatewayTopic(match[2])


def _society(society: str) -> str:
    level = society if society == "+" else encode_level(society)
    return f"{ROOT}/society/{level}"


def society_topics(society: str, kind: SocietyTopic) -> str:
    """Every topic of a kind of a society; ``+`` as the society subscribes to all."""
    return f"{_society(society)}/{kind}/#"


def event_topic(society: str, kind: EventKind, subject: Subject, service: EventService) -> str:
    """Where an event is retained while it is open."""
    return f"{_society(society)}/events/{kind}/{subject.type}/{encode_level(subject.id)}/{service}"


def billing_topic(society: str, month: str, subject: Subject, service: Service) -> str:
    """Where the verified monthly number of a subject is sent."""
    return (
        f"{_society(society)}/billing/{month}/{subject.type}/{encode_level(subject.id)}/{service}"
    )


def billing_manifest_topic(society: str, month: str) -> str:
    """Where the manifest of a month is retained."""
    return f"{_society(society)}/billing/{month}/manifest"


def billing_ack_topic(society: str) -> str:
    """Where the billing module acknowledges; ``+`` as the society subscribes to all."""
    return f"{_society(society)}/billing-acks"


def reconciliation_topic(society: str, month: str, tower: str, service: Service) -> str:
    """Where the reconciliation of a tower is sent."""
    return f"{_society(society)}/reconciliation/{month}/{encode_level(tower)}/{service}"


def units_topic(society: str) -> str:
    """Where unit management retains its list; ``+`` as the society subscribes to all."""
    return f"{_society(society)}/units"


def units_result_topic(society: str) -> str:
    """Where it is retained what became of the list; ``+`` as the society stands for all."""
    return f"{_society(society)}/units-result"
