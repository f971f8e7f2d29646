# SPDX-License-Identifier: MIT
"""Make ``shared_schema/verify.html``: the check of a proof as one file for a browser.

The page loads nothing and sends nothing: its policy lets run the one script and the one style whose
hashes it names, and nothing else.

Run as ``python -m shared_schema.proof.page shared_schema/verify.html``; a test holds the file
against its parts.
"""

import base64
import hashlib
import json
import sys
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel

from shared_schema.billing import BILLING_EXPONENTS, BILLING_UNITS, MAX_SCALER
from shared_schema.catalogue import BILLED_REGISTER
from shared_schema.proof.pack import MAX_PROOF_BYTES, Proof
from shared_schema.proof.signed import (
    SentNumber,
    SignatureOf,
    SignedBlock,
    SignedHeader,
    SignedKeyChange,
)
from shared_schema.readings import EARLIEST_TS, LATEST_TS

MODELS: tuple[type[BaseModel], ...] = (
    Proof,
    SentNumber,
    SignatureOf,
    SignedBlock,
    SignedHeader,
    SignedKeyChange,
)
_PARTS = ("json.js", "clock.js", "succession.js", "check.js", "words.js")


def script() -> str:
    """Return what checks a proof and words the verdict, without the page around it."""
    constants = {
        "SCHEMAS": {model.__name__: model.model_json_schema() for model in MODELS},
        "WORDS": json.loads(_part("words.json", "")),
        "MAX_PROOF_BYTES": MAX_PROOF_BYTES,
        "BILLED": {service: str(obis) for service, obis in BILLED_REGISTER.items()},
        "UNITS": BILLING_UNITS,
        "EXPONENTS": {
            f"{service} {unit:d}": exponent
            for (service, unit), exponent in BILLING_EXPONENTS.items()
        },
        "MAX_SCALER": MAX_SCALER,
        "EARLIEST_TS": EARLIEST_TS,
        "LATEST_TS": LATEST_TS,
    }
    data = [f"const {name} = {_literal(value)};" for name, value in constants.items()]
    return "\n".join([*data, *map(_part, _PARTS)])


def page() -> str:
    """Return the whole page."""
    code, style = f"\n{script()}\n{_part('view.js')}", f"\n{_part('page.css')}"
    policy = (
        f"default-src 'none'; script-src '{source_hash(code)}'; style-src '{source_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    found = _part("page.html")
    for name, text in (("policy", policy), ("style", style), ("script", code)):
        found = found.replace(f"{{{{{name}}}}}", text)
    return found


def source_hash(text: str) -> str:
    """Return by what a page's policy names a script or a style that stands in it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _part(name: str, folder: str = "page_parts") -> str:
    return files("shared_schema.proof").joinpath(folder, name).read_text("utf-8")


def _literal(value: object) -> str:
    """Write a value for a script in a page: nothing in it ends the script."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
