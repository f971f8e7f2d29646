# SPDX-License-Identifier: MIT
"""Backups by PostgreSQL's own programs, as ``docs/howto/backup.md`` has a person run them.

A lane that cannot be run here is skipped and says why.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from deploy.demo.postgres import PostgresServer
from deploy.demo.rootless import server_account, workspace
from deploy.demo.server_process import ServerProcess, clean_environment
from tests.support.store import as_role


@dataclass(frozen=True, slots=True)
class Programs:
    """The folder of ``pg_dump``, ``pg_restore``, ``pg_basebackup`` and ``postgres``."""

    folder: Path

    def run(self, program: str, *words: str) -> None:
        """Run one; what it says on standard error is the failure's text."""
        done = subprocess.run(
            [str(self.folder / program), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=clean_environment(),
            cwd="/",
            check=False,
        )
        assert done.returncode == 0, f"{program}: {done.stderr[-2000:]}"

    def dump(self, dsn: str, file: Path) -> None:
        self.run("pg_dump", "--format=custom", f"--file={file}", f"--dbname={dsn}")

    def restore(self, file: Path, dsn: str, owner: str, *, timescale: bool) -> None:
        """Restore into an empty database of a role of `role_at`; the DSN is an administrator's."""
        restore = ["pg_restore", "--exit-on-error", str(file)]
        if not timescale:
            self.run(*restore, "--no-owner", f"--dbname={as_role(dsn, owner)}")
            return
        with psycopg.connect(dsn, autocommit=True) as conn:
            conn.execute("CREATE EXTENSION timescaledb")
            conn.execute("SELECT timescaledb_pre_restore()")
        self.run(*restore, f"--dbname={dsn}")
        with psycopg.connect(dsn, autocommit=True) as conn:
            conn.execute("SELECT timescaledb_post_restore()")

    @contextmanager
    def second_cluster(self, dsn: str, replicator: str) -> Iterator["SecondCluster"]:
        """Make room for a copy of the whole cluster that holds ``dsn``; start it when told.

        ``replicator`` is a DSN of the same cluster, of a role that may copy it.
        """
        account = server_account()
        account.require_passwd_entry()
        with workspace(account) as place:
            folder = account.make_private(place / "restored")
            sockets = account.make_private(place / "sock")
            settings = {
                "port": "5432",
                "listen_addresses": "",
                "unix_socket_directories": str(sockets),
                "logging_collector": "off",
                "fsync": "off",
            }
            options = [word for item in settings.items() for word in ("-c", "=".join(item))]
            process = ServerProcess(
                name="the restored PostgreSQL",
                command=[str(self.folder / "postgres"), "-D", str(folder / "data"), *options],
                account=account,
                log=place / "postgres.log",
                signal_stop=SIGINT,
            )
            restored = make_conninfo(dsn, host=str(sockets), port=5432)
            try:
                yield SecondCluster(self, replicator, restored, folder / "data", process)
            finally:
                process.stop()


@dataclass(frozen=True, slots=True)
class SecondCluster:
    """A physical copy of a cluster: taken while the first one runs, started beside it."""

    programs: Programs
    first: str
    dsn: str
    """The same database in the copy."""
    data: Path
    process: ServerProcess

    def take(self) -> None:
        command = ["pg_basebackup", "--checkpoint=fast", "--wal-method=stream", "--no-sync"]
        subprocess.run(
            [
                str(self.programs.folder / command[0]),
                *command[1:],
                f"--pgdata={self.data}",
                f"--dbname={self.first}",
            ],
            stdin=subprocess.DEVNULL,
            env=clean_environment(),
            cwd="/",
            check=True,
            **self.process.account.identity,
        )

    def start(self) -> None:
        self.process.start(self._answers)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.dsn, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True


def programs_beside(server: object, dsn: str) -> Programs:
    """Return the programs that fit the server of a DSN, or skip the test.

    Args:
        server: The session's server, or None where somebody else runs it: then the programs of
            this machine's PostgreSQL are used, where they are of the same release.
        dsn: A database on it.
    """
    if isinstance(server, PostgresServer):
        return Programs(Path(server.process.command[0]).parent)
    with psycopg.connect(dsn) as conn:
        major = conn.info.server_version // 10_000
    found = _installed_programs()
    if found is None:
        pytest.skip("needs pg_dump and its companions (pg_config --bindir) on this machine")
    version = subprocess.run(
        [str(found / "postgres"), "--version"], capture_output=True, text=True, check=True
    ).stdout.split()[2]
    if version.partition(".")[0] != str(major):
        pytest.skip(f"the server is PostgreSQL {major}, the programs here are of {version}")
    return Programs(found)


def _installed_programs() -> Path | None:
    config = shutil.which("pg_config")
    if config is None:
        return None
    folder = Path(
        subprocess.run(
            [config, "--bindir"], capture_output=True, text=True, check=True
        ).stdout.strip()
    )
    wanted = ("pg_dump", "pg_restore", "pg_basebackup", "postgres")
    return folder if all((folder / name).is_file() for name in wanted) else None
