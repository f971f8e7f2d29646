# SPDX-License-Identifier: MIT
"""The program ``cloud-ingest``, before it needs any library.

`main` sees whether the libraries of the cloud side are installed, then runs `cloud_ingest.cli.app`.
The bare install has the contract with its verifier alone, so that this program may be there
without them.

In: the words of the command line. Out: the exit code of the command; 2 and one line where
libraries are missing. Never: an import of a library at its head.
"""

import sys
from importlib.util import find_spec

LIBRARIES = ("aiomqtt", "psycopg", "pydantic_settings", "rich", "typer")
"""What the extra ``cloud`` brings."""


def main() -> None:
    """Run the command line."""
    if missing := [name for name in LIBRARIES if find_spec(name) is None]:
        sys.stderr.write(
            f"cloud-ingest: without {', '.join(missing)} it cannot run: "
            "install iot-utility[cloud]\n"
        )
        sys.exit(2)
    from cloud_ingest.cli.app import run  # noqa: PLC0415  the libraries are there from here on

    run()


if __name__ == "__main__":
    main()
