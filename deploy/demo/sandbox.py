# SPDX-License-Identifier: MIT
"""``make sandbox``: a database and a broker of this machine alone, to try the programs on.

Both keep their data in the folder for the next run. Nothing is installed, nothing listens beyond
this machine. Certificates of an authority of its own are made anew at each start.

In: a folder. Out: a file ``env`` in it that a shell reads. Owns: both servers, until it is ended.
"""

import os
import shlex
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.demo.authority import Authority
from deploy.demo.clock import is_clock_kept
from deploy.demo.mosquitto import HOST, cloud_user, free_port, gateway_user, local_mosquitto
from deploy.demo.postgres import local_postgres
from deploy.demo.rootless import LocalServerError
from shared_schema.access import Consumer, Login, consumer_rights

SOCIETY = "Lake View"
GATEWAY = "gw-example"
BIN = Path(sys.executable).parent
LOGINS = (
    cloud_user(),
    gateway_user(GATEWAY),
    *(Login(role, consumer_rights(role, [SOCIETY])) for role in Consumer),
)


def authority_in(folder: Path) -> Authority:
    """Make an authority, and a certificate for each login, in a folder of their own."""
    authority = Authority(folder / "certificates", "sandbox authority")
    for login in LOGINS:
        authority.issue(login.name)
    shutil.copy(authority.certificate, authority.folder / "ca.pem")
    return authority


def port_in(folder: Path) -> int:
    """Return the broker's port, the same as at the last run: gateways have it in their settings."""
    file = folder / "broker.port"
    if not file.exists():
        file.write_text(str(free_port()), encoding="ascii")
    return int(file.read_text(encoding="ascii"))


def environment(folder: Path, dsn: str, port: int, *, clock_is_kept: bool) -> str:
    """Return what a shell reads to find the programs, the database and the broker.

    Where no time service keeps the clock, as in a container, the agent is told to believe it.
    """
    own = folder / "certificates" / cloud_user().name
    values = {
        "IOT_UTILITY_DSN": dsn,
        "IOT_UTILITY_BROKER_HOST": HOST,
        "IOT_UTILITY_BROKER_PORT": str(port),
        "IOT_UTILITY_BROKER_TLS": "true",
        "IOT_UTILITY_BROKER_CA_FILE": str(own.with_name("ca.pem")),
        "IOT_UTILITY_BROKER_CERT_FILE": f"{own}.pem",
        "IOT_UTILITY_BROKER_KEY_FILE": f"{own}.key",
        "IOT_UTILITY_CLOUD_KEY_FILE": str(folder / "cloud.key"),
        "IOT_UTILITY_SOCIETY": SOCIETY,
        "BROKER": f"{HOST}:{port}",
        **({} if clock_is_kept else {"EDGE_AGENT_ASSUME_SYNCHRONISED_CLOCK": "true"}),
    }
    lines = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    return "\n".join([f"export PATH={shlex.quote(str(BIN))}:$PATH", *lines, ""])


def write_private(file: Path, text: str) -> None:
    """Write a file that its owner alone may read; what a killed run left goes."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as target:
        target.write(text)


def serve(folder: Path) -> None:
    """Run both servers until the program is interrupted."""
    with (
        local_postgres(folder / "postgres") as postgres,
        local_mosquitto(
            folder / "mosquitto",
            port=port_in(folder),
            users=LOGINS,
            authority=authority_in(folder),
        ) as broker,
    ):
        text = environment(folder, postgres.dsn, broker.port, clock_is_kept=is_clock_kept())
        write_private(folder / "env", text)
        print(f"A database and a broker run. In another terminal: . {folder / 'env'}")
        print("Ctrl-C ends them; their data stays for the next time.", flush=True)
        signal.pause()


def main(words: Sequence[str]) -> int:
    """Run the sandbox until Ctrl-C.

    Returns:
        2 where a server cannot be run here.
    """
    folder = Path(words[0]).resolve()
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)  # the servers of root run as nobody
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.default_int_handler)
    try:
        serve(folder)
    except LocalServerError as error:
        print(f"make sandbox: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        (folder / "env").unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
