# SPDX-License-Identifier: MIT
"""The pages of a demo that is left running: their address, and a login for each role."""

import socket
from collections.abc import Iterator

from deploy.demo.mosquitto import HOST, free_port
from deploy.demo.programs import Program
from deploy.demo.world import BIN, World

PLAIN_NAME = "Sunrise Heights"
PEOPLE = (
    ("manager", "Anil Kulkarni"),
    ("treasurer", "Asha Rao"),
    ("helpdesk", "Front desk"),
    ("operator", "Ravi Menon"),
    ("resident", "Meera Nair"),
)
START_S = 30.0
RESIDENTS_UNIT = "A-1204"


def open_pages(world: World) -> str:
    """Let one person a role sign in, serve the pages, and say where and how."""
    port = free_port()
    address = f"{HOST}:{port}"
    logins = "\n".join(_let_in(world))
    program = Program(
        "web",
        [str(BIN / "cloud-ingest"), "web", "--address", address, "--dsn", world.dsn],
        world.directory / "web.log",
        world.environment(),
    )
    world.programs[program.name] = program
    program.start()
    world.wait(lambda: _listens(port), START_S, "the pages")
    return f"  pages           http://{address}, where these people sign in:\n{logins}"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _let_in(world: World) -> Iterator[str]:
    society = world.society
    for role, name in PEOPLE:
        login = f"{role}{society.name.removeprefix(PLAIN_NAME).strip()}"
        lives = ["--unit", RESIDENTS_UNIT] if role == "resident" else []
        words = ["people", "add", login, "--name", name, "--role", role, *lives]
        password = world.cloud(*words, "--society", society.name, "--by", "make demo").strip()
        yield f"                  {login:<15} {password}"
