# SPDX-License-Identifier: MIT
"""Events as their consumers read them, and what each kind rests on."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import jsonschema
import pytest

from shared_schema.catalogue import Service
from shared_schema.events import Event, EventKind, Subject, SubjectType
from shared_schema.evidence import EVIDENCE, LeakEvidence
from shared_schema.schemas import json_schema

AT = datetime(2026, 11, 1, 18, 30, tzinfo=UTC)
FORMER = {
    "schema": "metering.event/1",
    "id": str(UUID(int=5)),
    "society": "S",
    "kind": "leak",
    "subject": {"type": "unit", "id": "A-1204"},
    "service": "water",
    "state": "cleared",
    "since": "2026-11-01T18:30:00Z",
    "raised_at": "2026-11-01T18:30:00Z",
    "cleared_at": "2026-11-02T18:30:00Z",
    "message": "Over: it ran dry.",
    "evidence": {"serial": "7"},
}


def test_every_kind_has_evidence_of_its_own_schema() -> None:
    assert set(EVIDENCE) == set(EventKind)
    for kind, model in EVIDENCE.items():
        assert f"metering.evidence.{kind}/1" == model.SCHEMA


@pytest.mark.parametrize("kind", sorted(EventKind))
def test_counted_and_told_fields_are_fields(kind: EventKind) -> None:
    model = EVIDENCE[kind]
    assert {*model.NEWS, *([model.AMOUNT] if model.AMOUNT else [])} <= set(model.model_fields)


def test_evidence_is_plain_decimals_and_utc_times() -> None:
    found = LeakEvidence(
        manufacturer="M", serial="7", litres_so_far=Decimal("3.40E+2"), rule_met_at=AT
    )
    document = found.document()
    assert (document["litres_so_far"], document["rule_met_at"]) == ("340", "2026-11-01T18:30:00Z")
    assert LeakEvidence.from_line(found.to_line()) == found
    jsonschema.validate(document, json_schema("evidence-leak"))


def test_a_field_that_is_not_known_is_ignored() -> None:
    line = json.dumps({"manufacturer": "M", "serial": "7", "colour": "blue"}).encode()
    assert LeakEvidence.from_line(line) == LeakEvidence(manufacturer="M", serial="7")


def test_a_message_of_the_former_program_is_read() -> None:
    event = Event.from_line(json.dumps(FORMER).encode())
    assert (event.severity, event.unit, event.version, event.raises) == ("alarm", None, 1, 1)


def test_a_consumer_of_the_former_fields_finds_them_all() -> None:
    event = Event(
        id=UUID(int=5),
        society="S",
        kind=EventKind.LEAK,
        subject=Subject(type=SubjectType.UNIT, id="A-1204"),
        service=Service.WATER,
        state="cleared",
        since=AT,
        raised_at=AT,
        cleared_at=AT,
        ended="over",
        message="Over: it ran dry.",
    )
    assert json.loads(event.to_line()).keys() >= FORMER.keys()


def test_an_open_event_has_not_ended() -> None:
    with pytest.raises(ValueError, match="has not ended"):
        Event(
            id=UUID(int=5),
            society="S",
            kind=EventKind.LEAK,
            subject=Subject(type=SubjectType.UNIT, id="A-1204"),
            service=Service.WATER,
            state="open",
            since=AT,
            raised_at=AT,
            ended="over",
            message="Water has not stopped.",
        )
