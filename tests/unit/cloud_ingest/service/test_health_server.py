# SPDX-License-Identifier: MIT
"""The pages for monitoring: what is answered, what is refused, and that nothing is left open."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.errors import ConfigurationError
from cloud_ingest.service import health_server
from cloud_ingest.service.health_server import (
    MOST_CONNECTIONS,
    MOST_HEAD_BYTES,
    Page,
    answer,
    serving,
)
from deploy.demo.mosquitto import free_port

PAGES = {"/here": lambda: Page(b"body\n")}


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    port = free_port()
    async with serving(f"127.0.0.1:{port}", PAGES):
        yield port


async def ask(port: int, head: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head)
        return await reader.read()
    finally:
        writer.close()


@pytest.mark.asyncio
async def test_a_page_is_answered_by_get() -> None:
    async with served() as port:
        said = await ask(port, b"GET /here?now=1 HTTP/1.1\r\nHost: here\r\n\r\n")
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: 5" in head
    assert body == b"body\n"


@pytest.mark.asyncio
async def test_head_gets_the_length_and_no_body() -> None:
    async with served() as port:
        said = await ask(port, b"HEAD /here HTTP/1.0\r\n\r\n")
    assert b"Content-Length: 5" in said
    assert said.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /here HTTP/1.1\r\n\r\n", b"405"),
        (b"DELETE /here HTTP/1.1\r\n\r\n", b"405"),
        (b"GET /there HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /here/../here HTTP/1.1\r\n\r\n", b"404"),
        (b"\x16\x03\x01 hello\r\n\r\n", b"400"),
        (b"GET /" + b"x" * (2 * MOST_HEAD_BYTES) + b" HTTP/1.1\r\n\r\n", b"400"),
    ],
)
@pytest.mark.asyncio
async def test_what_is_no_page_is_refused(head: bytes, status: bytes) -> None:
    async with served() as port:
        assert (await ask(port, head)).split(b" ")[1] == status


@given(st.binary(max_size=200))
def test_no_request_is_an_error_of_the_server(head: bytes) -> None:
    _, page = answer(head, PAGES)
    assert page.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.METHOD_NOT_ALLOWED, 404, 200}


@pytest.mark.asyncio
async def test_who_says_nothing_keeps_nobody_else_out() -> None:
    async with served() as port:
        held = [
            await asyncio.open_connection("127.0.0.1", port) for _ in range(2 * MOST_CONNECTIONS)
        ]
        assert b"200" in await ask(port, b"GET /here HTTP/1.1\r\n\r\n")
        assert await held[0][0].read() == b""
        assert await held[MOST_CONNECTIONS][0].read() == b""
        assert not held[-1][0].at_eof()
        for _, writer in held:
            writer.close()


@pytest.mark.asyncio
async def test_who_says_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_server, "PATIENCE_S", 0.05)
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        writer.close()


@pytest.mark.asyncio
async def test_the_end_of_the_block_ends_every_connection() -> None:
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        before = len(asyncio.all_tasks())
        await asyncio.sleep(0)
    assert await reader.read() == b""
    writer.close()
    assert len(asyncio.all_tasks()) <= before
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


@pytest.mark.asyncio
async def test_what_no_resolver_takes_is_told_with_its_setting() -> None:
    with pytest.raises(ConfigurationError, match=r"metrics_address: a\.\.b:9464: that is no host"):
        async with serving("a..b:9464", PAGES):
            pass


@pytest.mark.asyncio
async def test_a_taken_port_is_told_with_its_setting() -> None:
    async with served() as port:
        with pytest.raises(
            ConfigurationError, match=rf"^setting metrics_address: cannot listen at .*:{port}: addr"
        ):
            async with serving(f"127.0.0.1:{port}", PAGES):
                pass
