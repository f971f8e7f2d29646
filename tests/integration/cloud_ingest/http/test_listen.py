# SPDX-License-Identifier: MIT
"""``cloud-ingest api`` as a process: where it listens, and how long it waits for anybody."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
import uvicorn
from typer.testing import CliRunner

from cloud_ingest.api.app import make_app
from cloud_ingest.cli.command_line import app
from cloud_ingest.http import listen
from cloud_ingest.http.resources import Resources
from cloud_ingest.settings import CloudSettings
from tests.support.service_site import wait_until

ROOT = Path(__file__).parents[4]


def asked(connection: socket.socket, request: bytes) -> bytes:
    """Send a request; return all that is answered until the other side ends."""
    connection.settimeout(20)
    connection.sendall(request)
    return b"".join(iter(lambda: connection.recv(65536), b""))


def test_it_serves_at_a_socket_until_sigterm(plain_store_dsn: str, tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    words = [sys.executable, "-m", "cloud_ingest.cli.app", "api", "--socket", str(path)]
    process = subprocess.Popen(
        [*words, "--dsn", plain_store_dsn],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
    )
    try:
        wait_until(path.exists)
        assert path.stat().st_mode & 0o777 == 0o660
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(path))
            said = asked(caller, b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    finally:
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=20)
    assert said.startswith(b"HTTP/1.1 200 OK")
    assert b"server:" not in said.lower()
    assert (process.returncode, path.exists()) == (0, False), log
    assert b"path=/healthz status=200" in log


@pytest.mark.parametrize("address", ["0.0.0.0:8080", "[::]:8080", "10.0.0.1:80", "api.example:80"])
def test_an_address_of_others_is_refused(address: str) -> None:
    done = CliRunner().invoke(app, ["api", "--address", address, "--dsn", "dbname=x"])
    assert (done.exit_code, "say --public" in done.output) == (2, True)


@pytest.mark.parametrize("address", ["8080", "127.0.0.1:x", ":80", "127.0.0.1:70000"])
def test_an_address_that_is_none_is_one_line(address: str) -> None:
    done = CliRunner().invoke(app, ["api", "--address", address, "--dsn", "dbname=x"])
    assert (done.exit_code, "is HOST:PORT" in done.output) == (2, True)


def test_a_socket_is_not_taken_from_whoever_listens(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with listen.listening("", path, public=False):
        done = CliRunner().invoke(app, ["api", "--socket", str(path), "--dsn", "dbname=x"])
        assert (done.exit_code, "Address already in use" in done.output) == (2, True)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with listen.listening("", path, public=False):
        assert path.is_socket()


@contextmanager
def served(dsn: str) -> Iterator[int]:
    """Serve a store at a port of this machine."""
    resources = Resources.at(CloudSettings(), dsn)
    with listen.listening("127.0.0.1:0", None, public=False) as listener:
        server = uvicorn.Server(listen.configured(make_app(resources)))
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()
            resources.pool.close()


def test_who_brings_nothing_is_sent_away(
    plain_store_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen, "HEAD_S", 0.3)
    with served(plain_store_dsn) as port:
        for words in (b"", b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: "):
            with socket.create_connection(("127.0.0.1", port)) as slow:
                assert asked(slow, words) == b""
        large = (
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Large: "
            + b"x" * 20_000
            + b"\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", port)) as caller:
            assert asked(caller, large).startswith(b"HTTP/1.1 431")
