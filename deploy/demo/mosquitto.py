# SPDX-License-Identifier: MIT
"""A local mosquitto with the configuration and the logins that are shipped.

It listens on 127.0.0.1 alone: by the listener of `deploy/mosquitto/mosquitto.conf` where an
authority of certificates is given, else by one that takes passwords.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.demo.authority import Authority, Identity
from deploy.demo.broker_control import KEEPER, tell
from deploy.demo.mosquitto_program import Mosquitto, find_mosquitto
from deploy.demo.rootless import (
    Account,
    LocalServerError,
    server_account,
    state_directory,
    workspace,
)
from deploy.demo.server_process import ServerProcess
from shared_schema.access import (
    Login,
    changes,
    gateway_rights,
    grants,
    ingest_rights,
    keeper_rights,
    plugin_file,
)

HOST = "127.0.0.1"
SHIPPED = Path(__file__).parents[1] / "mosquitto" / "mosquitto.conf"
# mosquitto_passwd's own count: the passwords here are random, and each check blocks the broker.
PBKDF2_ROUNDS = 101
PORT_ATTEMPTS = 5
ANSWER_TIMEOUT_S = 10.0
BROKER = "broker"
LOGINS = "dynamic-security.json"


def gateway_user(gateway: str, password: str = "") -> Login:
    """A gateway: it writes and reads its own topics, one way each."""
    return Login(gateway, gateway_rights(gateway), password)


def cloud_user(password: str = "", username: str = "ingest") -> Login:
    """The cloud's ingest."""
    return Login(username, ingest_rights(), password)


class PortTaken(LocalServerError):
    """Another program listens on the broker's port."""


