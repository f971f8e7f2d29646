# SPDX-License-Identifier: MIT
"""The topics that the ingest subscribes to.

In: the name of a group of workers. Out: subscriptions; the society of an acknowledgement's topic.
Pure.
"""

import re

from shared_schema.topics import (
    GatewayTopic,
    billing_ack_topic,
    decode_level,
    gateway_topic,
    units_topic,
)

SUBSCRIPTIONS = (
    gateway_topic("+", GatewayTopic.READINGS),
    gateway_topic("+", GatewayTopic.STATUS),
    gateway_topic("+", GatewayTopic.RESULTS),
    billing_ack_topic("+"),
    units_topic("+"),
)
"""What the ingest listens to."""

_RETAINED = (gateway_topic("+", GatewayTopic.STATUS), units_topic("+"))
_UNITS_TOPIC = re.compile(re.escape(units_topic("+")).replace(r"\+", "([^/]+)"))
_ACK_TOPIC = re.compile(re.escape(billing_ack_topic("+")).replace(r"\+", "([^/]+)"))


def subscriptions(group: str | None) -> tuple[str, ...]:
    """Return what a worker subscribes to.

    Every worker gets the retained messages, the gateways' status and the lists of units: a shared
    subscription brings none.

    Args:
        group: The workers that share the other messages; None: this worker has them all.
    """
    if group is None:
        return SUBSCRIPTIONS
    return tuple(
        topic if topic in _RETAINED else f"$share/{group}/{topic}" for topic in SUBSCRIPTIONS
    )


def acknowledging_society(topic: str) -> str | None:
    """Return whose billing acknowledges on a topic; None where it is another topic.

    Raises:
        ValueError: the society's level is no percent-encoded name.
    """
    match = _ACK_TOPIC.fullmatch(topic)
    return None if match is None else decode_level(match[1])


def listing_society(topic: str) -> str | None:
    """Return whose list of units comes on a topic; None where it is another topic.

    Raises:
        ValueError: the society's level is no percent-encoded name.
    """
    match = _UNITS_TOPIC.fullmatch(topic)
    return None if match is None else decode_level(match[1])
