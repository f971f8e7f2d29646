# SPDX-License-Identifier: MIT
"""One place from an empty server to a gateway that delivers and is taken back, page by page.

The pages of the broker, the cloud, the enrolment and the gateway lean on each other; they are
followed in the order in which a person follows them, at a real database, at mosquitto with the
configuration that is shipped, and at virtual meters.
"""

import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from deploy.demo.mosquitto import free_port
from deploy.demo.mosquitto_program import find_mosquitto
from deploy.demo.rootless import Account
from shared_schema.gateway import Status
from tests.docs import pages
from tests.docs.pages import ROOT, Typed
from tests.docs.play import Part, follow
from tests.docs.resident import resident
from tests.docs.sandbox import Sandbox, sandbox
from tests.support.mosquitto_clients import put_on_path
from tests.support.mqtt_peer import NotLetIn, linked
from tests.support.servers import SqlServer

REFUSED = 135
HOWTO = ROOT / "docs" / "howto"
PORT = "/dev/serial/by-id/usb-…"
ESTATE = """zone = "Asia/Kolkata"
[[bus]]
name = "laptop"
link = "laptop.tty"
[[bus.meter]]
label = "A-1203 electricity"
address = 17
model = "single_phase"
manufacturer = "LNT"
serial = "10000003"
load = { kind = "flat" }
[[bus]]
name = "riser-1"
link = "riser-1.tty"
"""
METER = """[[bus.meter]]
label = "{label}"
address = {address}
model = "{model}"
manufacturer = "LNT"
serial = "100000{address}"
load = {{ kind = "{load}" }}
"""
RISER = (
    ("A-1203 electricity", 17, "single_phase", "flat"),
    ("A-1204 electricity", 18, "single_phase", "flat"),
    ("A-1204 water", 19, "water", "water"),
)
UNITS = """tower,subject_type,subject,service,source,manufacturer,serial,legacy,valid_from,valid_to
Tower 1,unit,A-1203,electricity,grid,LNT,10000017,no,2025-01-01,
Tower 1,unit,A-1204,electricity,grid,LNT,10000018,no,2025-01-01,
Tower 1,unit,A-1204,water,main,LNT,10000019,no,2025-01-01,
Tower 1,unit,A-1205,electricity,grid,,,yes,2025-01-01,
"""
MOSQUITTO = """cd {root}
sed -e 's#/etc/mosquitto#{root}&#' -e 's#/var/lib/mosquitto#{root}&#' \\
    -e 's#^plugin .*#plugin {plugin}#' -e 's#^listener 8883#listener {port} 127.0.0.1#' \\
    etc/mosquitto/mosquitto.conf > mosquitto.conf
[ "$(id -u)" != 0 ] || echo 'user root' >> mosquitto.conf
export LD_LIBRARY_PATH={libraries}
setsid {program} -c mosquitto.conf > mosquitto.log 2>&1 < /dev/null &
echo $! > mosquitto.pid
until bash -c ': < /dev/tcp/127.0.0.1/{port}' 2> /dev/null; do
  sleep 0.05
  kill -0 $! || exit 1
done"""
AGENT = """cd {root}
edge-agent run --config etc/edge-agent/agent.toml > agent.log 2>&1 < /dev/null &
echo $! > agent.pid
for try in $(seq 200); do
  grep -qi 'broker' agent.log && exit 0
  sleep 0.05
done
cat agent.log
exit 1"""
STOP = """if [ -f {pid} ]; then
  kill $(cat {pid})
  while [ -e /proc/$(cat {pid})/exe ]; do sleep 0.05; done
  rm {pid}
fi"""


