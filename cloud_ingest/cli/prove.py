# SPDX-License-Identifier: MIT
"""``cloud-ingest prove``: the proof of a number, as a file to check and a page to read.

In: a label, a service, a closed month. Out: two files, and what to do with them. Never: a decision.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import Config, Dsn, Month, OneUnit, Society, SubjectType, opened_store
from cloud_ingest.cli.private_file import write_private
from cloud_ingest.cli.say import say
from cloud_ingest.core.month_name import named_month
from cloud_ingest.errors import UserError
from cloud_ingest.month.explain import Asked
from cloud_ingest.prove.proof import prove as prove_month
from cloud_ingest.prove.sheet import proof_sheet
from shared_schema.catalogue import Service
from shared_schema.proof.check import check
from shared_schema.proof.pack import Proof, write_proof
from shared_schema.proof.verdict import Verdict, fingerprint_of
from shared_schema.proof.words import Language, headline, signed_text

app = new_group()


@app.command("prove")
def prove(
    *,
    society: Society,
    unit: OneUnit,
    service: Annotated[Service, typer.Option("--service", help="What its meters count.")],
    month: Month,
    subject_type: SubjectType = "unit",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Where the proof goes (.json); the page to read goes beside it (.html) "
            "[default: named after the unit, in this folder].",
        ),
    ] = None,
    language: Annotated[
        Language, typer.Option("--language", help="Of the page: English or Hindi.")
    ] = "en",
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Write the proof of a number: what gateways signed of it, what persons said, how it adds up.

    Example: cloud-ingest prove --unit A-1204 --service water --month 2026-10
    --society "Sunrise Heights" --language hi
    """
    with opened_store(dsn, config) as opened:
        if out is not None and out.suffix != ".json":
            raise UserError(f"{out}: the proof is JSON, and a page goes beside it: name a .json")
        now = datetime.now(UTC)
        span = named_month(month, opened.zone, now)
        proof = prove_month(
            opened.conn,
            Asked(society, str(span), unit, service, subject_type),
            now,
            self_read_window=opened.settings.self_read_window(society),
            estimates=opened.settings.estimates_of(society),
        )
        path = _named(proof) if out is None else out
        verdict = check(proof)
        write_private(path, [write_proof(proof)])
        page = path.with_suffix(".html")
        write_private(page, [proof_sheet(proof, verdict, path.name, language).encode()])
        for line in _told(proof, verdict, path, page):
            say(line)
        if verdict.state == "spoilt":
            raise UserError(
                f"the proof does not hold: python -m shared_schema.verify {path} says what does not"
            )


def _named(proof: Proof) -> Path:
    """Return how a proof is called where nobody says."""
    unit = re.sub(r"[^\w.-]+", "-", proof.subject.id).strip(".-") or proof.subject.type
    return Path(f"proof-{unit}-{proof.service}-{proof.month}.json")


def _told(proof: Proof, verdict: Verdict, path: Path, page: Path) -> Iterator[str]:
    yield f"{path}: the proof, to be checked"
    yield f"{page}: the same, to be read"
    yield ""
    yield headline(verdict)
    yield signed_text(verdict)
    for key in proof.keys:
        yield f"Key {key.key} of {key.gateway}: {fingerprint_of(key)}"
    yield ""
    yield "To check it, offline and without this program's database:"
    yield f"  python -m shared_schema.verify {path} --trust FINGERPRINT"
    yield "or in a browser, with the page that this writes:"
    yield "  python -m shared_schema.verify --page verify.html"
