# SPDX-License-Identifier: MIT
"""``make soak``: a gateway for weeks of full load, and whether what it takes stays flat."""

import argparse
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from tests.soak.gateway import KEEP, START, GatewaySoak
from tests.soak.verdict import Day, judge, table

LATEST = timedelta(hours=1)
"""What was captured in the last hour may still be read."""


def main(words: list[str]) -> int:
    """Play the days; return 0 where everything is flat and nothing is missing, else 1."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--meters", type=int, default=30, help="on the line, as RS-485 bears")
    told = parser.parse_args(words)
    begun, days = time.monotonic(), list[Day]()
    with tempfile.TemporaryDirectory(prefix="iot-utility-soak-") as folder:
        soak = GatewaySoak(Path(folder), told.meters)
        print(f"soak: a gateway with {told.meters} meters, {told.days} days", flush=True)
        for day in soak.days(told.days):
            days.append(day)
            heading, line = table([day])
            print(line if len(days) > 1 else f"{heading}\n{line}", flush=True)
    judged = list(judge(days, kept_days=KEEP.days))
    missing = soak.store.missing(START + timedelta(days=told.days) - LATEST)
    print("\n".join(map(str, judged)))
    print(f"rows missing      {missing:9}")
    print(f"took              {(time.monotonic() - begun) / 60:9.1f} minutes")
    return 0 if all(each.holds for each in judged) and not missing else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
