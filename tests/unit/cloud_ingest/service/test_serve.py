# SPDX-License-Identifier: MIT
"""The ingest without servers: what of one batch waits for what of another."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from typing import Any, cast

import pytest

from cloud_ingest.ingest.broker import Broker
from cloud_ingest.ingest.intake import Judged, Outcome
from cloud_ingest.ingest.small_messages import Received
from cloud_ingest.ingest.subscribe import Delivery, Link
from cloud_ingest.service import serve as module
from cloud_ingest.service.loops import Database, ServiceSettings
from cloud_ingest.service.serve import Service
from shared_schema.signing import generate_key

PATIENCE_S = 10.0


class FakeDatabase:
    """Work on a thread, over no connection."""

    async def run(self, work: Callable[[Any], Any]) -> Any:
        return await asyncio.to_thread(work, None)


class FakeIntake:
    """The commit of the first batch ends once the second is being judged, and not before."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.second_is_judged = threading.Event()

    def judge(self, _: object, received: Sequence[Received], __: datetime) -> Judged:
        number = int(received[0].topic)
        self.said.append(f"judge {number}")
        if number == 2:
            self.second_is_judged.set()
        return Judged(number, ())

    def commit(self, _: object, judged: Judged) -> Outcome:
        self.said.append(f"commit {judged.messages}")
        if not self.second_is_judged.wait(PATIENCE_S):
            self.said.append("the second is not judged meanwhile")
        self.said.append(f"committed {judged.messages}")
        return Outcome()


class FakeLink:
    def __init__(self, intake: FakeIntake) -> None:
        self.intake = intake
        self.service: Service | None = None

    async def batches(self, **_: object) -> AsyncGenerator[list[Delivery], None]:
        for number in (1, 2):
            yield [Delivery(str(number), b"", retained=False, mid=number, qos=1)]
        await asyncio.Event().wait()

    def acknowledge(self, batch: Sequence[Delivery]) -> None:
        self.intake.said.append(f"acknowledge {batch[0].mid}")
        if batch[0].mid == 2:
            assert self.service is not None
            self.service.stop()


@pytest.mark.asyncio
async def test_a_batch_is_judged_during_the_commit_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    intake = FakeIntake()
    monkeypatch.setattr(module, "Intake", lambda **_: intake)
    link = FakeLink(intake)
    link.service = Service(ServiceSettings("", Broker("nowhere", 1), generate_key()))
    judging, storing = (cast("Database", FakeDatabase()) for _ in range(2))
    await link.service._serve(judging, storing, cast("Link", link))
    assert intake.said[0] == "judge 1"
    assert sorted(intake.said[1:3]) == ["commit 1", "judge 2"]
    assert intake.said[3:] == [
        "committed 1",
        "acknowledge 1",
        "commit 2",
        "committed 2",
        "acknowledge 2",
    ]
