# SPDX-License-Identifier: MIT
"""Programs of others that the documentation has typed: what a test does with each."""

from collections.abc import Mapping

PARTS_OF_A_SHELL = frozenset(
    {"cat", "cd", "chmod", "do", "done", "exit", "export", "find", "for", "ln", "mkdir", "mv"}
    | {"printf", "sed", "sleep", "tee", "umask"}
)

RUN = frozenset(
    {"createdb", "createuser", "install", "openssl", "pg_basebackup", "pg_dump", "pg_restore"}
    | {"psql"}
)
"""Run for real, `install` without another owner."""

NOT_RUN: Mapping[str, str] = {
    "apt": "installs into the machine",
    "bin/server": "the server of others, built by hand",
    "chown": "gives files to an account that is not here",
    "curl": "asks a worker that runs: tests/integration/cloud_ingest/test_monitoring.py does it",
    "gcc": "builds a server of others",
    "git": "fetches the sources of others",
    "java": "the server of others, built by hand",
    "javac": "builds a server of others",
    "scp": "speaks to another machine",
    "socat": "joins a server of others",
    "systemctl": "there is no systemd; what its units do is started in their place",
    "tar": "unpacks the checkout, which is there",
    "timedatectl": "sets the clock of the machine",
    "useradd": "adds an account to the machine",
}

INSTALLERS = frozenset({"/opt/cloud-ingest/bin/pip", "/opt/edge-agent/bin/pip", "edge/bin/pip"})
"""Of a virtual environment; that of the tests takes its place."""

KNOWN = RUN | NOT_RUN.keys() | INSTALLERS
