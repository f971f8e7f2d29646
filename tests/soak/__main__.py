# SPDX-License-Identifier: MIT
"""``make soak``: a gateway and the cloud's worker for weeks, and whether what they take is flat."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from deploy.demo.postgres import local_postgres
from tests.soak.cloud import CloudSoak
from tests.soak.gateway import KEEP, START, GatewaySoak
from tests.soak.measures import CountingLog, Meter
from tests.soak.verdict import Day, judge, table

LATEST = timedelta(hours=1)
"""What was captured in the last hour may still be read."""

LINE_OBJECTS = 60.0
"""A day and meter: strings that the parser of JSON remembers, 16,384 of them at most."""
CLOUD_OBJECTS = 400.0
"""A day: of the local days of times, of which 10,000 are remembered."""


def main(words: list[str]) -> int:
    """Play the days; return 0 where everything is flat and nothing is missing, else 1."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--meters", type=int, default=30, help="on the line, as RS-485 bears")
    parser.add_argument("--stored", type=int, default=200, help="meters of the cloud")
    told = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="iot-utility-soak-") as folder:
        gateway = GatewaySoak(Path(folder), told.meters)
        print(f"a gateway with {told.meters} meters, {told.days} days", flush=True)
        is_flat = _played(gateway.days(told.days), LINE_OBJECTS * told.meters)
        missing = gateway.store.missing(START + timedelta(days=told.days) - LATEST)
        print(f"rows missing      {missing:9}")
    with (
        tempfile.TemporaryDirectory(prefix="iot-utility-soak-") as folder,
        local_postgres(durable=False) as server,
        closing(CountingLog(Path(folder) / "cloud.log")) as log,
    ):
        print(f"the cloud's worker, {told.stored} meters, {told.days} days", flush=True)
        cloud = CloudSoak(server.dsn_of("postgres"), told.stored)
        is_flat = _played(cloud.days(told.days, Meter(log)), CLOUD_OBJECTS) and is_flat
    return 0 if is_flat and not missing else 1


def _played(played: Iterator[Day], objects: float) -> bool:
    """Print each day as it ends, then the judgement; say whether all is flat."""
    begun, days = time.monotonic(), list[Day]()
    for day in played:
        heading, line = table([day])
        print(line if days else f"{heading}\n{line}", flush=True)
        days.append(day)
    judged = list(judge(days, kept_days=KEEP.days, objects=objects))
    print("\n".join(map(str, judged)))
    print(f"took              {(time.monotonic() - begun) / 60:9.1f} minutes", flush=True)
    return all(each.holds for each in judged)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
