# SPDX-License-Identifier: MIT
"""What is asked of a gateway leaves signed, and only its own answer is kept."""

from datetime import timedelta

import pytest

from cloud_ingest.errors import NotFound, UserError
from cloud_ingest.operate.send_command import send
from cloud_ingest.store.commands import answer, issued_commands
from cloud_ingest.store.outbox import hand_out
from shared_schema.gateway import Command, CommandKind, Outcome, Result
from shared_schema.signing import generate_key, open_message
from tests.support.store import SOCIETY, Site, local

NOW = local("2026-07-01 12:00")
KEY = generate_key()


def read_now(site: Site, **options: object) -> Command:
    given: dict[str, object] = {"key": KEY, "by": "operator", "now": NOW, **options}
    return send(site.conn, SOCIETY, "gw-a", CommandKind.READ_NOW, **given)  # type: ignore[arg-type]


def test_a_command_leaves_signed_and_expires(site: Site) -> None:
    command = read_now(site, meters=["LNT/1", "LNT/2"])
    (parcel,) = hand_out(site.conn, NOW)
    assert parcel.topic == "metering/v1/gw/gw-a/commands"
    assert Command.from_line(open_message(parcel.payload, KEY.public_key())) == command
    assert [meter.serial for meter in command.arguments.meters] == ["1", "2"]
    assert command.expires_at == NOW + timedelta(hours=1)


def test_the_first_answer_of_the_gateway_that_was_asked_stands(site: Site) -> None:
    command = read_now(site)
    (waiting,) = issued_commands(site.conn, SOCIETY)
    assert (waiting.command_id, waiting.outcome) == (command.id, None)

    def result(outcome: Outcome, gateway: str = "gw-a") -> Result:
        return Result(gateway=gateway, command=command.id, outcome=outcome, reason="r", at=NOW)

    assert not answer(site.conn, result(Outcome.DONE, "gw-b"), NOW)
    assert answer(site.conn, result(Outcome.FAILED), NOW)
    assert not answer(site.conn, result(Outcome.DONE), NOW)
    (answered,) = issued_commands(site.conn, SOCIETY, command=command.id)
    assert answered.outcome == "failed"
    assert answered.result is not None
    assert answered.result["reason"] == "r"


def test_a_command_that_makes_no_sense_is_not_sent(site: Site) -> None:
    with pytest.raises(UserError, match="MAKER/SERIAL"):
        read_now(site, meters=["26100001"])
    with pytest.raises(UserError, match="7 days"):
        read_now(site, expires_after=timedelta(days=8))
    with pytest.raises(UserError, match="since and until"):
        send(site.conn, SOCIETY, "gw-a", CommandKind.BACKFILL, key=KEY, by="operator", now=NOW)
    with pytest.raises(NotFound, match="gw-z"):
        send(site.conn, SOCIETY, "gw-z", CommandKind.READ_NOW, key=KEY, by="operator", now=NOW)
    assert issued_commands(site.conn, SOCIETY) == []
    assert hand_out(site.conn, NOW) == []
