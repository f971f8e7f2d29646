# SPDX-License-Identifier: MIT
"""The entry point of ``cloud-ingest``.

The bare package is the message contract with its verifier, so that this program may be there
without the libraries that it needs: then it says what to install.

In: arguments. Out: the exit code of the command; where a library is missing one line on stderr and
code 2. Never: an import of a library at its head.
"""

import contextlib
import sys

_OF_THE_EXTRA = frozenset(
    {"aiomqtt", "paho", "psycopg", "pydantic_settings", "rich", "typer", "tzdata"}
)
"""Modules that only the extra `cloud` brings."""


def main() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        from cloud_ingest.cli.command_line import app  # noqa: PLC0415 - may be missing

        with contextlib.suppress(BrokenPipeError):
            app()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _OF_THE_EXTRA:
            raise
        sys.stderr.write(
            f"cloud-ingest: the package {error.name} is missing: install iot-utility[cloud]\n"
        )
        sys.exit(2)
    sys.exit(0)


if __name__ == "__main__":
    main()
