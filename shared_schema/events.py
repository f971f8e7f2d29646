# SPDX-License-Identifier: MIT
"""Flags for other modules: a leak, a read failure, evidence that does not hold.

An event is retained on its topic while it is open; when it ends, its last word is sent
and the topic is emptied. What is done about it (a ticket, a visit) is not ours. Each kind has
its model of evidence in `shared_schema.evidence`.
"""

from enum import StrEnum
from typing import ClassVar, Literal, Self
from uuid import UUID

from pydantic import Field, JsonValue, model_validator

from shared_schema.catalogue import Service
from shared_schema.message import Label, Message, Part, UtcDatetime


class SubjectType(StrEnum):
    """What a number or a flag is about."""

    UNIT = "unit"
    METER = "meter"
    GATEWAY = "gateway"
    TOWER = "tower"
    COMMON = "common"
    SOCIETY = "society"


class Subject(Part):
    """The thing that a number or a flag is about, by its society's own label."""

    type: SubjectType
    """What it is."""
    id: Label
    """Its label: of a unit that shares it with another tower's, tower and label."""


class EventKind(StrEnum):
    """What was noticed. A consumer ignores a kind that it does not know."""

    LEAK = "leak"
    """Water has not stopped for a long time."""
    BURST = "burst"
    """Water runs so strongly, for so long, that nobody draws it."""
    REVERSE_FLOW = "reverse_flow"
    """Water ran back through a meter."""
    STUCK_REGISTER = "stuck_register"
    """A water meter stands still while somebody is at home."""
    TAMPER = "tamper"
    """A meter noted a magnet, an opened cover, a cut cable."""
    DRY_PIPE = "dry_pipe"
    """A pipe is without water, as its meter says."""
    NO_LOAD = "no_load"
    """A unit that was lived in takes no electricity any more."""
    LOAD_JUMP = "load_jump"
    """A unit's use of electricity is far from its own history."""
    PHASE_LOSS = "phase_loss"
    """A phase has no voltage beside others that have it."""
    REVERSE_ENERGY = "reverse_energy"
    """A unit gave energy to the mains."""
    NEUTRAL = "neutral"
    """A meter noted that its neutral is missing, or disturbed."""
    TOWER_LOSS = "tower_loss"
    """A tower's bulk meter counts more than the meters below it."""
    STOPPED_METER = "stopped_meter"
    """A meter stopped, as its tower's balance tells."""
    BYPASS = "bypass"
    """Water goes around a meter."""
    CROSSED_METERS = "crossed_meters"
    """The meters of two units are exchanged."""
    READ_FAILURE = "read_failure"
    """Meters that should be read by themselves have not been read for too long."""
    EVIDENCE = "evidence"
    """What a gateway signed contradicts itself (a fork, a link that does not hold), or what came by
    its login is not signed by it."""
    MISSING_BATCHES = "missing_batches"
    """Batches of a gateway do not come, and later ones did."""
    QUOTA = "quota"
    """A gateway brings more than its quotas: junk, new streams, new channels."""
    FALSE_ACKNOWLEDGEMENT = "false_acknowledgement"
    """Billing acknowledged a number that was never sent to it."""
    NOT_BOUND = "not_bound"
    """A gateway sends readings of meters that are not bound to it."""
    EXPIRING_CERTIFICATE = "expiring_certificate"
    """A gateway's certificate for the broker ends within 30 days."""
    GATEWAY_DISK = "gateway_disk"
    """The disk of a gateway is nearly full: soon it cannot keep what it reads."""
    GATEWAY_CLOCK = "gateway_clock"
    """A gateway's clock is far off, or not believed, so that it reads no meter."""
    HELD_CHANGE = "held_change"
    """A published number would change beyond the bounds, and nobody asked for it."""
    PROLONGED_ESTIMATE = "prolonged_estimate"
    """A subject's months in a row could not be proved."""
    SELF_READ_DUE = "self_read_due"
    """A dial that a person reads was not read by the set day, and its month waits for it."""


class Severity(StrEnum):
    """How soon somebody should look."""

    WATCH = "watch"
    """Look when you come by; it may be innocent."""
    ALARM = "alarm"
    """Look now."""


class Unit(Part):
    """The unit, common area or bulk meter's place that a flag is about, whatever its subject is."""

    type: SubjectType
    """What it is."""
    id: Label
    """Its label."""
    tower: Label | None = None


class Acknowledgement(Part):
    """A person has seen a flag and looks into it."""

    by: str = Field(min_length=1, max_length=500)
    """Who."""
    at: UtcDatetime
    """When."""


class HandOver(Part):
    """A person asks the helpdesk to do something about a flag."""

    by: str = Field(min_length=1, max_length=500)
    """Who."""
    at: UtcDatetime
    """When."""
    reason: str = Field(min_length=1, max_length=500)
    """The person's word: what is to be done, or why."""


AllServices = Literal["all"]
EventService = Service | AllServices
"""``all``: the thing is of no one service, such as a gateway."""


class Event(Message):
    """One flag, open or cleared."""

    SCHEMA: ClassVar[str] = "metering.event/1"

    id: UUID
    """Of the flag, from its first message to its last."""
    version: int = Field(ge=1, default=1)
    """It grows with each message of this flag: id and version name a message."""
    society: Label
    kind: EventKind
    """What was noticed."""
    subject: Subject
    service: EventService
    severity: Severity = Severity.ALARM
    """How soon to look."""
    unit: Unit | None = None
    """None: there is none, as for a gateway."""
    state: Literal["open", "cleared"]
    """Whether the thing is still there."""
    since: UtcDatetime
    """When the thing itself began, as far as the readings tell."""
    raised_at: UtcDatetime
    """When the rules raised the flag."""
    raises: int = Field(ge=1, default=1)
    """How often it was raised: within 72 hours of its end the same thing is the same flag."""
    acknowledged: Acknowledgement | None = None
    """Who looks into it; None: nobody has said so."""
    handed: HandOver | None = None
    """A person hands it to the helpdesk; None: nobody has."""
    cleared_at: UtcDatetime | None = None
    """When it ended; of a cleared flag alone."""
    ended: Literal["over", "muted"] | None = None
    """Why it is cleared: the thing is over, or a person muted it and it may still be there."""
    muted_until: UtcDatetime | None = None
    """When a mute ends: what is still there then is sent again, as the same flag."""
    message: str = Field(max_length=400)
    """One sentence for a person: what was seen, since when, how much."""
    evidence_schema: str | None = None
    """Which schema ``evidence`` has, such as ``metering.evidence.leak/1``."""
    evidence: dict[str, JsonValue] = Field(default_factory=dict)
    """What it rests on, by the schema that ``evidence_schema`` names."""

    @model_validator(mode="after")
    def _cleared_has_its_time(self) -> Self:
        if (self.state == "cleared") != (self.cleared_at is not None):
            raise ValueError("a cleared event, and no other, has cleared_at")
        if self.ended is not None and self.state == "open":
            raise ValueError("an open event has not ended")
        return self
