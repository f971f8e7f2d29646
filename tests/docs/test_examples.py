# SPDX-License-Identifier: MIT
"""The examples of each ``--help``, as docs/reference shows them, where they make sense."""

from pathlib import Path

from psycopg.conninfo import make_conninfo
from xlsxwriter import Workbook

from cloud_ingest.core.unit_list import COLUMNS
from tests.docs import pages
from tests.docs.office import CLOSE, Office, office
from tests.docs.outside import EXAMPLES_NOT_RUN
from tests.docs.pages import ROOT, Typed
from tests.docs.play import Part, follow
from tests.docs.society import flagged
from tests.support.store import templates, unit_line

_ = (office, templates)
REFERENCE = ROOT / "docs" / "reference"
CSR = (
    'openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=billing"'
    " -keyout billing.key -out billing.csr"
)
REQUEST = (
    "edge-agent keygen gw-tower-1.key && edge-agent request --key-file gw-tower-1.key "
    "--gateway gw-tower-1 --society 'Lake View' > gw-tower-1.request"
)
CONFIG = "/etc/iot-utility/cloud.toml"
LOGIN = r'[[broker_login]]\nname = "ingest"\nrole = "ingest"\n'
UNBIND = (
    "cloud-ingest meter unbind 26100001 --gateway gw-l --from 2026-08-22 --by Asha "
    "--reason 'gateway replaced' --society 'Lake View'"
)
UNITS = (
    unit_line("A-1204", "26100001", since="2025-07-01"),
    unit_line("A-1204", "LT204417", since="2026-11-01", source="generator"),
    unit_line("Tower 1 bulk", "26100034", since="2025-07-01", kind="bulk"),
)
NOTEBOOK = (["Flat", "1/10/26", "1/11/26"], ["A-1204", 12607, 12636])
ANOTHER_MANAGER = (
    "cloud-ingest people add meera --name Meera --role manager --society 'Lake View' --by Ravi"
)
LAST = ("cloud-ingest revoke", "cloud-ingest units take-back")
FULL, HELD, FLAGGED = (
    f"export IOT_UTILITY_DSN=${name}_DSN" for name in ("FULL", "HELD", "FLAGGED")
)
CLOUD = Part(
    at_terminal=("cloud-ingest enrol",),
    answers={"cloud-ingest enrol": "y\n"},
    before={
        "doctor --config": f"mkdir -p /etc/iot-utility && printf '{LOGIN}' > {CONFIG}",
        "keygen cloud.key": "rm cloud.key",
        "--request billing.csr": CSR,
        "--request gw-tower-1.request": REQUEST,
        "broker access": f"export IOT_UTILITY_CONFIG={CONFIG}",
        "meter commission": f"{UNBIND} && python -m tests.docs.society gw-tower-1.key",
        "prove --unit": CLOSE,
        "evidence archive": "mkdir -p /srv/evidence",
        "evidence verify": "cp /srv/evidence/* .",
        "people end": ANOTHER_MANAGER,
        "number accept": f"{HELD} && {CLOSE}",
        "notebook import": FULL,
        "recompute": FULL,
        "supply enter": FLAGGED,
        "completeness": FULL,
        "month approve": CLOSE,
        "events list": f"unset IOT_UTILITY_SOCIETY && {FLAGGED}",
        "events meter": FULL,
    },
    refused={
        "month reopen": "is not approved",
        "units apply 3": "no list 3 of",
        "units drop 3": "no list 3 of",
        "webhook resend": "the service knows none",
        "self-read show 17": "nothing was sent under '17'",
        "self-read approve 17": "nothing was sent under '17'",
        "self-read refuse 17": "nothing was sent under '17'",
        "self-read photo 17": "nothing was sent under '17'",
        "self-read links October": "set public_url",
        "quarantine show 7": "has no entry 7",
        "quarantine replay 7": "has no entry 7",
        "quarantine dismiss 7": "has no entry 7",
    },
)

