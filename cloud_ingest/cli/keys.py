# SPDX-License-Identifier: MIT
"""``cloud-ingest keygen``: our own key.

In: a path. Out: two files, and lines with the fingerprint. Never: a private key in any text.
"""

from pathlib import Path
from typing import Annotated

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import one_line_errors
from cloud_ingest.cli.say import say
from cloud_ingest.operate import keys

app = new_group()


@app.command("keygen")
def keygen(
    path: Annotated[Path, typer.Argument(help="Where the private key goes.")],
) -> None:
    """Make the key pair that signs receipts and commands.

    Example: cloud-ingest keygen cloud.key
    """
    with one_line_errors():
        pair = keys.make_key_pair(path)
    say(f"Private key: {pair.private} (keep it)")
    say(f"Public key:  {pair.public} (each gateway needs it)")
    say(f"Fingerprint: {pair.fingerprint}")