@dataclass(slots=True, eq=False)
class MosquittoServer:
    """A running broker; `stop` or `kill` it and `start` it again on the same port."""

    process: ServerProcess
    settings: Path
    store: Path
    port: int
    authority: Authority | None = None
    """Whose certificates it takes; None: passwords."""
    host: str = HOST
    keeper: Login = field(
        default_factory=lambda: Login(KEEPER, keeper_rights(), secrets.token_urlsafe(16)),
        repr=False,
    )
    _users: dict[str, Login] = field(default_factory=dict, repr=False)

    def start(self) -> None:
        """Starts the broker and waits until it listens.

        Raises:
            LocalServerError: it does not come up, or another program has its port.
        """
        if not self.process.running and not _free(self.port):
            raise PortTaken(f"port {self.port} on {self.host} is taken: name another")
        self.process.start(self._listens)

    def stop(self) -> None:
        """Ends the broker in good order: it writes its store."""
        self.process.stop()

    def kill(self) -> None:
        """Kills the broker: what came after its last save is lost."""
        self.process.kill()

    def save(self) -> None:
        """Has the broker write its store now.

        Raises:
            LocalServerError: it does not.
        """
        before = self._saved_at()
        self.process.send(signal.SIGUSR1)
        self._await("write its store", lambda: self._saved_at() != before)

    def wipe(self) -> None:
        """Deletes the store, as a burnt disk would: sessions, queues and retained messages.

        Raises:
            LocalServerError: the broker runs.
        """
        if self.process.running:
            raise LocalServerError("stop mosquitto before its store is wiped")
        for file in self.store.iterdir():
            file.unlink()

    def set_users(self, users: Sequence[Login]) -> None:
        """Replaces all users; a running broker knows them when this returns.

        Raises:
            LocalServerError: it does not take them.
        """
        former, self._users = self._users, {each.name: each for each in users}
        if not self.process.running:
            write_logins([self.keeper, *users], self.settings, self.process.account)
            return
        commands = changed_users(former, users)
        tls = None if self.authority is None else self.authority.client(KEEPER)
        tell(self.host, self.port, commands, password=self.keeper.password, tls=tls)

    def renew(self) -> None:
        """Starts the broker again, with its certificate and the list of the revoked as they are.

        Raises:
            LocalServerError: it does not come up.
        """
        self.stop()
        self._write_certificates()
        self.start()

    def _write_certificates(self) -> None:
        if self.authority is None:
            return
        own = Identity(*(self.authority.folder / f"{BROKER}.{kind}" for kind in ("pem", "key")))
        if not own.key.exists():
            self.authority.issue(BROKER, hosts=(HOST, "localhost"))
        for file in (self.authority.certificate, self.authority.revoked, own.certificate, own.key):
            text = file.read_text(encoding="ascii")
            self.process.account.write(self.settings / file.name, text)

    def _listens(self) -> bool:
        with suppress(OSError), socket.create_connection((self.host, self.port), timeout=5):
            return True
        return False

    def _await(self, what: str, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        while not done():
            if time.monotonic() > deadline:
                raise LocalServerError(f"mosquitto does not {what}:\n{self.process.tail()}")
            time.sleep(0.01)

    def _saved_at(self) -> int:
        try:
            return (self.store / "mosquitto.db").stat().st_mtime_ns
        except FileNotFoundError:
            return 0


@contextmanager
def local_mosquitto(
    directory: Path | None = None,
    *,
    port: int = 0,
    users: Sequence[Login] = (),
    authority: Authority | None = None,
    config_extra: str = "",
) -> Iterator[MosquittoServer]:
    """Runs a broker for the time of the block.

    Args:
        directory: where the store stays for the next run; without it the store goes with the block.
        port: the port on 127.0.0.1; 0 takes a free one.
        users: who may connect.
        authority: whose certificates name the users; without it they have passwords, and no TLS.
        config_extra: further lines for mosquitto.conf.

    Raises:
        LocalServerError: it cannot be run here.
    """
    account = server_account()
    with workspace(account) as place, state_directory(directory, place, account) as state:
        found = find_mosquitto(account, place)
        settings = account.make_private(place / "conf")
        process = ServerProcess(
            name="mosquitto",
            command=[str(found.program), "-c", str(settings / "mosquitto.conf")],
            account=account,
            log=state / "mosquitto.log",
            signal_stop=signal.SIGTERM,
            environment=found.environment,
        )
        store = account.make_private(state / "store")
        server = MosquittoServer(process, settings, store, port, authority)
        server._write_certificates()
        server.set_users(users)
        try:
            _start_on_port(server, port, found, config_extra)
            yield server
        finally:
            server.stop()


def changed_users(former: Mapping[str, Login], users: Sequence[Login]) -> list[dict[str, Any]]:
    """Return the commands that replace a broker's users."""
    known = {name: grants(user.rights) for name, user in former.items()}
    anew = {each.name for each in users if former.get(each.name) != each}
    return changes(users, known, anew=anew)


def write_logins(users: Sequence[Login], settings: Path, account: Account) -> None:
    """Writes what the broker's plugin reads at its start, with hashes of the passwords."""
    told = plugin_file(users)
    for client, user in zip(told["clients"], users, strict=True):
        client.update(_hashed(user.password) if user.password else {})
    account.write(settings / LOGINS, json.dumps(told))


def configuration(*, plugin: Path, settings: Path, store: Path, listener: str, tls: bool) -> str:
    """Return the shipped configuration with the places of this machine.

    Args:
        plugin: Where the plugin of logins is.
        settings: The folder of the logins and the certificates.
        store: The folder of the broker's store.
        listener: Port and address.
        tls: By the shipped listener; else by one that takes passwords.
    """
    everywhere, shipped_listener = _shipped_parts()
    text = everywhere + (shipped_listener if tls else "listener 8883\n")
    for shipped, here in (
        ("/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so", str(plugin)),
        (f"/var/lib/mosquitto/{LOGINS}", str(settings / LOGINS)),
        ("persistence_location /var/lib/mosquitto/", f"persistence_location {store}/"),
        ("listener 8883", f"listener {listener}"),
    ):
        if text.count(shipped) != 1:
            raise LocalServerError(f"{SHIPPED} has not one line with {shipped}")
        text = text.replace(shipped, here)
    return text.replace("/etc/mosquitto/certs", str(settings))


def _shipped_parts() -> tuple[str, str]:
    text = SHIPPED.read_text(encoding="utf-8")
    begins = text.index("listener 8883")
    return text[:begins], text[begins:]


def _start_on_port(server: MosquittoServer, wanted: int, found: Mosquitto, extra: str) -> None:
    for attempt in range(PORT_ATTEMPTS):
        server.port = wanted or free_port()
        text = configuration(
            plugin=found.plugin,
            settings=server.settings,
            store=server.store,
            listener=f"{server.port} {HOST}",
            tls=server.authority is not None,
        )
        server.process.account.write(server.settings / "mosquitto.conf", f"{text}{extra}\n")
        try:
            return server.start()
        except PortTaken:
            if wanted or attempt + 1 == PORT_ATTEMPTS:
                raise
    return None


def free_port() -> int:
    """Return a port on which nobody listens."""
    # Below the ports of outgoing connections: nobody is given it while the broker is down, and a
    # client that keeps trying cannot connect to itself.
    limits = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
    below = max(int(limits.split()[0]), 12000)
    while not _free(port := 10000 + secrets.randbelow(below - 10000)):
        pass
    return port


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _hashed(password: str) -> dict[str, Any]:
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, PBKDF2_ROUNDS)
    return {
        "password": base64.b64encode(digest).decode("ascii"),
        "salt": base64.b64encode(salt).decode("ascii"),
        "iterations": PBKDF2_ROUNDS,
    }
