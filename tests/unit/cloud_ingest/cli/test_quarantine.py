# SPDX-License-Identifier: MIT
"""What a person sees of the quarantine."""

import contextlib
import json
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli import quarantine
from cloud_ingest.cli.command_line import app
from cloud_ingest.cli.options import one_line_errors
from cloud_ingest.errors import StoreUnavailable, UserError
from cloud_ingest.operate import review
from cloud_ingest.store.quarantine import QuarantineState, Replay


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """A store in which the replay of two entries ends as the list says."""
    end: list[Exception] = []

    @contextlib.contextmanager
    def opened_store(*_: object) -> Iterator[SimpleNamespace]:
        with one_line_errors():
            yield SimpleNamespace(conn=None)

    def replay(*_: object) -> Iterator[Replay]:
        yield Replay(1, QuarantineState.REPLAYED, 3, "")
        yield Replay(2, QuarantineState.OPEN, 0, "no such meter")
        if end:
            raise end[0]

    monkeypatch.setattr(quarantine, "opened_store", opened_store)
    monkeypatch.setattr(review, "replay", replay)
    return end


def test_a_replay_says_what_became_of_each_entry(faults: list[Exception]) -> None:
    faults.append(UserError("1 of 2 entries could not be tried"))
    result = CliRunner().invoke(app, ["quarantine", "replay", "1", "2"])
    assert result.exit_code == 2
    assert result.stdout == "1: replayed, 3 new readings\n2: still open: no such meter\n"
    assert result.stderr == "cloud-ingest: 1 of 2 entries could not be tried\n"


@pytest.mark.parametrize("end", [StoreUnavailable("it is away"), UserError("1 of 2")])
def test_json_names_what_was_done_before_a_fault(faults: list[Exception], end: Exception) -> None:
    faults.append(end)
    result = CliRunner().invoke(app, ["quarantine", "replay", "1", "2", "--json"])
    assert result.exit_code == 2
    assert [(each["quarantine_id"], each["state"]) for each in json.loads(result.stdout)] == [
        (1, "replayed"),
        (2, "open"),
    ]


@pytest.mark.usefixtures("faults")
@pytest.mark.parametrize("words", [(), ("1", "--all")])
def test_a_replay_wants_numbers_or_all(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, ["quarantine", "replay", *words])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "say which: entry numbers" in result.stderr
