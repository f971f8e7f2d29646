# SPDX-License-Identifier: MIT
"""The intake: what a batch of messages changes in the store before its acknowledgement.

It has two halves, each on the thread of its connection: `Intake.judge` verifies messages against
the registry, `Intake.commit` stores what was judged. A message that cannot be stored stops no
other: it goes to quarantine, as a whole where nothing of it is sure.

In: what was received, connections. Out: what was stored, and which streams want a receipt. Owns:
the cached registry and dimensions. Never: an acknowledgement, a receipt, a link: the service does
that after the return.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cloud_ingest.core.accept import (
    MAX_DETAIL_CHARACTERS,
    Accepted,
    QuarantineReason,
    Refused,
    accept,
)
from cloud_ingest.core.known import Registry
from cloud_ingest.core.quota import DEFAULT_QUOTAS, Quotas
from cloud_ingest.errors import ConfigurationError, StoreUnavailable
from cloud_ingest.ingest.small_messages import (
    Received,
    store_of_society,
    store_result,
    store_status,
    store_volatile,
)
from cloud_ingest.store.acknowledgements import NeverSent
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.commit import CommitResult, Stream, commit
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.evidence import payload
from cloud_ingest.store.registry import key_changes, load_registry
from shared_schema.errors import MalformedMessage, SignatureInvalid, UnknownSchema
from shared_schema.topics import GatewayTopic, gateway_topic, parse_gateway_topic
from shared_schema.volatile import is_volatile

logger = logging.getLogger(__name__)

_WORTH_A_RELOAD = frozenset(
    {
        QuarantineReason.UNKNOWN_GATEWAY,
        QuarantineReason.BAD_SIGNATURE,
        QuarantineReason.UNKNOWN_METER,
        QuarantineReason.NOT_INSTALLED,
        QuarantineReason.NOT_BOUND,
    }
)
"""Reasons that a newer registry may remove."""
_MOST_RELOADING = 0.05
"""The share of the time in which registries are read again, however much is in doubt."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch of messages changed."""

    messages: int = 0
    accepted: int = 0
    """Batches that were taken, also where they had come before."""
    refused: int = 0
    """Messages that went to quarantine as a whole."""
    batches: int = 0
    readings: int = 0
    duplicates: int = 0
    conflicts: int = 0
    streams: frozenset[Stream] = frozenset()
    rejected: Counter[str] = field(default_factory=Counter)
    """What went to quarantine, by reason, also where it was there already."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a batch of messages will commit."""

    messages: int
    verdicts: tuple[Accepted | Refused, ...]


