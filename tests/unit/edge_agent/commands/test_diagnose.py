# SPDX-License-Identifier: GPL-2.0-only
"""A diagnosis that the cloud asks for: by its key alone, in time, and once."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from edge_agent.commands.desk import CommandDesk
from edge_agent.commands.log import CommandLog
from edge_agent.settings.gateway import AgentSettings
from edge_agent.spool.spool import Spool
from shared_schema.gateway import Command, CommandKind, Outcome, Result
from shared_schema.signing import SigningKey, generate_key, key_id, sign_message
from tests.support.small_cloud import until

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
CLOUD, FORMER = generate_key(), generate_key()


class Gateway:
    """A desk, and what the cloud asks of it."""

    def __init__(self, spool: Spool, allow: frozenset[CommandKind] | None) -> None:
        self.made: list[str] = []
        self.makes: Callable[[], str] = lambda: f"diagnosis {len(self.made)}"
        self.log = CommandLog(spool)
        commands = {} if allow is None else {"allow": allow}
        settings = AgentSettings.model_validate(
            {
                "gateway": "gw-1",
                "spool": spool.path,
                "key_file": "k",
                "cloud_key_file": "c",
                "broker": {"host": "b"},
                "commands": commands,
            }
        )
        self.desk = CommandDesk(
            settings,
            CLOUD.public_key(),
            self.log,
            known=lambda _bus, _meter: None,
            is_synchronised=lambda: True,
            seal=lambda: None,
            diagnose=self.diagnose,
            now=lambda: NOW,
        )

    def diagnose(self) -> str:
        self.made.append(threading.current_thread().name)
        return self.makes()

    def asked(self, *, key: SigningKey = CLOUD, age: timedelta = timedelta()) -> bytes:
        command = Command(
            gateway="gw-1",
            key=key_id(key.public_key()),
            id=uuid4(),
            kind=CommandKind.DIAGNOSE,
            issued_at=NOW - age,
            expires_at=NOW - age + timedelta(hours=1),
        )
        return sign_message(command.to_line(), key)

    def answers(self) -> list[Result]:
        return [Result.from_line(payload) for _, payload in self.log.unsent()]

    def answer(self) -> Result:
        until(lambda: len(self.answers()) == 1, "an answer")
        return self.answers()[0]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool.open(tmp_path / "spool.db") as opened:
        yield opened


@pytest.fixture
def gateway(spool: Spool) -> Gateway:
    return Gateway(spool, None)


def test_a_diagnosis_is_answered_beside_the_publisher(gateway: Gateway) -> None:
    gateway.desk.take(gateway.asked())
    answer = gateway.answer()
    assert (answer.outcome, answer.diagnosis) == (Outcome.DONE, "diagnosis 1")
    assert gateway.made == ["diagnosis"]


def test_a_former_keys_command_makes_no_diagnosis(gateway: Gateway) -> None:
    gateway.desk.take(gateway.asked(key=FORMER))
    assert (gateway.answers(), gateway.made) == ([], [])


def test_an_expired_command_makes_no_diagnosis(gateway: Gateway) -> None:
    gateway.desk.take(gateway.asked(age=timedelta(hours=2)))
    answer = gateway.answer()
    assert (answer.outcome, answer.diagnosis, gateway.made) == (Outcome.EXPIRED, None, [])


def test_a_command_that_comes_again_makes_no_second_diagnosis(gateway: Gateway) -> None:
    asked = gateway.asked()
    gateway.desk.take(asked)
    first = gateway.answer()
    gateway.desk.take(asked)
    assert gateway.answers() == [first]
    assert len(gateway.made) == 1


def test_settings_that_forbid_it_refuse(spool: Spool) -> None:
    gateway = Gateway(spool, frozenset({CommandKind.READ_NOW}))
    gateway.desk.take(gateway.asked())
    answer = gateway.answer()
    assert answer.outcome is Outcome.REFUSED
    assert "does not allow diagnose" in answer.reason


def test_a_diagnosis_that_breaks_is_answered_as_failed(gateway: Gateway) -> None:
    def breaks() -> str:
        raise RuntimeError("/etc/secret")

    gateway.makes = breaks
    gateway.desk.take(gateway.asked())
    answer = gateway.answer()
    assert (answer.outcome, answer.reason) == (
        Outcome.FAILED,
        "the diagnosis failed: RuntimeError",
    )


def test_a_diagnosis_names_no_meter() -> None:
    with pytest.raises(ValueError, match="it names no meter"):
        Command.model_validate(
            {
                "gateway": "gw-1",
                "key": "0" * 16,
                "id": UUID(int=1),
                "kind": "diagnose",
                "arguments": {"meters": [{"manufacturer": "LNT", "serial": "1"}]},
                "issued_at": NOW,
                "expires_at": NOW + timedelta(hours=1),
            }
        )
