# SPDX-License-Identifier: GPL-2.0-only
"""What is reported of a bus: each thing once at its level, and no secret."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.health import Health
from edge_agent.poll.finding import Finding, FindingKind, finding
from edge_agent.settings.bus import MeterConfig
from edge_agent.spool.read_failures import ReadFailures
from edge_agent.spool.spool import Spool
from edge_agent.worker.journal import Journal
from shared_schema.gateway import PollFailure
from tests.unit.edge_agent.fakes import POLLED

METER = MeterConfig(label="A-1", address=17, model="is16444", client=16)
NO_TIME = finding(FindingKind.CLOCK_SHOWS_NO_TIME, "A-1", came="ff")


@pytest.fixture
def journal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Journal]:
    caplog.set_level(logging.DEBUG)
    spool = Spool.open(tmp_path / "spool.db")
    yield Journal("riser-1", Health(["A-1"]), ReadFailures(spool, "riser-1"))
    spool.close()


def levels(caplog: pytest.LogCaptureFixture, action: str) -> list[str]:
    return [each.levelname for each in caplog.records if vars(each).get("action") == action]


def read(journal: Journal, *findings: Finding) -> None:
    journal.read(METER, replace(POLLED, findings=findings), 1000.0)


def test_a_repeated_failure_goes_to_debug(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    for reason in ("does not answer", "does not answer", "is garbled"):
        journal.failed(METER, reason, PollFailure.NO_ANSWER)
    assert levels(caplog, "meter_failed") == ["WARNING", "DEBUG", "WARNING"]


def test_the_same_findings_are_reported_once(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    for findings in ((NO_TIME,), (NO_TIME,), (), (NO_TIME,)):
        read(journal, *findings)
    assert levels(caplog, "meter_problems") == ["WARNING", "WARNING"]
    told = next(each for each in caplog.records if vars(each)["action"] == "meter_problems")
    assert vars(told)["problems"] == ["A-1: its clock shows no valid time: ff"]


def test_a_meter_that_answers_again_is_reported(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    journal.failed(METER, "does not answer", PollFailure.NO_ANSWER)
    read(journal)
    read(journal)
    assert levels(caplog, "meter_back") == ["INFO"]


def test_a_refusal_names_the_file_to_correct(
    journal: Journal, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "pw"
    meter = MeterConfig(label="A-1", address=17, model="is16444", password_file=file)
    journal.refused(meter, "A-1 refuses the password")
    (told,) = caplog.records
    assert (told.levelname, vars(told)["file"]) == ("ERROR", str(file))