class Intake:
    """The judge and the store of batches of messages.

    With a connection for each half, the next batch is verified while the database works on the one
    before.
    """

    def __init__(
        self,
        *,
        registry_age_s: float = 60.0,
        reload_every_s: float = 0.25,
        quotas: Quotas = DEFAULT_QUOTAS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry_age_s = registry_age_s
        self._reload_every_s = self._reload_after_s = reload_every_s
        self._quotas = quotas
        self._clock = clock
        self._registry: Registry | None = None
        self._loaded_at = 0.0
        self._outdated = False
        """A commit bound meters that this registry has as bound to nobody."""
        self._known = StoreCache()
        self._known_of: Connection | None = None

    def store(
        self, conn: Connection, received: Sequence[Received], received_at: datetime
    ) -> Outcome:
        """Judge these messages and commit what they say.

        Raises:
            StoreUnavailable: nothing is sure to be stored: the same again changes nothing.
        """
        return self.commit(conn, self.judge(conn, received, received_at))

    def judge(
        self, conn: Connection, received: Sequence[Received], received_at: datetime
    ) -> Judged:
        """Judge messages; store those that carry no readings at once.

        Raises:
            StoreUnavailable: the same again changes nothing.
        """
        self._see_key_changes(conn)
        verdicts: list[Accepted | Refused] = []
        for message in received:
            verdict = self._judge(conn, message, received_at)
            if verdict is not None:
                verdicts.append(verdict)
        verdicts = self._with_fresh_registry(conn, verdicts, received_at)
        return Judged(len(received), tuple(verdicts))

    def commit(self, conn: Connection, judged: Judged) -> Outcome:
        """Store what was judged; return only after the commit.

        Raises:
            StoreUnavailable: nothing is sure to be stored: the same again changes nothing.
        """
        if conn is not self._known_of:  # another connection may be to a store that was restored
            self._known, self._known_of = StoreCache(), conn
        result, verdicts = self._commit(conn, list(judged.verdicts))
        if result.bound:
            self._outdated = True
            logger.info(
                "Meters are bound to the gateway that spoke for them first: "
                "cloud-ingest meter gateways lists them",
                extra={"action": "meters_bound", "meters": result.bound},
            )
        rejected = Counter[str](+result.found)
        for verdict in verdicts:
            if isinstance(verdict, Refused):
                rejected[verdict.reason] += 1
            else:
                rejected.update(each.reason for each in verdict.rejections)
        refused = sum(isinstance(verdict, Refused) for verdict in verdicts)
        return Outcome(
            messages=judged.messages,
            accepted=len(verdicts) - refused,
            refused=refused,
            batches=result.batches,
            readings=result.new,
            duplicates=result.duplicates,
            conflicts=result.conflicts,
            streams=result.streams,
            rejected=rejected,
        )

    def _judge(
        self, conn: Connection, message: Received, received_at: datetime
    ) -> Accepted | Refused | None:
        """Return what a message will commit; None where it was small and is stored."""
        gateway: str | None = None
        society_id: int | None = None
        try:
            if store_of_society(conn, message, received_at):
                return None
            gateway, kind = parse_gateway_topic(message.topic)
            if kind is GatewayTopic.STATUS:
                store_status(conn, gateway, message, received_at)
                return None
            if kind is GatewayTopic.RESULTS:
                store_result(conn, gateway, message.payload, received_at)
                return None
            if kind is GatewayTopic.READINGS and is_volatile(message.payload):
                registry = self._current(conn)
                store_volatile(conn, gateway, message.payload, registry, received_at)
                return None
        except NeverSent as error:
            reason, detail, society_id = QuarantineReason.NEVER_SENT, str(error), error.society_id
        except UnknownSchema as error:
            reason, detail = QuarantineReason.UNKNOWN_SCHEMA, str(error)
        except SignatureInvalid as error:
            reason, detail = QuarantineReason.BAD_SIGNATURE, str(error)
        except (MalformedMessage, ValueError, RecursionError) as error:
            reason, detail = QuarantineReason.MALFORMED, str(error)
        except (StoreUnavailable, ConfigurationError):
            raise
        except Exception as error:
            if conn.closed:
                raise
            reason, detail = QuarantineReason.UNSTORABLE, _fault(error)
        else:
            return _accepted(message.topic, message.payload, self._current(conn), received_at)
        said = ascii(detail)[1:-1][:MAX_DETAIL_CHARACTERS]
        known = self._current(conn).gateways.get(gateway or "")
        whose = society_id if known is None else known.society_id
        return Refused(message.topic, message.payload, gateway, reason, said, received_at, whose)

    def _see_key_changes(self, conn: Connection) -> None:
        """Forget the registry where a key was taken back or named since: that holds at once."""
        known = self._registry
        if known is not None and key_changes(conn) != known.key_changes:
            self._registry = None

    def _current(self, conn: Connection) -> Registry:
        began = self._clock()
        age_s = began - self._loaded_at
        most_s = self._reload_after_s if self._outdated else self._registry_age_s
        if self._registry is None or age_s > most_s:
            self._outdated = False
            self._registry = load_registry(conn)
            self._loaded_at = self._clock()
            took_s = self._loaded_at - began
            self._reload_after_s = max(self._reload_every_s, took_s / _MOST_RELOADING)
        return self._registry

    def _with_fresh_registry(
        self, conn: Connection, verdicts: list[Accepted | Refused], received_at: datetime
    ) -> list[Accepted | Refused]:
        """Judge again, with a new registry, what an old one may have got wrong."""
        doubtful = [index for index, verdict in enumerate(verdicts) if _doubtful(verdict)]
        if not doubtful or self._clock() - self._loaded_at < self._reload_after_s:
            return verdicts
        self._registry = None
        again: dict[int, Accepted | Refused | None] = {}
        for index in doubtful:
            verdict = verdicts[index]
            if isinstance(verdict, Refused):
                topic, sent = verdict.topic, verdict.payload
            else:
                topic = gateway_topic(verdict.gateway.name, GatewayTopic.READINGS)
                sent = payload(verdict.batch)
            again[index] = self._judge(conn, Received(topic, sent, retained=False), received_at)
        judged = (again.get(index, verdict) for index, verdict in enumerate(verdicts))
        return [verdict for verdict in judged if verdict is not None]

    def _commit(
        self, conn: Connection, verdicts: list[Accepted | Refused]
    ) -> tuple[CommitResult, list[Accepted | Refused]]:
        """Commit all at once; where the database refuses, one by one."""
        if not verdicts:
            return CommitResult(), verdicts
        try:
            return commit(conn, verdicts, cache=self._known, quotas=self._quotas), verdicts
        except (StoreUnavailable, ConfigurationError):
            raise
        except Exception:
            if conn.closed:
                raise
            logger.exception(
                "The database refuses a batch of messages; each is now tried alone",
                extra={"action": "commit_failed", "messages": len(verdicts)},
            )
        total = CommitResult()
        for index, verdict in enumerate(verdicts):
            try:
                result = commit(conn, [verdict], cache=self._known, quotas=self._quotas)
            except (StoreUnavailable, ConfigurationError):
                raise
            except Exception as error:
                verdicts[index] = _unstorable(verdict, error)
                result = commit(conn, [verdicts[index]], cache=self._known, quotas=self._quotas)
            total = _sum(total, result)
        return total, verdicts


def _accepted(
    topic: str, payload: bytes, registry: Registry, received_at: datetime
) -> Accepted | Refused:
    """Judge a message of readings; one at which `accept` fails costs only itself."""
    try:
        return accept(topic, payload, registry, received_at)
    except Exception as error:
        reason, detail = QuarantineReason.UNSTORABLE, _fault(error)
    gateway, _kind = parse_gateway_topic(topic)
    return Refused(topic, payload, gateway, reason, detail, received_at)


def _doubtful(verdict: Accepted | Refused) -> bool:
    if isinstance(verdict, Refused):
        return verdict.reason in _WORTH_A_RELOAD
    return any(rejection.reason in _WORTH_A_RELOAD for rejection in verdict.rejections)


def _unstorable(verdict: Accepted | Refused, error: Exception) -> Refused:
    """Keep the whole message apart: it gets no receipt, and is not lost."""
    reason, detail = QuarantineReason.UNSTORABLE, _fault(error)
    if isinstance(verdict, Refused):
        return replace(verdict, reason=reason, detail=detail)
    topic = gateway_topic(verdict.gateway.name, GatewayTopic.READINGS)
    sent = payload(verdict.batch)
    own = verdict.gateway
    return Refused(topic, sent, own.name, reason, detail, verdict.received_at, own.society_id)


def _fault(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def _sum(one: CommitResult, other: CommitResult) -> CommitResult:
    return CommitResult(
        streams=one.streams | other.streams,
        batches=one.batches + other.batches,
        new=one.new + other.new,
        duplicates=one.duplicates + other.duplicates,
        conflicts=one.conflicts + other.conflicts,
        quarantined=one.quarantined + other.quarantined,
        bound=one.bound + other.bound,
        found=one.found + other.found,
    )
