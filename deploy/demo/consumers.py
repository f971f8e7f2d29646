# SPDX-License-Identifier: MIT
"""Three stand-in consumers: what billing, helpdesk and accounting see of the metering layer.

Each is an ordinary MQTT client with a certificate and rights of its own. Billing acknowledges
what it received, and asks for what it missed once it has subscribed; the others only listen.
"""

import json
import logging
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from shared_schema.access import Consumer
from shared_schema.balance import Reconciliation
from shared_schema.billing import (
    BillingManifest,
    MonthlyConsumption,
    MonthlyWithdrawal,
)
from shared_schema.billing_asks import BillingAck, BillingRequest
from shared_schema.events import Event
from shared_schema.topics import SocietyTopic, billing_ack_topic, society_topics

log = logging.getLogger(__name__)


@dataclass
class Inbox:
    """What reached the three consumers, by the identity of each message."""

    numbers: dict[tuple[str, str], MonthlyConsumption] = field(default_factory=dict)
    """By unit and service; one that was taken back is not among them."""
    withdrawn: dict[tuple[str, str], MonthlyWithdrawal] = field(default_factory=dict)
    manifests: list[BillingManifest] = field(default_factory=list)
    events: dict[tuple[str, str, str], Event] = field(default_factory=dict)
    """The open ones, by kind, unit (a meter's flag names whom it serves) and service."""
    reconciliations: dict[tuple[str, str], Reconciliation] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, payload: bytes) -> MonthlyConsumption | MonthlyWithdrawal:
        """Keep a number, or forget one that is taken back: the highest version counts."""
        kind = MonthlyWithdrawal if is_withdrawal(payload) else MonthlyConsumption
        sent = kind.from_line(payload)
        key = (sent.subject.id, sent.service.value)
        known = (self.numbers.get(key), self.withdrawn.get(key))
        if any(old is not None and old.version > sent.version for old in known):
            return sent
        if isinstance(sent, MonthlyWithdrawal):
            self.withdrawn[key] = sent
            self.numbers.pop(key, None)
        else:
            self.numbers[key] = sent
            self.withdrawn.pop(key, None)
        return sent

    def note(self, event: Event) -> None:
        """Keep an open flag, and forget one that is cleared."""
        key = (event.kind, (event.unit or event.subject).id, event.service)
        if event.state == "open":
            self.events[key] = event
        else:
            self.events.pop(key, None)

    def month_is_whole(self) -> bool:
        """Say whether billing holds every number that the newest manifest names."""
        if not self.manifests:
            return False
        newest = self.manifests[-1]
        return all(
            (entry.subject.id, entry.service) in self.numbers for entry in newest.entries
        ) and all((entry.subject.id, entry.service) in self.withdrawn for entry in newest.withdrawn)


@dataclass(frozen=True, slots=True)
class Account:
    """How a consumer logs in to the broker."""

    host: str
    port: int
    role: Consumer
    tls: ssl.SSLContext


def is_withdrawal(payload: bytes) -> bool:
    """Say whether a message takes a number back, by the schema that it names."""
    schema: str = json.loads(payload)["schema"]
    return schema == MonthlyWithdrawal.SCHEMA


def _billing(inbox: Inbox, client: Client, message: MQTTMessage) -> None:
    if message.topic.endswith("/manifest"):
        inbox.manifests.append(BillingManifest.from_line(bytes(message.payload)))
        return
    sent = inbox.take(bytes(message.payload))
    ack = BillingAck(
        society=sent.society,
        month=sent.month,
        subject=sent.subject,
        service=sent.service,
        version=sent.version,
    )
    client.publish(billing_ack_topic(sent.society), ack.to_line(), qos=1)


def _helpdesk(inbox: Inbox, _client: Client, message: MQTTMessage) -> None:
    if message.payload:
        inbox.note(Event.from_line(bytes(message.payload)))


def _accounting(inbox: Inbox, _client: Client, message: MQTTMessage) -> None:
    if not message.payload:  # the topic of a tower that has nothing to balance any more
        return
    result = Reconciliation.from_line(bytes(message.payload))
    inbox.reconciliations[result.tower, result.service] = result


Handler = Callable[[Inbox, Client, MQTTMessage], None]
ROLES: dict[Consumer, tuple[SocietyTopic, Handler]] = {
    Consumer.BILLING: (SocietyTopic.BILLING, _billing),
    Consumer.HELPDESK: (SocietyTopic.EVENTS, _helpdesk),
    Consumer.ACCOUNTING: (SocietyTopic.RECONCILIATION, _accounting),
}


@contextmanager
def listen(society: str, accounts: list[Account]) -> Iterator[Inbox]:
    """Connect the consumers, whose logins are their roles, and collect what arrives."""
    inbox = Inbox()
    clients = [_connect(inbox, society, account) for account in accounts]
    try:
        yield inbox
    finally:
        for client in clients:
            client.disconnect()
            client.loop_stop()
            client.reinitialise()  # closes its sockets


def _connect(inbox: Inbox, society: str, account: Account) -> Client:
    part, handle = ROLES[account.role]
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=account.role,
        protocol=MQTTProtocolVersion.MQTTv5,
    )
    client.tls_set_context(account.tls)

    def on_connect(
        client: Client, _data: None, _flags: ConnectFlags, code: ReasonCode, _: Properties | None
    ) -> None:
        if code.is_failure:
            log.error("refused", extra={"action": "consumer_refused", "reason": str(code)})
        client.subscribe(society_topics(society, part), qos=1)
        if account.role is Consumer.BILLING:
            request = BillingRequest(society=society)
            client.publish(billing_ack_topic(society), request.to_line(), qos=1)

    def on_message(client: Client, _data: None, message: MQTTMessage) -> None:
        with inbox.changed:
            handle(inbox, client, message)
            inbox.changed.notify_all()

    client.on_connect = on_connect
    client.on_message = on_message
    client.connect(account.host, account.port)
    client.loop_start()
    return client
