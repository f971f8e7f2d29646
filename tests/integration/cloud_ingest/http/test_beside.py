# SPDX-License-Identifier: MIT
"""An application that is served beside the work of a process."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from cloud_ingest.errors import ConfigurationError
from cloud_ingest.http import beside
from cloud_ingest.http.beside import served_beside
from cloud_ingest.http.resources import Resources
from cloud_ingest.settings import CloudSettings
from tests.support.installed import free_port
from tests.support.service_site import wait_until


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "AGAIN_S", 0.05)


@contextmanager
def serving(said: str, port: int) -> Iterator[None]:
    app: ASGIApp = PlainTextResponse(said)
    resources = Resources.at(CloudSettings(), "dbname=nobody-asks")
    with served_beside(app, resources, f"127.0.0.1:{port}"):
        yield


def told(port: int) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as caller:
        caller.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        return b"".join(iter(lambda: caller.recv(4096), b"")).decode().rpartition("\n")[2]


def tells(port: int, said: str) -> bool:
    try:
        return told(port) == said
    except OSError:
        return False


def test_of_two_the_second_follows_the_first() -> None:
    port = free_port()
    with serving("first", port):
        with serving("second", port):
            assert told(port) == "first"
        assert told(port) == "first"
    assert not tells(port, "first")
    first = serving("first", port)
    first.__enter__()
    with serving("second", port):
        assert told(port) == "first"
        first.__exit__(None, None, None)
        wait_until(lambda: tells(port, "second"))


def test_a_fault_is_told_and_it_begins_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    faults = [RuntimeError("no luck")]
    run = uvicorn.Server.run

    def unlucky(self: uvicorn.Server, sockets: list[socket.socket] | None = None) -> None:
        if faults:
            raise faults.pop()
        run(self, sockets)

    monkeypatch.setattr(uvicorn.Server, "run", unlucky)
    port = free_port()
    with serving("again", port):
        wait_until(lambda: tells(port, "again"))
    assert [each.message for each in caplog.records if each.exc_info] == [
        f"What is served at 127.0.0.1:{port} met a fault; it begins again: please report it"
    ]


@pytest.mark.parametrize("address", ["0.0.0.0:8081", "nowhere.invalid:80", "8081"])
def test_an_address_that_cannot_be_is_refused(address: str) -> None:
    resources = Resources.at(CloudSettings(), "dbname=nobody-asks")
    with (
        pytest.raises(ConfigurationError),
        served_beside(PlainTextResponse(""), resources, address),
    ):
        raise AssertionError
