# SPDX-License-Identifier: MIT
"""Missing intervals are asked for by themselves: of the bound gateway, bounded, and told."""

import json
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.core.gap_requests import MOST_TRIES, PAUSES
from cloud_ingest.core.month import month_of
from cloud_ingest.ingest.intake import Intake
from cloud_ingest.ingest.small_messages import Received
from cloud_ingest.operate.ask_for_gaps import ask_for_gaps
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store import outbox
from cloud_ingest.store.registry import find_society
from cloud_ingest.views.completeness import asked_again, completeness
from shared_schema.gateway import Command, CommandKind, MeterOutcome, Outcome, Result, Status
from shared_schema.message import MeterId
from shared_schema.signing import generate_key, open_message
from shared_schema.topics import GatewayTopic, gateway_topic
from tests.support.gateway import MAKER
from tests.support.store import SOCIETY, ZONE, Site, every, local, unit_line

KEY = generate_key()
NOW = local("2026-07-20 12:00")
METER = MeterId(manufacturer=MAKER, serial="1")
JULY = month_of(2026, 7, ZONE)


@pytest.fixture
def flat(site: Site) -> Site:
    """A flat whose meter gave a week of quarters but two days, by a gateway that is there."""
    site.units(unit_line("A-1204", "1", since="2026-07-12"))
    rows = [
        row
        for row in every(local("2026-07-12 00:00"), NOW, 1000, 5)
        if not local("2026-07-14 00:00") < row[0] <= local("2026-07-16 00:00")
    ]
    site.deliver("1", rows)
    refresh(site.conn, NOW)
    report(site)
    return site


def report(site: Site, state: str = "online", **more: object) -> None:
    """Let the gateway say how it is."""
    at = NOW + timedelta(seconds=site.one("SELECT count(*) FROM gateway_status"))
    said = {"gateway": "gw-a", "session": UUID(int=1), "state": state, "at": at, **more}
    topic = gateway_topic("gw-a", GatewayTopic.STATUS)
    payload = Status.model_validate(said).to_line()
    Intake().store(site.conn, [Received(topic, payload, retained=False)], NOW)


def sent(site: Site, at: datetime) -> list[Command]:
    """Ask for what is due, and return the commands that left, verified."""
    ask_for_gaps(site.conn, at, ZONE, KEY)
    parcels = outbox.hand_out(site.conn, at)
    outbox.mark_published(site.conn, [each.outbox_id for each in parcels], at)
    return [
        Command.from_line(open_message(each.payload, KEY.public_key()))
        for each in parcels
        if each.topic == gateway_topic("gw-a", GatewayTopic.COMMANDS)
    ]


def answer(site: Site, command: Command, detail: str) -> None:
    result = Result(
        gateway="gw-a",
        command=command.id,
        outcome=Outcome.DONE,
        at=NOW,
        meters=(MeterOutcome(meter=METER, label="A-1204", done=True, detail=detail),),
    )
    topic = gateway_topic("gw-a", GatewayTopic.RESULTS)
    Intake().store(site.conn, [Received(topic, result.to_line(), retained=False)], NOW)


def told(site: Site, at: datetime = NOW) -> list[tuple[int, int, str | None, str]]:
    society_id = find_society(site.conn, SOCIETY)
    channels = completeness(site.conn, society_id, JULY, ZONE, at)
    found = asked_again(site.conn, society_id, channels, JULY, ZONE)
    return [(one.days, one.times, one.outcome, one.said) for one in found]


def test_the_days_that_lack_are_asked_for_and_told(flat: Site) -> None:
    assert told(flat) == []
    (command,) = sent(flat, NOW)
    window = command.arguments
    assert (command.kind, window.meters) == (CommandKind.BACKFILL, (METER,))
    assert (window.since, window.until) == (local("2026-07-14 00:00"), local("2026-07-16 00:00"))
    assert told(flat) == [(2, 1, None, "")]
    assert sent(flat, NOW + timedelta(hours=1)) == [], "one is under way"
    answer(flat, command, "192 rows")
    assert told(flat) == [(2, 1, "done", "192 rows")]


def test_what_came_is_not_asked_for_again(flat: Site) -> None:
    assert len(sent(flat, NOW)) == 1
    flat.deliver("1", every(local("2026-07-14 00:00"), local("2026-07-16 00:00"), 1192, 5))
    refresh(flat.conn, NOW)
    assert sent(flat, NOW + 2 * PAUSES[0]) == []
    assert told(flat) == []


def test_what_a_meter_has_not_any_more_is_asked_for_three_times(flat: Site) -> None:
    commands = []
    for hour in range(0, 24 * 9, 8):
        at = NOW + timedelta(hours=hour)
        commands += [each for each in sent(flat, at) if covers(each, local("2026-07-15 00:00"))]
    assert len(commands) == MOST_TRIES


def covers(command: Command, at: datetime) -> bool:
    window = command.arguments
    return (
        window.since is not None and window.until is not None and window.since < at < window.until
    )


@pytest.mark.parametrize(
    "status",
    [
        {"state": "offline"},
        {"meters_behind": 1},
        {"spooled": 65},
    ],
)
def test_a_gateway_that_is_away_or_behind_is_not_asked(
    flat: Site, status: dict[str, object]
) -> None:
    report(flat, **status)  # type: ignore[arg-type]
    assert sent(flat, NOW) == []


def test_what_may_still_be_under_way_is_not_asked_for(site: Site) -> None:
    site.units(unit_line("A-1204", "1", since="2026-07-19"))
    rows = every(local("2026-07-19 00:00"), local("2026-07-20 04:00"), 1000, 5)
    late = local("2026-07-19 20:00")
    site.deliver("1", [row for row in rows if not late < row[0] < late + timedelta(hours=2)])
    refresh(site.conn, NOW)
    report(site)
    assert sent(site, local("2026-07-20 01:00")) == []
    assert len(sent(site, local("2026-07-20 05:00"))) == 1


def test_what_is_later_than_the_newest_reading_may_still_come(flat: Site) -> None:
    assert [each.arguments.until for each in sent(flat, NOW + timedelta(days=3))] == [
        local("2026-07-16 00:00")
    ]


def run(*words: str, dsn: str) -> str:
    told = CliRunner().invoke(app, [*words, "--dsn", dsn])
    assert told.exit_code == 0, told.output
    return told.output


def test_completeness_shows_what_was_asked_for(flat: Site, store_dsn: str) -> None:
    (command,) = sent(flat, NOW)
    answer(flat, command, "0 rows")
    said = run("completeness", "--society", SOCIETY, "--month", "2026-07", dsn=store_dsn)
    assert f"{MAKER} 1: 2 days, 1 time, last at" in said
    assert "done, 0 rows" in said
    found = json.loads(
        run("completeness", "--society", SOCIETY, "--month", "2026-07", "--json", dsn=store_dsn)
    )
    assert [each["said"] for each in found["asked_again"]] == ["0 rows"]
