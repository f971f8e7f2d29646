# SPDX-License-Identifier: MIT
"""A mail server on loopback that takes mail, or fails as a test says."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path


@dataclass
class MailServer:
    """A running server: what it took, and how it answers."""

    port: int = 0
    taken: list[EmailMessage] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    """By the word of a command: another answer; ``hang`` says nothing, ``drop`` hangs up. After the
    mail itself the word is ``.``; it was taken whatever the answer is."""
    logins: list[str] = field(default_factory=list)
    context: ssl.SSLContext | None = None
    """With it STARTTLS is offered."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak with one client."""
        try:
            await self._say(writer, "CONNECT", "220 ready")
            while line := await reader.readline():
                await self._answer(line.decode().strip(), reader, writer)
        except (OSError, EOFError):
            pass
        finally:
            writer.transport.abort()

    async def _answer(
        self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        word = line.partition(" ")[0].upper()
        offers = "250-here\r\n250-AUTH PLAIN\r\n" + ("250-STARTTLS\r\n" if self.context else "")
        said = {
            "EHLO": offers + "250 8BITMIME",
            "DATA": "354 go on",
            "QUIT": "221 bye",
            "STARTTLS": "220 go",
        }
        if word == "AUTH":
            self.logins.append(line)
            said[word] = "235 in"
        await self._say(writer, word, said.get(word, "250 ok"))
        if word == "STARTTLS" and self.context is not None:
            await writer.start_tls(self.context)
        if word == "DATA" and "DATA" not in self.answers:
            text = await reader.readuntil(b"\r\n.\r\n")
            self.taken.append(message_from_bytes(text[:-3], policy=default))
            await self._say(writer, ".", "250 taken")

    async def _say(self, writer: asyncio.StreamWriter, word: str, usual: str) -> None:
        said = self.answers.get(word, usual)
        if said == "drop":
            raise EOFError
        if said == "hang":
            await asyncio.sleep(60)
        writer.write(f"{said}\r\n".encode())
        await writer.drain()


@contextmanager
def mail_server(certificate: tuple[Path, Path] | None = None) -> Iterator[MailServer]:
    """Run a server; with a certificate and its key it offers STARTTLS."""
    found, loop, ready = MailServer(), asyncio.new_event_loop(), threading.Event()
    if certificate is not None:
        found.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        found.context.load_cert_chain(*certificate)

    async def run() -> None:
        server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
        found.port = server.sockets[0].getsockname()[1]
        ready.set()
        with suppress(asyncio.CancelledError):
            await server.serve_forever()

    def serve() -> None:
        asyncio.set_event_loop(loop)
        task = loop.create_task(run())
        loop.run_until_complete(stopped.wait())
        for each in asyncio.all_tasks(loop):
            each.cancel()
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.run_until_complete(loop.shutdown_asyncgens())

    stopped = asyncio.Event()
    thread = threading.Thread(target=serve)
    thread.start()
    ready.wait()
    try:
        yield found
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join()
        loop.close()
