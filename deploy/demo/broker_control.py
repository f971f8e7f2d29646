# SPDX-License-Identifier: MIT
"""Tells a running broker of new logins, by the topic that its plugin takes commands on."""

from __future__ import annotations

import json
import queue
import ssl
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from deploy.demo.rootless import LocalServerError
from shared_schema.access import CONTROL_ANSWERS, CONTROL_TOPIC

KEEPER = "keeper"
TIMEOUT_S = 10.0


def tell(
    host: str,
    port: int,
    commands: list[dict[str, Any]],
    *,
    password: str,
    tls: ssl.SSLContext | None,
) -> None:
    """Give the broker commands, as the keeper of its logins, and wait until it has run them.

    Args:
        host: Where the broker is.
        port: Where it listens.
        commands: What it is told.
        password: The keeper's, without TLS.
        tls: The keeper's certificate.

    Raises:
        LocalServerError: it refuses one, or does not answer.
    """
    if not commands:
        return
    answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    if tls is not None:
        client.tls_set_context(tls)
    else:
        client.username_pw_set(KEEPER, password)
    payload = json.dumps({"commands": commands}).encode()

    def subscribe(*_: object) -> None:
        client.subscribe(CONTROL_ANSWERS, qos=1)

    def ask(*_: object) -> None:
        client.publish(CONTROL_TOPIC, payload, qos=1)

    def take(_client: Client, _data: object, message: MQTTMessage) -> None:
        answers.put(bytes(message.payload))

    client.on_connect = subscribe
    client.on_subscribe = ask
    client.on_message = take
    client.connect(host, port)
    client.loop_start()
    try:
        told = json.loads(answers.get(timeout=TIMEOUT_S))
    except queue.Empty:
        raise LocalServerError("mosquitto does not take its users") from None
    finally:
        client.disconnect()
        client.loop_stop()
        client.reinitialise()  # closes its sockets
    if faults := [each for each in told["responses"] if "error" in each]:
        raise LocalServerError(f"mosquitto refuses its users: {faults}")