@dataclass
class Place:
    """The office's server, the broker and the gateway of a tower, on one machine."""

    machine: Sandbox
    port: int
    faults: dict[str, list[str]] = field(default_factory=dict)
    state: bytes = b""
    """What the gateway told a broker whose store was deleted."""

    def chapter(
        self, page: str, section: str, part: Part | None = None, *, begins: str = "", ends: str = ""
    ) -> None:
        """Follow a section of a page, from a command to before another one."""
        commands = [
            each
            for each in pages.commands(HOWTO / f"{page}.md")
            if each.section.startswith(section)
        ]
        commands = commands[_find(commands, begins) if begins else 0 :]
        commands = commands[: _find(commands, ends) if ends else None]
        faults = follow(self.machine, HOWTO / f"{page}.md", part or Part(), commands)
        self.faults.setdefault(page, []).extend(faults)

    def write(self, name: str, text: str) -> None:
        file = self.machine.path(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(self.machine.here(text))


def _find(commands: list[Typed], begins: str) -> int:
    return next(n for n, each in enumerate(commands) if each.text.startswith(begins))


def at_the_office(place: Place) -> None:
    """Certificates, the database, the settings, the broker, the service."""
    machine = place.machine
    place.chapter("broker", "Certificates")
    machine.must("cp authority/authority.pem . && mkdir -p /etc/iot-utility /var/lib/cloud-ingest")
    place.chapter("install-cloud", "2.", Part(answers={"createuser": "SECRET\nSECRET\n"}))
    example = next(
        block.text.partition("[[webhook]]")[0]
        for block in pages.blocks(ROOT / "docs" / "reference" / "cloud-toml.md")
        if block.section == "Example" and block.language == "toml"
    )
    place.write("/etc/iot-utility/cloud.toml", example)
    pgpass = Part(answers={".pgpass": "localhost:*:metering:metering:SECRET\n"})
    place.chapter("install-cloud", "3.", pgpass, ends="sudo -u metering cloud-ingest doctor")
    machine.must("cd $HOME && mkdir -p /etc/mosquitto/certs /var/lib/mosquitto")
    place.chapter("broker", "mosquitto")
    place.chapter("install-cloud", "3.", begins="sudo -u metering cloud-ingest doctor")
    serve = "cloud-ingest serve --config /etc/iot-utility/cloud.toml --group ingest"
    worker = "--cert ingest-1.pem --cert-key ingest-1.key"
    machine.start(f"{serve} {worker}", "Linked to the broker")


def at_the_gateway(place: Place) -> None:
    """A trial on a laptop, the gateway's keys, its enrolment, its meters, its first readings."""
    machine = place.machine
    machine.places[PORT] = str(machine.path("/dev/serial/laptop.tty"))
    place.chapter("install-gateway", "1.")
    machine.places[PORT] = str(machine.path("/dev/serial/riser-1.tty"))
    machine.must("mkdir -p /etc/edge-agent /var/lib/edge-agent")
    place.chapter("install-gateway", "From a checkout")
    password = Part(answers={"cat > meter.pw": "12345678\n"})
    place.chapter("install-gateway", "3.", password, ends="edge-agent install-cert")
    machine.must("cd $HOME && cp /etc/edge-agent/gw-tower-1.request .")
    asked = Part(answers={"cloud-ingest enrol": "y\n"}, at_terminal=("cloud-ingest enrol",))
    place.chapter("enrol", "Enrol", asked, begins="cloud-ingest enrol", ends="edge-agent")
    place.chapter("broker", "A gateway more", ends="cloud-ingest ca revoke")
    machine.must("cd /etc/edge-agent && cp $HOME/gw-tower-1.cert .")
    machine.must("cp /etc/iot-utility/cloud.key.pub cloud.pem && cp meter.pw a-1204.pw")
    place.chapter("install-gateway", "3.", begins="edge-agent install-cert")
    place.chapter("install-gateway", "4.")
    lists = next(b for b in pages.blocks(HOWTO / "install-gateway.md") if b.language == "csv")
    place.write("/etc/edge-agent/riser-1.csv", lists.text)
    place.write("/etc/edge-agent/units.csv", UNITS)
    imported = "cloud-ingest units import units.csv --yes --society 'Lake View'"
    sheet = Part(
        before={"cloud-ingest meter commission": imported},
        codes={"edge-agent commission": (0, 3)},
    )
    place.chapter("install-gateway", "5.", sheet)
    place.chapter("install-gateway", "6.")
    place.chapter("install-gateway", "7.")
    place.chapter("install-cloud", "5.")


def beyond_the_limits(place: Place) -> None:
    """The monitor looks at the broker, it gets more files, and its store is deleted."""
    place.machine.must("cd $HOME")
    place.chapter("broker", "Limits")
    place.chapter("broker", "For 500 gateways")
    place.chapter("broker", "Persistence")
    place.machine.must("cd -")
    with linked("localhost", place.port, tls_of(place, "ingest-2")) as worker:
        assert worker.subscribe("metering/v1/gw/gw-tower-1/status") == 1
        place.state = worker.received()[1]


def through_the_years(place: Place) -> None:
    """Recordings, keys, a new signing key; at last the gateway is stolen."""
    machine = place.machine
    place.chapter("clocks", "", Part(refused={"set-clock 'A": "[bus.meter.setter]"}))
    machine.must("systemctl stop edge-agent")
    machine.places["/dev/ttyUSB0"] = str(machine.path("/dev/serial/riser-1.tty"))
    another = Part(
        ready={"simulate --replay": "odd-meter\t"},
        before={"edge-agent trace --port": "rm odd-meter.jsonl"},
    )
    place.chapter("odd-meter", "", another)
    machine.must("systemctl start edge-agent && mkdir -p meters")
    place.chapter("security", "", Part(answers={"cat > a": "00112233445566778899AABBCCDDEEFF\n"}))
    machine.must("cd /etc/edge-agent")
    place.chapter("enrol", "Change", ends="mv ")
    machine.must("cd $HOME")
    place.chapter("enrol", "Take back")
    place.chapter("broker", "A gateway more", begins="cloud-ingest ca revoke")


def broker_of(machine: Sandbox, place: Path) -> int:
    """Let ``systemctl`` run mosquitto as it is installed in the machine; return its port."""
    found = find_mosquitto(Account(os.geteuid(), os.getegid(), switched=False), place)
    port, root = free_port(), machine.root
    own = {"root": root, "plugin": found.plugin, "program": found.program, "port": port}
    start = MOSQUITTO.format(**own, libraries=found.libraries)
    pid = root / "mosquitto.pid"
    machine.unit("mosquitto", start=start, stop=STOP.format(pid=pid), show=f"cat {pid}")
    return port


@pytest.fixture(scope="module")
def place(postgres_server: SqlServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("place")
    server = conninfo_to_dict(postgres_server.dsn_of("postgres"))
    environment = {
        "PGUSER": "postgres",
        "PGHOST": str(server["host"]),
        "PGPASSWORD": str(server["password"]),
    }
    with resident(folder) as programs, sandbox(folder, programs, environment) as machine:
        (machine.root / "home" / "deploy").symlink_to(ROOT / "deploy")
        put_on_path(machine.path("/usr/local/bin"))
        port, root = broker_of(machine, folder), machine.root
        machine.unit(
            "edge-agent", start=AGENT.format(root=root), stop=STOP.format(pid=root / "agent.pid")
        )
        machine.places |= {
            "SECRET": str(server["password"]),
            "metering@localhost/": f"metering@{quote(str(server['host']), safe='')}/",
            "mqtt.example:8883": f"localhost:{port}",
            "broker_port = 8883": f"broker_port = {port}",
            "mqtt.example": "localhost",
            "-p 8883": f"-p {port}",
            "edge-agent scan": "edge-agent scan --addresses 16-20",  # of 127, at each speed
        }
        riser = "".join(
            METER.format(label=label, address=address, model=model, load=load)
            for label, address, model, load in RISER
        )
        place = Place(machine, port)
        place.write("/home/riser.toml", ESTATE + riser)
        machine.start("edge-agent simulate riser.toml --directory /dev/serial", "riser-1.tty\n")
        try:
            for part in (at_the_office, at_the_gateway, beyond_the_limits, through_the_years):
                part(place)
            yield place
        finally:
            machine.stop()
            machine.run("systemctl stop edge-agent; systemctl stop mosquitto")
            with psycopg.connect(postgres_server.dsn_of("postgres"), autocommit=True) as connection:
                connection.execute("DROP DATABASE IF EXISTS metering WITH (FORCE)")
                connection.execute("DROP ROLE IF EXISTS metering")


@pytest.mark.parametrize(
    "page",
    ["broker", "install-cloud", "enrol", "install-gateway", "clocks", "odd-meter", "security"],
)
def test_a_page_does_what_it_says(page: str, place: Place) -> None:
    assert not place.faults[page], "\n\n".join(place.faults[page])


def tls_of(place: Place, name: str | None) -> ssl.SSLContext:
    home = place.machine.path("/home")
    context = ssl.create_default_context(cafile=home / "authority" / "authority.pem")
    if name is not None:
        context.load_cert_chain(home / f"{name}.pem", home / f"{name}.key")
    return context


def test_nobody_is_let_in_without_a_certificate(place: Place) -> None:
    with pytest.raises(NotLetIn), linked("localhost", place.port, tls_of(place, None)):
        pass


def test_a_revoked_certificate_lets_nobody_in(place: Place) -> None:
    with pytest.raises(NotLetIn), linked("localhost", place.port, tls_of(place, "billing")):
        pass


def test_a_login_does_nothing_beyond_its_role(place: Place) -> None:
    with linked("localhost", place.port, tls_of(place, "ingest-2")) as worker:
        assert worker.publish("metering/v1/gw/gw-tower-1/readings") == REFUSED
        assert worker.subscribe("#") == REFUSED


def test_a_gateway_tells_its_state_to_a_broker_that_forgot(place: Place) -> None:
    assert Status.from_line(place.state).state == "online"


def test_the_broker_keeps_its_store_over_a_restart(place: Place) -> None:
    store = place.machine.path("/var/lib/mosquitto/mosquitto.db")
    assert store.stat().st_size > 0
