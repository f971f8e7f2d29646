# SPDX-License-Identifier: MIT
"""``python -m shared_schema.verify FILE``: check a proof that ``cloud-ingest prove`` wrote.

It asks nobody: no network, no database, nothing but this package. With ``--trust`` it says whether
the gateway whose fingerprint stands on the commissioning sheet signed it.

In: a file, fingerprints. Out: sentences, and an exit code: 0 everything holds; 1 something does
not; 2 the file is no proof, or cannot be read. Never: a traceback for a bad file.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from shared_schema.errors import ContractError
from shared_schema.proof.check import check
from shared_schema.proof.pack import MAX_PROOF_BYTES, Proof, read_proof
from shared_schema.proof.verdict import is_fingerprint, normal_fingerprint
from shared_schema.proof.words import Language, verdict_lines
from shared_schema.text import visible


class Unreadable(ContractError):
    """The file or a fingerprint cannot be used; the text says why."""


class Asked(NamedTuple):
    """What the command line asks for."""

    file: Path | None
    trust: frozenset[str]
    language: Language
    page: Path | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one file and print the verdict; return the exit code."""
    asked = _parse(arguments)
    try:
        if asked.page is not None:
            return _write_page(asked.page)
        proof = _read(asked.file)
        verdict = check(proof, asked.trust)
        for line in verdict_lines(proof, verdict, asked.trust, asked.language):
            _say(line)
    except ContractError as error:
        sys.stderr.write(visible(f"{asked.file or asked.page}: {error}") + "\n")
        return 2
    return 1 if verdict.state in {"spoilt", "untied"} else 0


def _parse(arguments: Sequence[str] | None) -> Asked:
    parser = argparse.ArgumentParser(
        prog="python -m shared_schema.verify",
        description="Check the proof of a unit's month, without a network and without asking "
        "anybody. The exit code is 0 if everything holds, 1 if something does not, 2 if the file "
        "is no proof.",
    )
    parser.add_argument("file", nargs="?", type=Path, help="what cloud-ingest prove wrote (JSON)")
    parser.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="FINGERPRINT",
        help="of a gateway's key, from its first commissioning sheet: what it leads to is followed",
    )
    parser.add_argument("--language", choices=["en", "hi"], default="en")
    parser.add_argument(
        "--page", type=Path, metavar="FILE", help="write the page that checks in a browser"
    )
    found = parser.parse_args(arguments)
    if (found.file is None) == (found.page is None):
        parser.error("give the file of a proof, or --page and where the page goes")
    trust = frozenset(map(normal_fingerprint, found.trust))
    for each in trust:
        if not is_fingerprint(each):
            parser.error(f"{each[:80]!r} is no fingerprint: it has 64 digits from 0 to f")
    return Asked(found.file, trust, found.language, found.page)


def _read(path: Path | None) -> Proof:
    assert path is not None  # noqa: S101  # `_parse` asks for it
    try:
        with path.open("rb") as file:
            data = file.read(MAX_PROOF_BYTES + 1)
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise Unreadable("is no name of a file") from None
    try:
        return read_proof(data)
    except ContractError as error:
        raise Unreadable(f"this is no proof: {error}") from None


def _write_page(path: Path) -> int:
    page = files("shared_schema").joinpath("verify.html").read_bytes()
    try:
        path.write_bytes(page)
    except OSError as error:
        raise Unreadable(f"cannot be written: {error.strerror}") from None
    _say(f"{path}: open it in a browser; it works without a network")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(visible(line) + "\n")


if __name__ == "__main__":
    if hasattr(signal, "SIGPIPE"):  # as other programs end where their reader leaves (`| head`)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for _stream in (sys.stdout, sys.stderr):
        _stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(main())
