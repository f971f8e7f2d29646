# SPDX-License-Identifier: MIT
"""The cloud asks a gateway for something: over a real broker, of meters on a pty bus."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from shared_schema.catalogue import BLOCK_LOAD_PROFILE
from shared_schema.gateway import Command, CommandArguments, CommandKind, Outcome
from shared_schema.message import MeterId
from shared_schema.signing import key_id, sign_message
from shared_schema.topics import GatewayTopic
from tests.support.agent_place import Place, mosquitto, place, running, stored, users
from tests.support.small_cloud import CLOUD_KEY, until

__all__ = ["mosquitto", "place", "users"]

METER = MeterId(manufacturer="LNT", serial="10000001")


def ask(place: Place, kind: CommandKind, **arguments: object) -> Command:
    now = datetime.now(UTC)
    command = Command(
        gateway=place.cloud.gateway,
        key=key_id(CLOUD_KEY.public_key()),
        id=uuid4(),
        kind=kind,
        arguments=CommandArguments.model_validate(arguments),
        issued_at=now,
        expires_at=now + timedelta(minutes=10),
    )
    payload = sign_message(command.to_line(), CLOUD_KEY)
    place.cloud.send(payload, GatewayTopic.COMMANDS)
    place.cloud.send(payload, GatewayTopic.COMMANDS)
    return command


def caught_up(place: Place) -> bool:
    statuses = place.cloud.statuses
    return bool(statuses) and (statuses[-1].meters_behind, statuses[-1].spooled) == (0, 0)


def test_a_window_is_read_again_and_the_answer_says_so(place: Place) -> None:
    now = datetime.now(UTC)
    since, until_ = now - timedelta(days=5), now - timedelta(days=3)
    with place.cloud.online(), place.bus(), running(place.agent()):
        until(lambda: caught_up(place), "all history read and receipted", 60)
        place.cloud.stored.clear()
        command = ask(place, CommandKind.BACKFILL, meters=[METER], since=since, until=until_)
        until(lambda: bool(place.cloud.results), "an answer", 60)
        until(lambda: caught_up(place), "what was read again is receipted", 60)
    (answer,) = {each.command: each for each in place.cloud.results}.values()
    assert (answer.command, answer.outcome) == (command.id, Outcome.DONE)
    assert answer.meters[0].meter == METER
    rows = {
        row[0] or 0
        for block in stored(place.cloud)
        if block.profile == BLOCK_LOAD_PROFILE
        for row in block.rows
    }
    truth = {
        int(row.ts.timestamp())
        for row in place.estate.meter("10000001").buffered(BLOCK_LOAD_PROFILE, now)
        if since < row.ts <= until_
    }
    assert len(truth) == 2 * 96
    assert truth <= rows


def test_what_is_not_allowed_or_not_here_is_said(place: Place) -> None:
    stranger = MeterId(manufacturer="LNT", serial="1")
    with place.cloud.online(), place.bus(), running(place.agent()):
        until(lambda: bool(place.cloud.statuses), "the birth")
        refused = ask(place, CommandKind.SET_CLOCK)
        nowhere = ask(place, CommandKind.READ_NOW, meters=[stranger])
        until(lambda: len({each.command for each in place.cloud.results}) == 2, "both answers")
    answers = {each.command: each for each in place.cloud.results}
    assert answers[refused.id].outcome is Outcome.REFUSED
    assert answers[nowhere.id].outcome is Outcome.FAILED
    assert "none of the meters" in answers[nowhere.id].reason
