# SPDX-License-Identifier: MIT
"""Makes the gateway's package: ``python -m deploy.edge --architecture arm64 --output dist``."""

import argparse
import re
import shutil
import sys
from pathlib import Path

from deploy.edge.package import TimeUnknown, Wanted, build, epoch_of, version_of
from deploy.edge.shipped import PLATFORMS
from deploy.edge.wheels import WheelsUnavailable


def _version(text: str) -> str:
    """Return a version as Debian takes it, without an epoch: it stands in the file's name."""
    if not re.fullmatch(r"[0-9][A-Za-z0-9.+~-]{0,63}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no version, such as 0.2.0 or 0.2.0~rc1")
    return text


def main() -> None:
    """Make one package, and print its path."""
    parser = argparse.ArgumentParser(prog="python -m deploy.edge", description=__doc__)
    parser.add_argument("--architecture", choices=sorted(PLATFORMS), required=True)
    parser.add_argument(
        "--version", type=_version, help="another version than that of pyproject.toml"
    )
    parser.add_argument("--output", type=Path, default=Path("dist"))
    parser.add_argument("--cache", type=Path, default=Path(".cache/edge-wheels"))
    asked = parser.parse_args()
    if shutil.which("dpkg-deb") is None:
        sys.exit("this machine has no dpkg-deb: sudo apt install dpkg")
    try:
        wanted = Wanted(asked.architecture, asked.version or version_of(), epoch_of())
        asked.output.mkdir(parents=True, exist_ok=True)
        print(build(wanted, asked.output, asked.cache))
    except TimeUnknown as error:
        sys.exit(
            f"git does not tell the time of the last commit: {error}; try: make it as the user "
            "whose checkout this is, or set SOURCE_DATE_EPOCH (seconds since 1970)"
        )
    except WheelsUnavailable as error:
        sys.exit(f"a locked wheel cannot be fetched: {error}; try: connect to a package index")


if __name__ == "__main__":
    main()
