# SPDX-License-Identifier: MIT
"""What rights on data alone cost a commit: the owner's session beside the service's, by edition.

Both commit batches of the same size in turn. The time of the server's own processes is printed
beside the wall clock, which other programs of the machine disturb. A goal of 5 % stands beside.
"""

import statistics
import time
from pathlib import Path

import pytest

from cloud_ingest.store.commit import commit
from cloud_ingest.store.connection import Connection
from tests.support.gateway import block_line
from tests.support.roles import roles_apart
from tests.support.store import QUARTER, Site, every, local, unit_line

METERS = [f"S-{number}" for number in range(100)]
ROUNDS = 200
TICK_MS = 10
START = local("2026-07-01 00:00")


def server_ms(conn: Connection) -> float:
    """Return what the process of a session has computed; 0 where it is on another machine."""
    try:
        stat = Path(f"/proc/{conn.info.backend_pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return 0
    user, system = stat.rpartition(")")[2].split()[11:13]
    return TICK_MS * (int(user) + int(system))


@pytest.mark.parametrize("rows", [1, 10])
def test_a_commit_by_either_role(
    store_server: str, edition: str, tmp_path: Path, *, rows: int
) -> None:
    with (
        roles_apart(store_server) as roles,
        roles.connect(roles.owner) as owner,
        roles.connect(roles.service) as service,
        roles.connect(roles.owner) as sender,
    ):
        site = Site(sender, tmp_path)
        site.units(*(unit_line(f"A-{serial}", serial) for serial in METERS))
        took: dict[Connection, list[float]] = {owner: [], service: []}
        for number in range(2 * ROUNDS):
            begin = START + QUARTER * rows * number
            end = begin + QUARTER * (rows - 1)
            lines = (
                block_line(each, every(begin, end, 1000 + rows * number, 1)) for each in METERS
            )
            accepted = site.verdict(site.gateway.seal(*lines), end + QUARTER)
            conn = (owner, service)[(number + number // 2) % 2]
            began = time.perf_counter()
            assert commit(conn, [accepted]).new == rows * len(METERS)
            took[conn].append(time.perf_counter() - began)
        wall = {conn: 1000 * statistics.median(each) for conn, each in took.items()}
        own = {conn: server_ms(conn) / ROUNDS for conn in took}
    print(
        f"\n{edition}, {rows * len(METERS):,} rows a commit: owner {wall[owner]:.1f} ms, "
        f"service {wall[service]:.1f} ms; the server's own time {own[owner]:.2f} and "
        f"{own[service]:.2f} ms (goal: at most 5 % more)"
    )
