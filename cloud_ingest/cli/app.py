# SPDX-License-Identifier: MIT
"""The entry point of ``cloud-ingest``.

The bare package is the message contract with its verifier, so that this program may be there
without the libraries that it needs: then it says what to install.

In: arguments. Out: the exit code of the command; one line on stderr and code 2 where a library is
missing, or where an argument or a setting is not UTF-8. Never: an import of a library at its head.
"""

import io
import os
import sys

_EXTRA_OF = {
    **dict.fromkeys(
        (
            *("PIL", "aiomqtt", "paho", "prometheus_client", "psycopg", "python_calamine"),
            *("reportlab", "rich", "typer", "tzdata", "xlsxwriter"),
            *("fastapi", "starlette", "uvicorn"),
            *("argon2", "babel", "jinja2", "multipart", "python_multipart"),
        ),
        "cloud",
    ),
    "authlib": "oidc",
    "pyarrow": "rules",
}
"""Which extra brings a module that the bare package lacks."""


def main() -> None:
    """Run the command line and end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):  # in the locale's encoding, which may be ASCII
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if words := _not_utf8():
        sys.stderr.write(f"cloud-ingest: not UTF-8: {', '.join(words)}: write it in UTF-8\n")
        sys.exit(2)
    try:
        from cloud_ingest.cli.command_line import app  # noqa: PLC0415 - may be missing

        app()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:  # a full disk behind standard output, a file that went away
        where = error.filename or "what it writes to"
        sys.stderr.write(f"cloud-ingest: {error.strerror}: {where}\n")
        sys.exit(2)
    except ModuleNotFoundError as error:
        extra = _EXTRA_OF.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        sys.stderr.write(
            f"cloud-ingest: the package {error.name} is missing: "
            f"pip install '.[{extra}]' in the checkout\n"
        )
        sys.exit(2)
    sys.exit(0)


def _not_utf8() -> list[str]:
    """Name the arguments and the settings whose bytes are no text."""
    named = {f"argument {number}": word for number, word in enumerate(sys.argv[1:], 1)}
    named |= {name: value for name, value in os.environ.items() if name.startswith("IOT_UTILITY_")}
    return [name for name, text in named.items() if not _is_text(text)]


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


if __name__ == "__main__":
    main()
