# SPDX-License-Identifier: MIT
"""The link of a consumer to the broker: MQTT 5 over TLS with a certificate, and one subscription.

It runs beside ca.pem, and the certificate and key of its login: LOGIN.pem, LOGIN.key.
"""

import json
import ssl
import sys
import threading
from typing import Any, Protocol
from urllib.parse import quote

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

Message = dict[str, Any]
QUIET_S = 5.0
"""So long after the subscription all that the broker retains is here."""


class Consumer(Protocol):
    """What is done with messages; each call is one transaction of the consumer's own store."""

    role: str
    topics: str
    """Below the society: ``billing``, ``events``, ``reconciliation``."""

    def wish(self) -> Message | None:
        """Begin to listen: return what is asked for, once it has subscribed."""

    def take(self, topic: str, said: Message | None) -> Message | None:
        """Keep a message, and return the answer; None was said where a topic is emptied."""

    def settle(self) -> None:
        """Note that all that is retained has come."""


def run(consumer: Consumer) -> None:
    """Serve until the process ends: PROGRAM SOCIETY HOST PORT [LOGIN], by default its role."""
    society, host, port, login = (*sys.argv[1:], consumer.role)[:4]
    root = f"metering/v1/society/{quote(society, safe='')}"
    lock = threading.Lock()
    quiet = threading.Timer(QUIET_S, lambda: None)

    def say(word: Message | None) -> None:
        if word is not None:
            client.publish(f"{root}/billing-acks", json.dumps({**word, "society": society}), qos=1)

    def on_connect(client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            sys.exit(f"the broker refuses us: {reason}")
        with lock:
            asked = consumer.wish()  # retained messages may come before the answer to subscribing
        client.subscribe(f"{root}/{consumer.topics}/#", qos=1)
        say(asked)

    def on_subscribe(*_: Any) -> None:
        nonlocal quiet
        quiet = threading.Timer(QUIET_S, settle)
        quiet.daemon = True
        quiet.start()

    def on_disconnect(*_: Any) -> None:
        quiet.cancel()  # not all that is retained has come

    def settle() -> None:
        with lock:
            consumer.settle()

    def on_message(_client: Client, _data: Any, message: Any) -> None:
        with lock:
            answer = consumer.take(
                message.topic, json.loads(message.payload) if message.payload else None
            )
        say(answer)  # after the commit: what is acknowledged is not sent again

    tls = ssl.create_default_context(cafile="ca.pem")
    tls.minimum_version = ssl.TLSVersion.TLSv1_3
    tls.load_cert_chain(f"{login}.pem", f"{login}.key")
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"{login}-{consumer.role}",
        protocol=MQTTProtocolVersion.MQTTv5,
    )
    client.tls_set_context(tls)
    client.on_connect, client.on_disconnect = on_connect, on_disconnect
    client.on_subscribe, client.on_message = on_subscribe, on_message
    client.connect(host, int(port))
    client.loop_forever()
