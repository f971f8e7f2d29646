# SPDX-License-Identifier: MIT
"""What a commit costs as the owner, as the service's role, and with quotas and bindings asked.

All commit batches of the same size in turn. The time of the server's own processes and of this one
is printed beside the wall clock, which other programs of the machine disturb. A goal of 5 % stands
beside.
"""

import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cloud_ingest.core.accept import Accepted
from cloud_ingest.core.quota import DEFAULT_QUOTAS, Quotas
from cloud_ingest.store.bindings import bind_first
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.commit import commit
from cloud_ingest.store.connection import Connection
from tests.support.gateway import block_line
from tests.support.roles import roles_apart
from tests.support.store import QUARTER, Site, every, local, unit_line

METERS = [f"S-{number}" for number in range(100)]
ROUNDS = 200
TICK_MS = 10
START = local("2026-07-01 00:00")


@dataclass
class Session:
    """A way to commit, and what it took."""

    conn: Connection
    quotas: Quotas | None = None
    cache: StoreCache = field(default_factory=StoreCache)
    wall_ms: list[float] = field(default_factory=list)
    own_ms: list[float] = field(default_factory=list)

    def told(self) -> str:
        server = server_ms(self.conn) / len(self.wall_ms)
        return (
            f"{statistics.median(self.wall_ms):5.1f} ms, of it here "
            f"{statistics.mean(self.own_ms):.2f} and in the server {server:.2f}"
        )


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
        roles.connect(roles.service) as bounded,
        roles.connect(roles.owner) as sender,
    ):
        site = Site(sender, tmp_path)
        site.units(*(unit_line(f"A-{serial}", serial) for serial in METERS))
        sessions = {
            "owner": Session(owner),
            "service": Session(service),
            "service, quotas": Session(bounded, DEFAULT_QUOTAS),
        }
        binding_ms: list[float] = []
        for number in range(len(sessions) * ROUNDS):
            begin = START + QUARTER * rows * number
            end = begin + QUARTER * (rows - 1)
            lines = (
                block_line(each, every(begin, end, 1000 + rows * number, 1)) for each in METERS
            )
            accepted = site.verdict(site.gateway.seal(*lines), end + QUARTER)
            assert isinstance(accepted, Accepted)
            each = list(sessions.values())[(number + number // 3) % 3]
            began, own = time.perf_counter(), time.process_time()
            done = commit(each.conn, [accepted], cache=each.cache, quotas=each.quotas)
            each.own_ms.append(1000 * (time.process_time() - own))
            each.wall_ms.append(1000 * (time.perf_counter() - began))
            assert done.new == rows * len(METERS)
            own = time.process_time()
            bind_first(each.conn, [accepted])
            binding_ms.append(1000 * (time.process_time() - own))
        told = "".join(f"\n  {name:16}{each.told()}" for name, each in sessions.items())
    print(
        f"\n{edition}, {rows * len(METERS):,} rows of {len(METERS)} meters a commit (goal: at most "
        f"5 % more):{told}\n  of it bindings  {statistics.mean(binding_ms):.2f} ms here"
    )
