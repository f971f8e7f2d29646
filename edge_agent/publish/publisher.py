# SPDX-License-Identifier: GPL-2.0-only
"""The publisher: one thread that keeps a link to the broker and sends what the spool holds.

It connects, publishes, loses the link and connects again, for ever. Each link is a new session:
the birth first, then answers to commands and batches, until the link ends.

In: the spool; the cloud's receipts and commands. Out: batches, answers to commands and the
gateway's status. Owns the session, and what of it the broker has not acknowledged.
Never: a batch forgotten (only `Spool.apply_receipt` does that), a broker's acknowledgement
taken for storage, a receipt believed without the cloud's signature.
"""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final, Literal
from uuid import UUID, uuid4

from edge_agent.commands.log import CommandLog
from edge_agent.errors import ConfigurationError, PublishError, SpoolFull
from edge_agent.publish.batch_flow import BatchFlow, back_off
from edge_agent.publish.in_flight import Flight
from edge_agent.publish.mqtt import Answer, Login, MqttLink, Will
from edge_agent.publish.status_due import StatusDue
from edge_agent.settings.gateway import BrokerConfig
from edge_agent.spool.spool import Spool
from edge_agent.watchdog import Part
from shared_schema.errors import ContractError
from shared_schema.gateway import Receipt, Status
from shared_schema.signing import VerifyKey, open_message
from shared_schema.topics import GatewayTopic, gateway_topic

StatusMaker = Callable[[UUID, Literal["online", "offline"]], Status]
Unacknowledged = dict[int, int | UUID | None]
"""Of one link: packet id -> seq of a batch, command of a result, or None for a status."""

STEADY_S: Final = 30.0
"""A link that held so long is no failed attempt, unless another's receipts came over it: two
machines share one login, and were this one back at once, the other's would never reach it."""
GOODBYE_S: Final = 2.0
_RECONNECT_S: Final = (1.0, 60.0)
_log = logging.getLogger(__name__)


def _ignore(_payload: bytes) -> None:
    """Take no command."""


def _nothing() -> bytes | None:
    """Have no volatile readings."""
    return None


