# SPDX-License-Identifier: MIT
"""The cloud side as it is installed: the commands of the compose file and of the units serve.

Containers and systemd are not here. `tests.support.installed` says what stands in their place.
"""

import json
import os
import shutil
import socket
import stat
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import yaml

from deploy.demo.debian import unpack
from deploy.demo.mosquitto import configuration
from deploy.demo.postgres import PostgresServer
from tests.support.installed import (
    CLI,
    COMPOSE,
    PLUGIN,
    SYSTEMD,
    Machine,
    Unit,
    compose,
    free_port,
    run,
)
from tests.support.servers import SqlServer
from tests.support.service_site import wait_until

SERVICES = compose()["services"]
UNITS = (
    "cloud-ingest@.service",
    "cloud-ingest-api.service",
    "cloud-ingest-web.service",
    "metering-backup.service",
)


@pytest.fixture(scope="module")
def machine(
    postgres_server: SqlServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    """A machine after `prepare`, with a migrated store and a broker that knows the logins."""
    assert isinstance(postgres_server, PostgresServer)
    here = Machine(tmp_path_factory.mktemp("machine"), postgres_server)
    here.prepare()
    here.write_settings()
    script = here.translated((COMPOSE / "database" / "10-metering.sh").read_text("utf-8"))
    run(
        ["sh", "-c", script],
        {
            "PATH": here.programs,
            "PGHOST": str(postgres_server.socket_dir),
            "PGPASSWORD": postgres_server.password,
            "POSTGRES_USER": "postgres",
        },
    )
    try:
        for name in ("migrate", "logins"):
            service = SERVICES[name]
            run([*CLI, *here.words(service["command"])], here.environment(service))
        with here.broker():
            yield here
    finally:
        with psycopg.connect(postgres_server.dsn_of("postgres"), autocommit=True) as conn:
            conn.execute("DROP DATABASE metering WITH (FORCE)")
            conn.execute("DROP ROLE metering")


def heard_until(manager: socket.socket, word: str) -> list[str]:
    heard = list[str]()
    while not heard or word not in heard[-1]:
        heard.append(manager.recv(4096).decode())
    return heard


def test_a_worker_of_the_compose_file_serves(machine: Machine) -> None:
    service, port = SERVICES["ingest-1"], free_port()
    environment = machine.environment(service)
    environment["IOT_UTILITY_METRICS_ADDRESS"] = f"127.0.0.1:{port}"
    with machine.worker(machine.words(service["command"]), environment) as manager:
        heard_until(manager, "READY=1")
        _, program, *words = service["healthcheck"]["test"]
        assert program == "python"
        run([CLI[0], *(each.replace("9464", str(port)) for each in words)], {})


def test_the_unit_serves_by_its_credentials(machine: Machine) -> None:
    unit = Unit("cloud-ingest@.service", "2")
    credentials = machine.folder / "credentials"
    credentials.mkdir()
    for each in unit.said["LoadCredential"]:
        name, _, path = each.partition(":")
        shutil.copy(machine.secrets / Path(path).name, credentials / name)
        (credentials / name).chmod(0o440)
    shutil.copy(machine.secrets / "ingest-2.pem", machine.folder / "etc")
    port = free_port()
    environment = {
        name: machine.translated(value) for name, value in unit.environment(credentials).items()
    }
    assert environment["IOT_UTILITY_METRICS_ADDRESS"] == "127.0.0.1:9462"
    environment |= {
        "IOT_UTILITY_METRICS_ADDRESS": f"127.0.0.1:{port}",
        "CREDENTIALS_DIRECTORY": str(credentials),
        "PGPASSFILE": str(machine.secrets / "pgpass"),
    }
    (command,) = unit.said["ExecStart"]
    words = machine.words(command.split())[1:]
    with machine.worker(words, environment) as manager:
        assert "takes readings" in heard_until(manager, "READY=1")[-1]
        heard_until(manager, "WATCHDOG=1")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            assert json.load(answer)["alive"]


@pytest.mark.parametrize("by", ["compose", "systemd"])
@pytest.mark.parametrize(("name", "port"), [("api", "8080"), ("web", "8081")])
def test_what_speaks_http_serves_as_it_is_installed(
    machine: Machine, by: str, name: str, port: str
) -> None:
    service = SERVICES[name]
    words = service["command"]
    if by == "systemd":
        (command,) = Unit(f"cloud-ingest-{name}.service").said["ExecStart"]
        words = command.split()[1:]
        assert f"127.0.0.1:{port}" in words
    at = f"127.0.0.1:{free_port()}"
    words = [at if each.endswith(f":{port}") else each for each in machine.words(words)]
    with machine.worker(words, machine.environment(service)):
        wait_until(lambda: answers(at))
        _, program, *check = service["healthcheck"]["test"]
        assert program == "python"
        run([CLI[0], *(each.replace(f"127.0.0.1:{port}", at) for each in check)], {})


def answers(at: str) -> bool:
    host, _, port = at.partition(":")
    with socket.socket() as caller:
        return caller.connect_ex((host, int(port))) == 0


def test_the_backup_is_a_dump_that_can_be_read(machine: Machine) -> None:
    folder = machine.folder / "backups"
    for old in ("metering-20200101T000000Z.dump", "metering-20200102T000000Z.dump", "x.part"):
        (folder / old).write_text("old")
    environment = machine.environment(SERVICES["backup"])
    environment |= {"PATH": machine.programs, "METERING_KEEP": "2"}
    run(["sh", str(SYSTEMD / "metering-backup"), str(folder)], environment)
    older, newest = sorted(folder.iterdir())
    assert older.name == "metering-20200102T000000Z.dump"
    listed = run(["pg_restore", "--list", str(newest)], {"PATH": machine.programs})
    assert "TABLE DATA metering batch" in listed


def test_the_broker_of_the_compose_file_is_the_shipped_one(machine: Machine) -> None:
    shipped = configuration(
        plugin=Path(PLUGIN),
        settings=Path("/run/secrets"),
        store=Path("/mosquitto/data"),
        listener="8883",
        tls=True,
    )
    logins = ("/run/secrets/dynamic-security.json", "/mosquitto/data/dynamic-security.json")

    def lines(text: str) -> list[str]:
        return [line for line in text.splitlines() if not line.startswith("#")]

    made = (machine.secrets / "mosquitto.conf").read_text()
    assert lines(made) == lines(shipped.replace(*logins))


def test_prometheus_scrapes_the_workers_by_the_shipped_rules() -> None:
    ours, shipped = (
        yaml.safe_load((folder / "prometheus.yml").read_text("utf-8"))
        for folder in (COMPOSE, COMPOSE.parent / "prometheus")
    )
    (job,) = ours["scrape_configs"]
    targets = job["static_configs"][0].pop("targets")
    assert set(targets) == {f"{name}:9464" for name in SERVICES if name.startswith("ingest-")}
    shipped["scrape_configs"][0]["static_configs"][0].pop("targets")
    assert ours == shipped


def test_what_is_mounted_is_there() -> None:
    for name, service in SERVICES.items():
        for each in service.get("volumes", ()):
            source = each.partition(":")[0]
            if source.startswith(".") and source not in {"./secrets", "./backups"}:
                assert (COMPOSE / source).exists(), (name, source)
            elif not source.startswith("."):
                assert source in compose()["volumes"], (name, source)


def test_each_secret_is_made_and_closed(machine: Machine) -> None:
    for name in compose()["secrets"]:
        mode = stat.S_IMODE((machine.secrets / name).stat().st_mode)
        assert mode == (0o644 if name.endswith((".pem", ".conf")) else 0o600), name


def test_prepare_makes_no_second_authority(machine: Machine) -> None:
    """The authority is in the office: the certificates here go on to be of that one."""
    trusted = machine.secrets / "authority.pem"
    before = trusted.read_bytes()
    office = (machine.secrets / "authority").rename(machine.folder / "office")
    machine.prepare()
    assert trusted.read_bytes() == before
    assert office.rename(machine.secrets / "authority").is_dir()


def test_a_container_has_no_right_that_it_does_not_need() -> None:
    for name, service in SERVICES.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["logging"]["options"]["max-size"], name
        image_user = "10001:10001" if service["image"].startswith("iot-utility/") else None
        assert name == "office" or service.get("user", image_user) not in {None, "0:0"}, name
        assert not service.get("privileged"), name
        for secret in service.get("secrets", ()):
            assert secret in compose()["secrets"], (name, secret)


def test_only_the_broker_is_reached_from_elsewhere() -> None:
    published = {name: each["ports"] for name, each in SERVICES.items() if "ports" in each}
    assert published.pop("broker") == ["8883:8883"]
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert compose()["networks"]["inside"] == {"internal": True}
    for name in ("database", "migrate", "logins", "backup"):
        assert SERVICES[name]["networks"] == ["inside"], name


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_exposed_to_little(name: str) -> None:
    told = run(["systemd-analyze", "security", "--offline=yes", str(SYSTEMD / name)], {})
    level = told.rpartition("exposure level for ")[2].split()[1]
    assert float(level) <= 2.0, told


@pytest.mark.skipif(
    "IOT_UTILITY_TEST_COMPOSE" not in os.environ, reason="make test-compose fetches it"
)
def test_compose_takes_the_file(tmp_path: Path) -> None:
    """By Debian's docker-compose 1.29: the second version has no package, and nothing runs here."""
    unpack("docker-compose", tmp_path)
    told = run(
        [
            *("/usr/bin/python3", f"{tmp_path}/usr/bin/docker-compose"),
            *("--file", str(COMPOSE / "compose.yaml"), "config", "--services"),
        ],
        {"PYTHONPATH": str(tmp_path / "usr/lib/python3/dist-packages")},
    )
    assert set(told.split()) == SERVICES.keys()
