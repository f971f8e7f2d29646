# SPDX-License-Identifier: MIT
"""Flags for other modules: a leak, a read failure, evidence that does not hold.

An event is retained on its topic while it is open; when it ends, its last word is sent
and the topic is emptied. What is done about it (a ticket, a visit) is not ours.
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


class Subject(Part):
    """The thing that a number or a flag is about, by its society's own label."""

    type: SubjectType
    id: Label


class EventKind(StrEnum):
    """What was noticed."""

    LEAK = "leak"
    READ_FAILURE = "read_failure"
    EVIDENCE = "evidence"
    """A gateway's signed batches contradict each other: a fork, or a link that does not hold."""
    HELD_CHANGE = "held_change"
    """A published number would change beyond the bounds, and nobody asked for it."""
    PROLONGED_ESTIMATE = "prolonged_estimate"
    """A subject's months in a row could not be proved."""


AllServices = Literal["all"]
EventService = Service | AllServices
"""``all``: the thing is of no one service, such as a gateway."""


class Event(Message):
    """One flag, open or cleared."""

    SCHEMA: ClassVar[str] = "metering.event/1"

    id: UUID
    society: Label
    kind: EventKind
    subject: Subject
    service: EventService
    state: Literal["open", "cleared"]
    since: UtcDatetime
    """When the thing itself began, as far as the readings tell."""
    raised_at: UtcDatetime
    cleared_at: UtcDatetime | None = None
    message: str = Field(max_length=400)
    """One sentence for a person: what was seen, since when, how much."""
    evidence: dict[str, JsonValue] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _cleared_has_its_time(self) -> Self:
        if (self.state == "cleared") != (self.cleared_at is not None):
            raise ValueError("a cleared event, and no other, has cleared_at")
        return self
