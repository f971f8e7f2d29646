# SPDX-License-Identifier: MIT
"""The pages of the office, each followed from top to bottom on a store that is what it tells of.

A new page of a how-to or a runbook is followed as it is, on the store of `furnish`. What
it needs beyond that, and what cannot succeed here, is a line in `PARTS`.
"""

from pathlib import Path

import pytest

from tests.docs import pages
from tests.docs.office import CLOSE, Office, office
from tests.docs.pages import ROOT
from tests.docs.play import Part, follow
from tests.support.store import templates

_ = templates, office
OF_THE_PLACE = frozenset(
    {"broker", "clocks", "enrol", "install-cloud", "install-gateway", "odd-meter", "security"}
    | {"flash-gateway", "reference-servers"}
)
"""Pages of a place with meters and a broker: test_place.py."""
PAGES = [
    path for path in sorted((ROOT / "docs" / "howto").glob("*.md")) if path.stem not in OF_THE_PLACE
]
BACK = "export IOT_UTILITY_DSN=$FULL_DSN"
NEW_SOCIETY = "INSERT INTO metering.society (name) VALUES ('Lake View')"
OWNER = "CREATE ROLE metering SUPERUSER LOGIN PASSWORD 'SECRET'"
RUNBOOK = sorted((ROOT / "docs" / "runbook").glob("*.md"))
PARTS = {
    "approve-month": Part(
        before={"month approve": CLOSE}, refused={"month reopen": "is not approved"}
    ),
    "backup": Part(
        before={
            "pg_dump": f'psql -c "{OWNER}" postgres && '
            "createdb --owner=metering --template=$FULL_NAME metering"
        },
    ),
    "diagnose": Part(
        before={
            "cloud-ingest diagnose": "mkdir -p /etc/iot-utility && "
            "touch /etc/iot-utility/cloud.toml"
        },
        refused={"gateway diagnose": "has no gateway 'gw-tower-1'"},
    ),
    "export": Part(before={"export October": CLOSE}),
    "history": Part(files={"registers.csv": "csv"}),
    "monitoring": Part(
        before={"prometheus.yml": "mkdir -p /etc/prometheus && ln -s $CHECKOUT/deploy"}
    ),
    "mail": Part(before={"openssl rand": "mkdir -p /etc/iot-utility"}),
    "webhooks": Part(
        before={"openssl rand": "mkdir -p /etc/iot-utility"},
        refused={"webhook resend": "the service knows none"},
    ),
    "month": Part(
        files={"units.csv": "csv"},
        before={
            "migrate --zone": "mkdir new && cd new && export IOT_UTILITY_DSN=$EMPTY_DSN && "
            "cp ../units.csv ../broker.password .",
            "meter commission": "python -m tests.docs.society gw-a1.key",
            "usage A-1204 --society 'Sunrise Heights' --month 2026-10 --days": "cd .. && "
            "export IOT_UTILITY_DSN=$FULL_DSN",
            "number list": f"export IOT_UTILITY_DSN=$HELD_DSN && {CLOSE}",
            "epoch add A-1204 --society 'Sunrise Heights' --service electricity": BACK,
        },
        ready={"serve": "Linked to the broker"},
        refused={"replay 17": "has no entry 17", "pulse weight": "only a changed pulse weight"},
    ),
    "notebook": Part(files={"notebook.csv": "csv"}),
    "read-a-month": Part(before={"report 2026-10": CLOSE}),
    "three-questions": Part(before={"month status October": CLOSE}),
    "own-database": Part(
        answers={"createuser": "SECRET\nSECRET\n"},
        before={
            "--reader": f'psql -c "{NEW_SOCIETY}" metering',
            "doctor": "mkdir -p /etc/iot-utility && touch /etc/iot-utility/cloud.toml",
        },
    ),
}


def test_the_runbook_asks_what_can_be_asked(office: Office, tmp_path: Path) -> None:
    commands = {each.text: each for path in RUNBOOK for each in pages.commands(path)}
    with office.opened("runbook", tmp_path) as machine:
        faults = follow(machine, RUNBOOK[0], Part(), list(commands.values()))
    assert not faults, "\n\n".join(faults)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_does_what_it_says(path: Path, office: Office, tmp_path: Path) -> None:
    part = PARTS.get(path.stem, Part())
    with office.opened(path.stem, tmp_path) as machine:
        faults = follow(machine, path, part)
    assert not faults, "\n\n".join(faults)
