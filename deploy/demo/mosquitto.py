# SPDX-License-Identifier: MIT
"""A local mosquitto: the system's, or Debian's package unpacked where it is not installed.

It listens on 127.0.0.1 alone, knows the users it is given, and holds each to his ACL.

By hand, because no wheel on the package index carries mosquitto, and a container needs Docker:
the demo runs on a machine that has neither.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from deploy.demo.debian import PackageUnavailable, unpack
from deploy.demo.rootless import (
    Account,
    LocalServerError,
    private_copy,
    server_account,
    state_directory,
    workspace,
)
from deploy.demo.server_process import ServerProcess, clean_environment

HOST = "127.0.0.1"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
# mosquitto_passwd's own count: the passwords here are random, and each check blocks the broker.
PBKDF2_ROUNDS = 101
PORT_ATTEMPTS = 5
ANSWER_TIMEOUT_S = 10.0

CONFIGURATION = """\
listener {port} 127.0.0.1
allow_anonymous false
password_file {settings}/passwords
acl_file {settings}/acl
persistence true
persistence_location {store}/
autosave_interval 60
persistent_client_expiration 14d
max_inflight_messages 256
max_queued_messages 100000
max_queued_bytes 268435456
message_size_limit 262144
set_tcp_nodelay true
log_dest stderr
log_type error
log_type warning
log_type notice
log_type information
log_timestamp_format %Y-%m-%dT%H:%M:%S
"""


@dataclass(frozen=True, slots=True)
class BrokerUser:
    """A user of the broker and his lines of the ACL file, such as `topic read a/b`."""

    username: str
    password: str = field(repr=False)
    acl: tuple[str, ...]

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.username):
            raise ValueError(f"not a username: {self.username!r}")
        if any("\n" in line or not line.startswith(("topic ", "pattern ")) for line in self.acl):
            raise ValueError(f"not lines of an ACL: {self.acl!r}")


def gateway_user(gateway: str, password: str) -> BrokerUser:
    """A gateway: it writes and reads its own topics, one way each."""
    own = f"metering/v1/gw/{gateway}"
    writes = (f"topic write {own}/{leaf}" for leaf in ("readings", "status", "results"))
    reads = (f"topic read {own}/{leaf}" for leaf in ("commands", "receipts"))
    return BrokerUser(gateway, password, (*writes, *reads))


def cloud_user(password: str, username: str = "cloud") -> BrokerUser:
    """The cloud, which reads and writes everything."""
    return BrokerUser(username, password, ("topic readwrite #", "topic read $SYS/#"))


class PortTaken(LocalServerError):
    """Another program listens on the broker's port."""


@dataclass(slots=True, eq=False)
class MosquittoServer:
    """A running broker; `stop` or `kill` it and `start` it again on the same port."""

    process: ServerProcess
    settings: Path
    store: Path
    port: int
    host: str = HOST

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

    def set_users(self, users: Sequence[BrokerUser]) -> None:
        """Replaces all users; a running broker knows them when this returns.

        Raises:
            LocalServerError: it does not take them.
        """
        write_users(users, self.settings, self.process.account)
        if self.process.running:
            before = self._reloads()
            self.process.send(signal.SIGHUP)
            self._await("take its users", lambda: self._reloads() > before)

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

    def _reloads(self) -> int:
        return self.process.log.read_bytes().count(b": Reloading config.")

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
    users: Sequence[BrokerUser] = (),
    config_extra: str = "",
) -> Iterator[MosquittoServer]:
    """Runs a broker for the time of the block.

    Args:
        directory: where the store stays for the next run; without it the store goes with the block.
        port: the port on 127.0.0.1; 0 takes a free one.
        users: who may connect.
        config_extra: further lines for mosquitto.conf.

    Raises:
        LocalServerError: it cannot be run here.
    """
    account = server_account()
    with workspace(account) as place, state_directory(directory, place, account) as state:
        program, libraries = _program(account, place)
        settings = place / "conf"
        settings.mkdir()
        settings.chmod(0o711)
        process = ServerProcess(
            name="mosquitto",
            command=[str(program), "-c", str(settings / "mosquitto.conf")],
            account=account,
            log=state / "mosquitto.log",
            signal_stop=signal.SIGTERM,
            environment={"LD_LIBRARY_PATH": libraries} if libraries else {},
        )
        server = MosquittoServer(process, settings, account.make_private(state / "store"), port)
        server.set_users(users)
        try:
            _start_on_port(server, port, config_extra)
            yield server
        finally:
            server.stop()


