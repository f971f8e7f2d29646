# SPDX-License-Identifier: MIT
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from edge_agent.commands.verdict import LONGEST_WINDOW, judge, refusal, result
from shared_schema.gateway import (
    LONGEST_LIFE,
    Command,
    CommandArguments,
    CommandKind,
    MeterOutcome,
    Outcome,
)

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
READS = frozenset({CommandKind.READ_NOW, CommandKind.BACKFILL})


def command(kind: CommandKind = CommandKind.READ_NOW, **fields: object) -> Command:
    return Command.model_validate(
        {
            "gateway": "gw-1",
            "key": "0" * 16,
            "id": uuid4(),
            "kind": kind,
            "issued_at": NOW - HOUR,
            "expires_at": NOW + HOUR,
            **fields,
        }
    )


def test_what_is_allowed_is_run() -> None:
    assert judge(command(), gateway="gw-1", allowed=READS, now=NOW) is None


@pytest.mark.parametrize(
    ("asked", "now", "outcome", "words"),
    [
        (command(gateway="gw-2"), NOW, Outcome.REFUSED, "gateway gw-2"),
        (command(), None, Outcome.REFUSED, "not synchronised"),
        (command(), NOW + HOUR, Outcome.EXPIRED, "expired at 2026-07-01 13:00:00"),
        (command(), NOW + HOUR - timedelta(seconds=1), None, ""),
        (command(expires_at=NOW + LONGEST_LIFE + HOUR), NOW, Outcome.REFUSED, "7 days"),
        (command(CommandKind.SET_CLOCK), NOW, Outcome.REFUSED, "does not allow set_clock"),
        (
            command(
                CommandKind.BACKFILL,
                arguments=CommandArguments(since=NOW - LONGEST_WINDOW - HOUR, until=NOW),
            ),
            NOW,
            Outcome.REFUSED,
            "62 days",
        ),
    ],
)
def test_what_is_not_run_says_why(
    asked: Command, now: datetime | None, outcome: Outcome | None, words: str
) -> None:
    verdict = judge(asked, gateway="gw-1", allowed=READS, now=now)
    if outcome is None:
        assert verdict is None
        return
    assert verdict is not None
    assert verdict.outcome is outcome
    assert words in verdict.reason
    answer = refusal(asked, verdict, NOW)
    assert (answer.command, answer.outcome, answer.reason) == (asked.id, outcome, verdict.reason)


@pytest.mark.parametrize(
    ("done", "outcome"),
    [((True, True), Outcome.DONE), ((True, False), Outcome.FAILED), ((), Outcome.FAILED)],
)
def test_a_command_is_done_where_every_meter_was(done: tuple[bool, ...], outcome: Outcome) -> None:
    meters = [
        MeterOutcome(label=f"m{n}", done=each, detail="" if each else "it is silent")
        for n, each in enumerate(done)
    ]
    answer = result(command(), meters, NOW)
    assert answer.outcome is outcome
    assert answer.meters == tuple(meters)
    assert (answer.reason == "") == (outcome is Outcome.DONE)


@pytest.mark.parametrize(
    "fields",
    [
        {"expires_at": NOW - HOUR},
        {"kind": "backfill"},
        {"kind": "backfill", "arguments": {"since": NOW, "until": NOW}},
        {"kind": "read_now", "arguments": {"since": NOW - HOUR, "until": NOW}},
        {"kind": "open_the_valve"},
    ],
)
def test_what_makes_no_sense_is_no_command(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        command(**{"kind": CommandKind.READ_NOW, **fields})  # type: ignore[arg-type]
