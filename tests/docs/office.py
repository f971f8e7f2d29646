# SPDX-License-Identifier: MIT
"""The office: the servers, our programs, and a database as each page of the docs begins with it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from cloud_ingest.store.connection import Connection, connect
from deploy.demo.mosquitto import cloud_user, local_mosquitto
from tests.docs.notebook_society import kept_by_hand
from tests.docs.pages import ROOT
from tests.docs.resident import resident
from tests.docs.sandbox import Sandbox, sandbox
from tests.docs.self_read_society import asked_back
from tests.docs.society import PRESENT, flagged, furnish, held, replaced
from tests.support.servers import MqttServer, SqlServer
from tests.support.store import Templates, database_at

Scene = Callable[[Connection, Path], None]
SCENES: dict[str, Scene] = {
    "flags": flagged,
    "notebook": kept_by_hand,
    "self-read": asked_back,
    "units": replaced,
}
ROLES = ("metering", "metering_service", "lake_view_reports")
CLOSE = "cloud-ingest close-month 2026-10 --society 'Sunrise Heights'"


@dataclass
class Office:
    """The servers, the programs, and a database as each page begins with it."""

    server: str
    broker: MqttServer
    programs: Path
    templates: Templates
    stack: ExitStack
    folder: Path
    scenes: dict[Scene, tuple[str, Path]] = field(default_factory=dict)

    def scene(self, scene: Scene) -> tuple[str, Path]:
        """The database of a scene, made at its first use, and its files."""
        if scene not in self.scenes:
            files = self.folder / scene.__name__
            files.mkdir()
            dsn = self.stack.enter_context(self.templates.copy(self.server))
            with connect(dsn) as conn:
                scene(conn, files)
            self.scenes[scene] = (str(conninfo_to_dict(dsn)["dbname"]), files)
        return self.scenes[scene]

    @contextmanager
    def opened(self, page: str, folder: Path) -> Iterator[Sandbox]:
        """A machine at which a page can be followed."""
        name, files = self.scene(SCENES.get(page, furnish))
        waits, _ = self.scene(held)
        with (
            ExitStack() as after,
            database_at(self.server, template=name) as full,
            database_at(self.server) as empty,
            database_at(self.server, template=waits) as held_dsn,
            sandbox(
                folder,
                self.programs,
                {**self.environment(full, folder), "EMPTY_DSN": empty, "HELD_DSN": held_dsn},
            ) as machine,
        ):
            after.callback(self.clear)
            shutil.copytree(files, machine.root / "home", dirs_exist_ok=True)
            password = folder / "broker.password"
            password.touch(mode=0o600)
            password.write_text("SECRET")
            shutil.copy(password, machine.root / "home")
            where = conninfo_to_dict(self.server)
            machine.places |= {
                "SECRET": str(where["password"]),
                "@db.example": f"@{quote(str(where['host']), safe='')}",
                "--host=db.example": f"--host={where['host']}",
                "mqtt.example:1883": f"{self.broker.host}:{self.broker.port}",
            }
            if (told := files / "fingerprint").exists():
                machine.places["FINGERPRINT"] = told.read_text()
            try:
                yield machine
            finally:
                machine.stop()

    def clear(self) -> None:
        """Remove what a page has made on the server."""
        with psycopg.connect(self.server, autocommit=True) as connection:
            for name in ("metering", "metering2"):
                connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
            for name in ROLES:
                connection.execute(f"DROP ROLE IF EXISTS {name}".encode())

    def environment(self, full: str, folder: Path) -> dict[str, str]:
        return {
            "IOT_UTILITY_DSN": full,
            "FULL_DSN": full,
            "CHECKOUT": str(ROOT),
            "FULL_NAME": str(conninfo_to_dict(full)["dbname"]),
            "CLOCK_SHIFT_S": str((PRESENT - datetime.now(UTC)).total_seconds()),
            "IOT_UTILITY_BROKER_HOST": self.broker.host,
            "IOT_UTILITY_BROKER_PORT": str(self.broker.port),
            "IOT_UTILITY_BROKER_USERNAME": "cloud",
            "IOT_UTILITY_BROKER_PASSWORD_FILE": str(folder / "broker.password"),
            "PGUSER": "postgres",
            "PGHOST": str(conninfo_to_dict(self.server)["host"]),
            "PGPASSWORD": str(conninfo_to_dict(self.server)["password"]),
        }


@pytest.fixture(scope="module")
def office(
    postgres_server: SqlServer, templates: Templates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    server = postgres_server.dsn_of("postgres")
    with (
        resident(folder) as programs,
        local_mosquitto(users=[cloud_user("SECRET", "cloud")]) as broker,
        ExitStack() as stack,
    ):
        yield Office(server, broker, programs, templates, stack, folder)
