# SPDX-License-Identifier: MIT
"""How the world of a chaos run is opened: servers, files, meters, programs.

Gateways, meters and workers run in the run's own time (`faults.Clock`), which is faster than the
real one; the database and the broker run in the real one.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cloud_ingest.store.connection import connect
from cloud_ingest.store.migrate import migrate
from cloud_ingest.store.registry import enrol_gateway
from deploy.demo.mosquitto import MosquittoServer, cloud_user, gateway_user, local_mosquitto
from deploy.demo.postgres import PostgresServer, local_postgres
from deploy.demo.programs import Program
from shared_schema.signing import generate_key, private_key_to_pem, public_key_to_pem
from tests.chaos import estate
from tests.chaos.acknowledged import Acknowledged
from tests.chaos.faults import Clock, Control, Disk, compiled
from tests.chaos.links import proxies
from tests.chaos.world import CLOUD, EDGE, LAUNCH, Node, Server, World, environment

WORKERS = 2
PASSWORD = "chaos-of-one-run"  # noqa: S105  the broker is on the loopback, for the time of a run
SETTINGS = {"checkpoint_timeout": "60", "max_wal_size": "256MB"}
"""Of the database: a checkpoint is due within a run."""


@contextmanager
def open_world(
    folder: Path,
    clock: Clock,
    gateways: tuple[estate.Gateway, ...],
    *,
    days: int,
    baud: int | None,
    sabotage: str = "",
) -> Iterator[World]:
    """Start the servers and make all files and programs; agents and workers do not run yet.

    Args:
        folder: Where everything is; the servers' account can reach it.
        clock: The run's time.
        gateways: With their meters.
        days: How long the meters have been captured when the run begins.
        baud: The pace of the lines.
        sabotage: What `launch` spoils in the programs.
    """
    users = [cloud_user(PASSWORD), *(gateway_user(each.name, PASSWORD) for each in gateways)]
    library = compiled(folder)
    with ExitStack() as stack:
        postgres = stack.enter_context(local_postgres(durable=False, settings=SETTINGS))
        broker = stack.enter_context(local_mosquitto(users=users))
        links = stack.enter_context(proxies())
        world = World(
            folder,
            clock,
            gateways,
            _server(broker, broker.store, folder / "broker.control", library),
            _server(postgres, postgres.cluster, folder / "database.control", library),
            links,
            links.listen(str(postgres.socket_dir / ".s.PGSQL.5432")),
            postgres.dsn,
        )
        stack.callback(_stop, world)
        _prepare(world, clock.base - timedelta(days=days), days)
        for gateway in gateways:
            world.meters.append(_meters(world, gateway, library, baud))
            world.agents.append(_agent(world, gateway, library, broker.port, sabotage))
        for number in range(WORKERS):
            world.workers.append(_worker(world, number, library, broker.port, sabotage))
        yield world


def _server(
    server: PostgresServer | MosquittoServer, disk: Path, control: Path, library: Path
) -> Server:
    """Start a server again, with a disk that can be full."""
    made = Control(control, None)
    server.stop()
    preloaded = {
        "LD_PRELOAD": str(library),
        "CHAOS_DISK": str(disk),
        "CHAOS_CONTROL": str(control),
    }
    server.process.environment = {**server.process.environment, **preloaded}
    server.start()
    return Server(server, made)


def _prepare(world: World, installed_at: datetime, days: int) -> None:
    _secret(world.folder / "broker.password", PASSWORD)
    _secret(world.folder / "cloud.key", private_key_to_pem(cloud := generate_key()))
    (world.folder / "cloud.pub").write_bytes(public_key_to_pem(cloud.public_key()))
    units = world.folder / "units.csv"
    units.write_text(estate.units_csv(world.gateways, installed_at))
    with connect(world.dsn) as conn:
        migrate(conn, zone=estate.ZONE)
        for gateway in world.gateways:
            own = world.folder_of(gateway)
            (own / "spool").mkdir(parents=True)
            _secret(own / "broker.password", PASSWORD)
            _secret(own / "meter.password", estate.PASSWORD)
            _secret(own / "gateway.key", private_key_to_pem(key := generate_key()))
            public = public_key_to_pem(key.public_key())
            enrol_gateway(conn, estate.SOCIETY, gateway.name, gateway.name, public)
            described = estate.estate_toml(gateway, installed_at, days + 2)
            world.estate_of(gateway).write_text(described)
    world.cloud("units", "import", str(units), "--yes", "--society", estate.SOCIETY)


def _meters(world: World, gateway: estate.Gateway, library: Path, baud: int | None) -> Program:
    own = world.folder_of(gateway)
    control = Control(own / "meters.control", world.clock)
    world.meter_controls.append(control)
    words = ["simulate", str(world.estate_of(gateway)), "--directory", str(own / "bus")]
    pace = [] if baud is None else ["--baud", str(baud)]
    preloaded = _preloaded(library, control, {})
    return Program("meters", [*EDGE, *words, *pace], own / "meters.log", preloaded)


def _agent(
    world: World, gateway: estate.Gateway, library: Path, broker: int, sabotage: str
) -> Node:
    own = world.folder_of(gateway)
    link = world.proxies.listen(broker)
    (own / "agent.toml").write_text(estate.agent_toml(gateway, str(own / "bus"), link.port))
    control = Control(own / "agent.control", world.clock)
    disk = Disk(own / "spool", own / "durable")
    preloaded = _preloaded(library, control, disk.environment())
    words = ["run", "--config", str(own / "agent.toml")]
    program = [*LAUNCH, sabotage, "edge"] if sabotage else EDGE
    return Node(
        Program(gateway.name, [*program, *words], own / "agent.log", preloaded), control, link, disk
    )


def _worker(world: World, number: int, library: Path, broker: int, sabotage: str) -> Node:
    name = f"worker-{number}"
    link = world.proxies.listen(broker)
    link.acknowledged = Acknowledged()
    control = Control(world.folder / f"{name}.control", world.clock)
    database = urlsplit(world.dsn)
    words = [
        "serve",
        *("--broker", f"127.0.0.1:{link.port}", "--username", "ingest", "--client-id", name),
        *("--password-file", str(world.folder / "broker.password"), "--group", "chaos"),
        *("--key", str(world.folder / "cloud.key"), "--rules-every", "15"),
    ]
    dsn = (
        f"postgresql://{database.netloc.rpartition('@')[0]}@127.0.0.1:{world.database_link.port}"
        f"{database.path}?application_name={name}"
    )
    preloaded = _preloaded(library, control, {"IOT_UTILITY_DSN": dsn})
    program = [*LAUNCH, sabotage, "cloud"] if sabotage else CLOUD
    return Node(
        Program(name, [*program, *words], world.folder / f"{name}.log", preloaded), control, link
    )


def _preloaded(library: Path, control: Control, more: Mapping[str, str]) -> dict[str, str]:
    own = {"LD_PRELOAD": str(library), "CHAOS_CONTROL": str(control.path)}
    return environment({**own, **more})


def _secret(path: Path, content: str | bytes) -> None:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o600)


def _stop(world: World) -> None:
    for node in world.nodes():
        node.kill()
    for program in world.meters:
        program.kill()
