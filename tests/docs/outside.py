# SPDX-License-Identifier: MIT
"""Programs of others that the documentation has typed: what a test does with each."""

from collections.abc import Mapping

PARTS_OF_A_SHELL = frozenset(
    {".", "cat", "cd", "chmod", "cp", "date", "do", "done", "exit", "export", "find", "for"}
    | {"head", "kill", "ln", "mkdir", "mv", "printf", "sed", "sleep", "tee", "umask"}
)

RUN = frozenset(
    {"createdb", "createuser", "install", "mosquitto_sub", "openssl", "pg_basebackup", "pg_dump"}
    | {"pg_restore", "prlimit", "psql", "rm"}
)
"""Run for real, `install` without another owner."""

NOT_RUN: Mapping[str, str] = {
    "apt": "installs into the machine",
    "bin/server": "the server of others, built by hand",
    "docker": "there is no engine; tests/integration/deploy/test_installed.py starts each command",
    "./prepare": "tests/integration/deploy/test_installed.py runs it",
    "iot-utility-cloud-*/install": "tests/integration/deploy/test_cloud_package.py runs it",
    "iot-utility-cloud-VERSION/install": "tests/integration/deploy/test_cloud_package.py runs it",
    "iot-utility-cloud-FORMER/install": "tests/integration/deploy/test_cloud_package.py runs it",
    "chown": "gives files to an account that is not here",
    "curl": "asks a worker that runs: tests/integration/cloud_ingest/test_monitoring.py does it",
    "gcc": "builds a server of others",
    "git": "fetches the sources of others",
    "java": "the server of others, built by hand",
    "javac": "builds a server of others",
    "scp": "speaks to another machine",
    "ssh": "speaks to another machine",
    "/usr/local/lib/edge-agent/window.sh": (
        "starts the machine again: tests/unit/edge_agent/install/image/test_card_scripts.py"
    ),
    "socat": "joins a server of others",
    "systemctl": "there is no systemd; what its units do is started in their place",
    "tar": "unpacks the checkout, which is there",
    "timedatectl": "sets the clock of the machine",
    "useradd": "adds an account to the machine",
}

INSTALLERS = frozenset({"/opt/cloud-ingest/bin/pip", "/opt/edge-agent/bin/pip", "edge/bin/pip"})
"""Of a virtual environment; that of the tests takes its place."""

ELSEWHERE: Mapping[str, str] = {
    "cloud-ingest valve-test": "tests/integration/cloud_ingest/test_valve_test.py",
    "edge-agent run --config agent.toml  ": "tests/e2e/test_month.py",
    "CREATE EXTENSION timescaledb": "tests/integration/cloud_ingest/test_backup.py",
    "postgresql://postgres@": "tests/integration/cloud_ingest/test_backup.py",
    "timescaledb_post_restore": "tests/integration/cloud_ingest/test_backup.py",
    "_timescaledb_internal": "tests/integration/cloud_ingest/test_store_migrate.py",
    "pg_basebackup": "tests/integration/cloud_ingest/test_backup.py",
    "--group ingest": "tests/integration/cloud_ingest/test_service_group.py",
    "cloud-ingest gateway diagnose": "tests/integration/cloud_ingest/test_gateway_diagnose.py",
    "cloud-ingest api": "tests/integration/cloud_ingest/http/test_listen.py",
    "cloud-ingest web": "tests/e2e/test_month.py",
    "edge-agent tap-test": "tests/unit/edge_agent/install/test_tap_test.py",
    "cloud-ingest rules": "tests/unit/cloud_ingest/cli/test_rules.py",
}
"""What needs more than a page can set up, and the test that runs it."""

KNOWN = RUN | NOT_RUN.keys() | INSTALLERS


def why_not_run(text: str) -> str | None:
    """Return why a command is parsed alone, or None where a test runs it."""
    words = text.removeprefix("sudo ").split()
    if (
        (words[0] == "make" and words != ["make", "sandbox"])
        or ".venv/bin/python" in words[0]
        or words[0].endswith("_DSN=postgresql://…")
    ):
        return "a target of the project: the checks of each change run it"
    if words[0] in NOT_RUN and "&&" not in words:
        return NOT_RUN[words[0]]
    return next((f"run by {test}" for part, test in ELSEWHERE.items() if part in text), None)


EXAMPLES_NOT_RUN: Mapping[str, str] = {
    "edge-agent image prepare": "writes a card: tests/unit/edge_agent/install/image",
    "edge-agent commission --port": "asks for each label: tests/docs/test_place.py gives a list",
    "edge-agent trial --port /dev/serial": "asks 127 addresses: tests/docs/test_place.py",
    "cloud-ingest broker apply": "a broker with TLS: tests/docs/test_place.py",
    "cloud-ingest api --address": "serves: tests/integration/cloud_ingest/http/test_listen.py",
    "cloud-ingest web --address": "serves: tests/e2e/test_month.py",
    "cloud-ingest serve --dsn": "a broker with TLS: tests/docs/test_place.py",
}
"""Examples of a reference whose like another test runs."""