def write_users(users: Sequence[BrokerUser], settings: Path, account: Account) -> None:
    """Writes the password file (hashes) and the ACL file of the users."""
    passwords = "".join(f"{user.username}:{_hashed(user.password)}\n" for user in users)
    acl = "".join("\n".join((f"user {user.username}", *user.acl, "\n")) for user in users)
    account.write(settings / "passwords", passwords)
    account.write(settings / "acl", acl)


def _start_on_port(server: MosquittoServer, wanted: int, extra: str) -> None:
    for attempt in range(PORT_ATTEMPTS):
        server.port = wanted or _free_port()
        text = CONFIGURATION.format(port=server.port, settings=server.settings, store=server.store)
        server.process.account.write(server.settings / "mosquitto.conf", f"{text}{extra}\n")
        try:
            return server.start()
        except PortTaken:
            if wanted or attempt + 1 == PORT_ATTEMPTS:
                raise
    return None


def _free_port() -> int:
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


def _hashed(password: str) -> str:
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, PBKDF2_ROUNDS)
    words = (base64.b64encode(part).decode("ascii") for part in (salt, digest))
    return "$".join(("$7", str(PBKDF2_ROUNDS), *words))


def _program(account: Account, place: Path) -> tuple[Path, str]:
    """The broker's program and the folders of its libraries."""
    installed = shutil.which(
        "mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    )
    if installed is not None and account.reaches(Path(installed)):
        return Path(installed), ""
    folder = _unpacked(_cache())
    if account.switched:
        folder = private_copy([folder], place / "programs") / folder.name
    return folder / "usr/sbin/mosquitto", _libraries(folder)


def _cache() -> Path:
    given = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(given) if given else Path.home() / ".cache") / "iot-utility"
    except RuntimeError:
        raise LocalServerError("set HOME or XDG_CACHE_HOME: mosquitto is unpacked there") from None


def _unpacked(cache: Path) -> Path:
    """Debian's package in our cache, fetched at the first time; two runs may fetch it at once."""
    cache.mkdir(parents=True, exist_ok=True)
    known = [folder for folder in cache.glob("mosquitto-*") if folder.stat().st_uid == os.geteuid()]
    if known:
        return max(known, key=lambda folder: folder.stat().st_ctime)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=cache) as name:
        fresh = Path(name) / "tree"
        fresh.mkdir()
        try:
            version = unpack("mosquitto", fresh)
        except PackageUnavailable as error:
            raise LocalServerError(
                "mosquitto is not installed and Debian's package cannot be fetched: install "
                f"mosquitto, or give the address of a broker ({error})"
            ) from error
        _require_libraries(fresh)
        target = cache / f"mosquitto-{version}"
        # Fails where another run was faster; its tree is as good.
        with suppress(OSError):
            fresh.rename(target)
    return target


def _require_libraries(folder: Path) -> None:
    listing = subprocess.run(
        ["ldd", str(folder / "usr/sbin/mosquitto")],
        env=clean_environment({"LD_LIBRARY_PATH": _libraries(folder)}),
        capture_output=True,
        text=True,
        check=False,
    )
    lacking = re.findall(r"(\S+) => not found", listing.stdout)
    if listing.returncode != 0 or lacking:
        raise LocalServerError(
            "mosquitto is not installed and Debian's package lacks libraries here: "
            f"{', '.join(lacking) or listing.stderr.strip()}"
        )


def _libraries(folder: Path) -> str:
    return ":".join(sorted({str(file.parent) for file in folder.rglob("lib*.so.*")}))
