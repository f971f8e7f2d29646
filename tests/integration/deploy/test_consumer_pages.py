# SPDX-License-Identifier: MIT
"""The receiver of webhooks that a page shows, as it stands there."""

import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from cloud_ingest.deliver.webhook import NotTaken, Receiver, post
from shared_schema.catalogue import Service
from shared_schema.events import Event, EventKind, Subject, SubjectType, Unit
from tests.support.pages import block
from tests.support.small_cloud import until

SOCIETY = "Lake View"
SECRET = b"a secret of two sides"
LEAK = UUID("5f0c2f9e-6f0e-4f4e-9d1c-2a44bd6d2f0a")
SINCE = datetime(2026, 11, 17, tzinfo=UTC)


@contextmanager
def running(page: str, folder: Path, *words: str) -> Iterator[Path]:
    """Run the program of a page in a folder; yield the file of what it prints."""
    program, printed = folder / "program.py", folder / "printed"
    program.write_text(block(page, "python"), encoding="utf-8")
    with printed.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, str(program), *words], cwd=folder, stdout=file, stderr=file
        )
        try:
            yield printed
            assert process.poll() is None, printed.read_text()
        finally:
            process.kill()
            process.wait(10)


def rows(database: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as db:
        return db.execute(statement).fetchall()


def leak(version: int, message: str, state: str = "open") -> Event:
    return Event(
        id=LEAK,
        version=version,
        society=SOCIETY,
        kind=EventKind.LEAK,
        subject=Subject(type=SubjectType.UNIT, id="A-1204"),
        unit=Unit(type=SubjectType.UNIT, id="A-1204", tower="A"),
        service=Service.WATER,
        state=state,
        since=SINCE,
        raised_at=SINCE,
        cleared_at=SINCE if state == "cleared" else None,
        message=message,
    )


@pytest.fixture
def helpdesk(tmp_path: Path) -> Iterator[tuple[Receiver, Path]]:
    (tmp_path / "webhook.secret").write_bytes(SECRET + b"\n")
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    with running("howto/write-helpdesk.md", tmp_path, str(port)):

        def listens() -> bool:
            with closing(socket.socket()) as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        until(listens, "the helpdesk listens")
        yield Receiver(f"http://127.0.0.1:{port}/flags", SECRET), tmp_path / "helpdesk.db"


def deliver(receiver: Receiver, event: Event, secret: bytes = SECRET) -> None:
    signed = Receiver(receiver.url, secret)
    post(signed, event.id, event.version, event.to_line(), sent_s=int(time.time()))


def test_the_helpdesk_page_keeps_one_ticket_a_flag(helpdesk: tuple[Receiver, Path]) -> None:
    receiver, database = helpdesk
    for event in (leak(1, "5 L"), leak(3, "over", "cleared"), leak(2, "10 L"), leak(3, "over")):
        deliver(receiver, event)
    wanted = [(str(LEAK), 3, "cleared", "alarm", "leak", "A", "A-1204", "over")]
    assert rows(database, "SELECT * FROM ticket") == wanted


def test_the_helpdesk_page_refuses_what_is_not_ours(helpdesk: tuple[Receiver, Path]) -> None:
    receiver, database = helpdesk
    with pytest.raises(NotTaken, match="401"):
        deliver(receiver, leak(1, "5 L"), b"the secret of another")
    stale = int(time.time()) - 301
    with pytest.raises(NotTaken, match="401"):
        post(receiver, LEAK, 1, leak(1, "5 L").to_line(), sent_s=stale)
    assert rows(database, "SELECT * FROM ticket") == []
