# SPDX-License-Identifier: MIT
"""A gateway's diagnosis, asked for from the office."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.errors import NotFound, UserError
from cloud_ingest.ingest.small_messages import store_result
from cloud_ingest.operate import gateway_diagnosis
from cloud_ingest.operate.send_command import World
from cloud_ingest.store.assignment_versions import Word
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.gateway_keys import revoke_keys
from cloud_ingest.store.registry import enrol_gateway
from shared_schema.diagnosis import packed
from shared_schema.gateway import Command, CommandKind, Outcome, Result
from shared_schema.signing import generate_key, open_message, public_key_to_pem

NOW = datetime.now(UTC).replace(microsecond=0)
CLOUD = generate_key()
DOCUMENT = {"gateway": "gw-a", "doctor": [{"level": "fail", "name": "disk", "said": "3 MB"}]}


@dataclass
class Office:
    """Somebody who asks, and a gateway that answers while he waits."""

    conn: Connection
    answer: dict[str, Any] | None = None
    asked: list[Command] = field(default_factory=list)
    now: datetime = NOW

    def ask(self) -> dict[str, Any]:
        world = World(CLOUD, "meera", lambda: self.now, self.pause, print)
        return gateway_diagnosis.ask(self.conn, "Lake View", "gw-a", world, timedelta(seconds=30))

    def pause(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        rows = self.conn.execute("SELECT payload FROM outbox").fetchall()
        self.asked = [
            Command.from_line(open_message(bytes(row[0]), CLOUD.public_key())) for row in rows
        ]
        if self.answer is not None:
            (command,) = self.asked
            fields = {"outcome": Outcome.DONE, **self.answer}
            result = Result(gateway="gw-a", command=command.id, at=self.now, **fields)
            store_result(self.conn, "gw-a", result.to_line(), self.now)


@pytest.fixture
def office(plain_store_dsn: str) -> Iterator[Office]:
    with connect(plain_store_dsn) as conn:
        pem = public_key_to_pem(generate_key().public_key())
        enrol_gateway(conn, "Lake View", "gw-a", None, pem)
        yield Office(conn)


def test_a_gateway_answers_with_its_diagnosis(office: Office) -> None:
    office.answer = {"diagnosis": packed(DOCUMENT)}
    assert office.ask() == DOCUMENT
    (command,) = office.asked
    assert command.kind is CommandKind.DIAGNOSE
    assert command.expires_at - command.issued_at == timedelta(hours=1)
    assert gateway_diagnosis.fetch(office.conn, "Lake View", command.id) == DOCUMENT


def test_a_late_answer_is_fetched_by_its_number(office: Office) -> None:
    with pytest.raises(UserError, match=r"has not answered yet.*--id"):
        office.ask()
    (command,) = office.asked
    with pytest.raises(NotFound, match="not answered yet"):
        gateway_diagnosis.fetch(office.conn, "Lake View", command.id)
    office.answer = {"diagnosis": packed(DOCUMENT)}
    office.pause(0)
    assert gateway_diagnosis.fetch(office.conn, "Lake View", command.id) == DOCUMENT


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"outcome": Outcome.REFUSED, "reason": "not allowed"}, "refused, not allowed"),
        ({}, "an earlier version makes none"),
        ({"diagnosis": "bm90aGluZw=="}, "is no diagnosis"),
    ],
)
def test_an_answer_without_a_diagnosis_is_told(
    office: Office, answer: dict[str, Any], said: str
) -> None:
    office.answer = answer
    with pytest.raises(UserError, match=said):
        office.ask()


def test_a_gateway_that_was_taken_back_is_not_asked(office: Office) -> None:
    revoke_keys(office.conn, "gw-a", Word("A. Nair", "stolen", NOW))
    with pytest.raises(UserError, match="were taken back"):
        office.ask()
    assert office.conn.execute("SELECT count(*) FROM command").fetchone() == (0,)


def test_a_command_of_nobody_is_not_there(office: Office) -> None:
    with pytest.raises(NotFound, match="has no command"):
        gateway_diagnosis.fetch(office.conn, "Lake View", UUID(int=7))


def test_what_the_gateways_doctor_complains_of_is_said(
    office: Office, plain_store_dsn: str, tmp_path: Path
) -> None:
    office.answer = {"diagnosis": packed(DOCUMENT)}
    office.ask()
    out = tmp_path / "d.json"
    words = ("gateway", "diagnose", "gw-a", "--society", "Lake View")
    done = CliRunner().invoke(
        app,
        [*words, "--id", str(office.asked[0].id), "--out", str(out)],
        env={"IOT_UTILITY_DSN": plain_store_dsn},
    )
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0] == "fail disk: 3 MB"
    assert json.loads(out.read_text()) == DOCUMENT
