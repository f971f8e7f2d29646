# SPDX-License-Identifier: MIT
"""``make chaos``: faults of every kind under a steady load, and what is left at the end."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.faults import compiler
from tests.chaos.plan import GAP_S
from tests.chaos.run import Size, play, report


def main(words: list[str]) -> int:
    """Play a run; return 0 where all promises are kept, 1 where not, 2 where it cannot be."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--gateways", type=int, default=4)
    parser.add_argument("--meters", type=int, default=50, help="of each gateway")
    parser.add_argument("--days", type=int, default=31, help="of history when the run begins")
    parser.add_argument("--speed", type=int, default=30, help="of the run's time")
    parser.add_argument("--baud", type=int, default=2400, help="of the lines; 0: no pace")
    parser.add_argument("--gap", type=float, default=GAP_S, help="seconds between two faults")
    told = parser.parse_args(words)
    if compiler() is None:
        print("make chaos needs a C compiler (cc): install gcc or clang", file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="iot-utility-chaos-"))
    folder.chmod(0o755)
    size = Size(
        told.seed,
        told.minutes * 60,
        told.gateways,
        told.meters,
        told.days,
        told.speed,
        told.baud or None,
        told.gap,
    )
    result = play(size, folder, lambda line: print(line, flush=True))
    print("\n".join(report(result)))
    if result.verdict.wrong:
        print(f"its files are in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