FINGERPRINT = """python -c 'from pathlib import Path
from shared_schema.signing import fingerprint, public_key_from_pem
print(fingerprint(public_key_from_pem(Path("gateway.key.pub").read_bytes())))'"""
INVITE = (
    "cp $HOME/cloud.key . && cloud-ingest ca init authority && cloud-ingest invite gw-tower-1"
    " --society 'Lake View' --broker mqtt.example:8883 --key cloud.key --ca authority/authority.pem"
)
ENROL = (
    "cloud-ingest enrol --request gw-tower-1.request --authority authority --by Asha"
    f" --fingerprint $({FINGERPRINT})"
)
COMMISSION = (
    "edge-agent commission --port /dev/ttyUSB0 --baud 9600 --meters riser-1.csv --frames 10"
    " --gateway gw-tower-1 --broker mqtt.example:8883 --username cloud"
    " --broker-password-file $HOME/broker.password --password-file meter.pw"
    " --key-file gateway.key --cloud-key-file cloud.pem || [ $? = 3 ]"
)
RISER = "label,address,dial\nA-1204 electricity,17,\nA-1204 water,18,1.5\n"
FIRST = ("simulate", "keygen", "request", "install-cert", "read --port", "scan", "trial")
GATEWAY = Part(
    ready={
        "--example": "next, in another terminal",
        "simulate estate.toml": "riser-1.tty\n",
        "--replay": "odd-meter\t",
        "agent run": "roker",
    },
    before={
        "keygen": "cd /etc/edge-agent",
        "--invitation gw-tower-1.invitation > ": INVITE,
        "install-cert": ENROL,
        "run --config /etc/edge-agent/agent.toml --check": COMMISSION,
    },
    refused={"--check": "does not let us subscribe", "set-clock": "[bus.meter.setter]"},
)


def test_the_office_plays_its_examples(office: Office, tmp_path: Path) -> None:
    commands = [
        each
        for each in pages.commands(REFERENCE / "cli-cloud.md")
        if not any(part in each.text for part in EXAMPLES_NOT_RUN)
    ]
    commands.sort(key=lambda each: each.text.startswith(LAST))
    history = next(
        block for block in pages.blocks(ROOT / "docs/howto/history.md") if block.language == "csv"
    )
    with office.opened("examples", tmp_path) as machine:
        name, _ = office.scene(flagged)
        machine.must("export IOT_UTILITY_SOCIETY='Sunrise Heights'")
        machine.must(f"FLAGGED_DSN='{make_conninfo(office.server, dbname=name)}'")
        home = machine.path("home")
        (home / "registers.csv").write_text(history.text)
        (home / "units.csv").write_text("\n".join([",".join(COLUMNS), *UNITS, ""]))
        with Workbook(home / "notebook.xlsx") as book:
            sheet = book.add_worksheet()
            for row, line in enumerate(NOTEBOOK):
                sheet.write_row(row, 0, line)
        faults = follow(machine, REFERENCE / "cli-cloud.md", CLOUD, commands)
    assert not faults, "\n\n".join(faults)


def order(each: Typed) -> int:
    """Return when an example is played: the agent holds its ports as the last."""
    if "--replay" in each.text or (" run " in each.text and "--check" not in each.text):
        return len(FIRST) + 1
    return next((n for n, part in enumerate(FIRST) if part in each.text), len(FIRST))


def test_the_gateway_plays_its_examples(office: Office, tmp_path: Path) -> None:
    page = REFERENCE / "cli-edge.md"
    commands = [
        each
        for each in pages.commands(page)
        if not any(part in each.text for part in EXAMPLES_NOT_RUN)
    ]
    with office.opened("examples", tmp_path) as machine:
        machine.must("unset CLOCK_SHIFT_S && mkdir -p /etc/edge-agent/models /var/lib/edge-agent")
        etc = machine.path("/etc/edge-agent")
        example = (ROOT / "edge_agent" / "virtual" / "example.toml").read_text()
        (machine.path("home") / "estate.toml").write_text(example)
        (etc / "riser-1.csv").write_text(RISER)
        machine.must("cd /etc/edge-agent && umask 077 && printf 12345678 > meter.pw && cd")
        machine.places |= {
            "/dev/ttyUSB0": str(machine.path("tmp/estate/riser-1.tty")),
            "mqtt.example:8883": f"localhost:{office.broker.port}",
            "edge-agent scan": "edge-agent scan --addresses 16-20",
            "1-127,1000-1100": "16-20,1000",
        }
        faults = follow(machine, page, GATEWAY, sorted(commands, key=order))
        machine.run("kill $(jobs -p); wait")
    assert not faults, "\n\n".join(faults)
