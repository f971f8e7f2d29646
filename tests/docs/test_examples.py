# SPDX-License-Identifier: MIT
"""The examples of each ``--help``, as docs/reference shows them, where they make sense."""

from pathlib import Path

from psycopg.conninfo import make_conninfo

from cloud_ingest.core.unit_list import COLUMNS
from tests.docs import pages
from tests.docs.outside import EXAMPLES_NOT_RUN
from tests.docs.pages import ROOT
from tests.docs.play import Part, follow
from tests.docs.society import flagged
from tests.docs.test_office import CLOSE, Office, office
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
    unit_line("A-1204", "LT204417", since="2026-11-01", source="dg"),
    unit_line("Tower 1 bulk", "26100034", since="2025-07-01", kind="bulk"),
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
        "number accept": f"{HELD} && {CLOSE}",
        "recompute": FULL,
        "supply enter": FLAGGED,
        "completeness": FULL,
        "events list": FLAGGED,
        "events meter": FULL,
    },
    refused={
        "quarantine show 7": "has no entry 7",
        "quarantine replay 7": "has no entry 7",
        "quarantine dismiss 7": "has no entry 7",
    },
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
        machine.must(f"FLAGGED_DSN='{make_conninfo(office.server, dbname=name)}'")
        home = machine.path("home")
        (home / "registers.csv").write_text(history.text)
        (home / "units.csv").write_text("\n".join([",".join(COLUMNS), *UNITS, ""]))
        faults = follow(machine, REFERENCE / "cli-cloud.md", CLOUD, commands)
    assert not faults, "\n\n".join(faults)