class Publisher:
    """Sends what the spool holds, for as long as the agent runs."""

    def __init__(
        self,
        spool: Spool,
        broker: BrokerConfig,
        *,
        gateway: str,
        cloud_key: VerifyKey,
        status: StatusMaker,
        on_command: Callable[[bytes], None] = _ignore,
        volatile: Callable[[], bytes | None] = _nothing,
        flight: Flight | None = None,
        part: Part | None = None,
        will_delay_s: int = 10,
    ) -> None:
        """Prepare, without connecting.

        Args:
            spool: what to send, and what receipts change.
            broker: where to send.
            gateway: the gateway's name.
            cloud_key: whose receipts are believed.
            status: makes the gateway's status of a session.
            on_command: takes a command as it came, in the publisher's thread.
            volatile: gives what a full disk could not keep, a message at a time.
            flight: how much may be out; another one in tests.
            part: what the watchdog knows of the publisher; None: nobody watches it.
            will_delay_s: how long the broker waits for this gateway before its last will.

        Raises:
            ConfigurationError: a password or certificate file cannot be used.
        """
        self.flight = Flight() if flight is None else flight
        self.connected = threading.Event()
        """Set while the link stands and its subscription is answered."""
        self.sent = 0
        self.receipts = 0
        self._part = Part() if part is None else part
        self._spool = spool
        self._gateway = gateway
        self._cloud_key = cloud_key
        self._status = status
        self._on_command = on_command
        self._volatile = volatile
        self._will_delay_s = will_delay_s
        self._commands = CommandLog(spool)
        self._flow = BatchFlow(spool, self.flight)
        self._said = ""
        self._is_shared = False
        """Receipts of another's stream came over this link."""
        self._login = Login(broker, gateway)

    def __repr__(self) -> str:
        state = "connected" if self.connected.is_set() else "not connected"
        return f"<Publisher to {self._login}, {state}, {self.sent} sent, {self.flight.out} out>"

    @property
    def refusals(self) -> int:
        """How many batches the broker did not take, since it last took one."""
        return self._flow.refusals

    def run(self, stop: threading.Event) -> None:
        """Keep a link and publish until ``stop`` is set.

        Raises:
            SpoolError: the spool fails; a failing broker is no error, it is tried again.
        """
        attempt = 0
        while not stop.is_set():
            self._part.note_step()
            started = time.monotonic()
            self._is_shared = False
            try:
                self._serve(stop)
            except (PublishError, ConfigurationError) as error:
                self._complain(str(error))
            finally:
                self.connected.clear()
            is_steady = time.monotonic() - started > STEADY_S and not self._is_shared
            attempt = 0 if is_steady else attempt + 1
            stop.wait(back_off(attempt, *_RECONNECT_S))

    def _serve(self, stop: threading.Event) -> None:
        """Connect and publish until ``stop`` is set.

        Raises:
            PublishError: the link did not come up, or ended.
            ConfigurationError: a certificate cannot be used.
            SpoolError: the spool fails.
        """
        session = uuid4()
        out: Unacknowledged = {}
        will = Will(
            self._topic(GatewayTopic.STATUS),
            self._status(session, "offline").to_line(),
            self._will_delay_s,
        )
        topics = {
            self._topic(GatewayTopic.RECEIPTS): self._take_receipt,
            self._topic(GatewayTopic.COMMANDS): self._on_command,
        }
        on_answer = partial(self._answered, out)
        with MqttLink(self._login, topics=topics, will=will, on_answer=on_answer) as link:
            _log.info(
                "connected to the broker",
                extra={
                    "action": "broker_connected",
                    "broker": str(self._login),
                    "session": str(session),
                    "waiting": self._spool.pending().total,
                },
            )
            if link.refused:
                _log.error(
                    "the broker refuses a subscription; without receipts nothing can be forgotten: "
                    "tell it of this gateway (cloud-ingest broker apply)",
                    extra={"action": "subscribe_refused", "reason": ", ".join(link.refused)},
                )
            self.flight.clear()
            self.connected.set()
            status_due = StatusDue(lambda: self._status(session, "online"))
            while not stop.is_set():
                self._part.note_step()
                self._send_status(link, out, status_due.next(time.monotonic()))
                self._send_results(link, out)
                self._send_volatile(link, out)
                self._send_batches(link, out)
                link.turn()
            # In the gateway's own words: a clean end sends no last will.
            self._send_status(link, out, self._status(session, "offline"))
            link.wait(lambda: None not in out.values(), GOODBYE_S)
            link.goodbye()

    def _send_status(self, link: MqttLink, out: Unacknowledged, status: Status | None) -> None:
        if status is not None:
            topic = self._topic(GatewayTopic.STATUS)
            out[link.publish(topic, status.to_line(), retain=True)] = None

    def _send_results(self, link: MqttLink, out: Unacknowledged) -> None:
        """Send the answers to commands that the broker does not have."""
        are_out = set(out.values())
        for command, payload in self._commands.unsent():
            if command not in are_out:
                out[link.publish(self._topic(GatewayTopic.RESULTS), payload)] = command

    def _send_volatile(self, link: MqttLink, out: Unacknowledged) -> None:
        """Send what the spool could not keep: once, whatever the broker answers."""
        while link.receive_maximum - len(out) > 1 and (payload := self._volatile()) is not None:
            out[link.publish(self._topic(GatewayTopic.READINGS), payload)] = None

    def _send_batches(self, link: MqttLink, out: Unacknowledged) -> None:
        slots = link.receive_maximum - len(out) - 1
        is_any_out = any(isinstance(what, int) for what in out.values())
        for spooled in self._flow.next(time.monotonic(), slots, is_any_out=is_any_out):
            topic = self._topic(GatewayTopic.READINGS)
            out[link.publish(topic, spooled.payload)] = spooled.seq
            self.sent += 1

    def _answered(self, out: Unacknowledged, packet: int, answer: Answer) -> None:
        """Note what the broker said of a message."""
        what = out.pop(packet, None)
        if isinstance(what, UUID):
            if not answer.is_refusal:
                self._commands.sent(what)
        elif what is not None:
            problem = self._flow.answered(what, answer, time.monotonic())
            if problem:
                self._complain(problem)
            else:
                self._said = ""

    def _complain(self, text: str) -> None:
        """Log what is wrong with the broker, once until it changes."""
        level = logging.DEBUG if text == self._said else logging.WARNING
        self._said = text
        _log.log(
            level,
            "the broker does not take readings; they stay in the spool",
            extra={"action": "publish_failed", "broker": str(self._login), "reason": text},
        )

    def _take_receipt(self, payload: bytes) -> None:
        """Apply a receipt that the cloud signed for this gateway; ignore any other.

        Raises:
            SpoolError: the spool fails.
        """
        try:
            receipt = Receipt.from_line(open_message(payload, self._cloud_key))
        except ContractError as error:
            _ignore_receipt(str(error))
            return
        if receipt.gateway != self._gateway:
            _ignore_receipt(f"for gateway {receipt.gateway}")
            return
        try:
            applied = self._spool.apply_receipt(receipt)
        except SpoolFull as error:
            _ignore_receipt(str(error))
            return
        if applied.ignored:
            self._is_shared |= receipt.stream != self._spool.stream
            _ignore_receipt(applied.ignored)
            return
        self.receipts += 1
        if applied.forked:
            self.flight.clear()
            _log.error(
                "another gateway uses this key and a copy of this spool, or the spool is an older "
                "copy of itself: what the cloud does not have from here is sent again under a new "
                "stream; give each gateway a key and a spool of its own",
                extra={"action": "stream_forked", "waiting": self._spool.pending().total},
            )
        if applied.new_store:
            self.flight.clear()
            _log.warning(
                "the cloud has a new store; what is kept here is sent again",
                extra={
                    "action": "store_changed",
                    "store": str(receipt.store),
                    "waiting": self._spool.pending().total,
                },
            )
        self.flight.receipted(receipt.covers, time.monotonic())

    def _topic(self, kind: GatewayTopic) -> str:
        return gateway_topic(self._gateway, kind)


def _ignore_receipt(reason: str) -> None:
    _log.warning(
        "a receipt is ignored; the batches that it names are sent again",
        extra={"action": "receipt_ignored", "reason": reason},
    )
