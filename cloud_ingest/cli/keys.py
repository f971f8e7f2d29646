# SPDX-License-Identifier: MIT
"""``cloud-ingest keygen`` and ``enrol``: our key, and the gateways' keys.

In: files of keys. Out: lines with their fingerprints. Never: a private key in any text.
"""

from pathlib import Path
from typing import Annotated

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import Config, Dsn, Society, one_line_errors, opened_store
from cloud_ingest.cli.say import say
from cloud_ingest.operate import keys
from cloud_ingest.store.registry import enrol_gateway

app = new_group()


@app.command("keygen")
def keygen(
    path: Annotated[Path, typer.Argument(help="Where the private key goes.")],
) -> None:
    """Make the key pair that signs receipts and commands.

    Example: cloud-ingest keygen cloud.pem
    """
    with one_line_errors():
        pair = keys.make_key_pair(path)
    say(f"Private key: {pair.private} (keep it)")
    say(f"Public key:  {pair.public} (each gateway needs it)")
    say(f"Fingerprint: {pair.fingerprint} (for the commissioning sheet)")


@app.command("enrol")
def enrol(
    gateway: Annotated[str, typer.Argument(help="Its name: the common name of its certificate.")],
    *,
    society: Society,
    key: Annotated[Path, typer.Option("--key", help="Its public key (PEM).")],
    tower: Annotated[
        str | None, typer.Option("--tower", help="The tower that it stands in.")
    ] = None,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Let a gateway speak for a society; a further key of the same gateway is a rotation.

    Example: cloud-ingest enrol gw-a1 --society "Lake View" --tower A --key gw-a1.pem
    """
    with opened_store(dsn, config) as opened:
        found = enrol_gateway(opened.conn, society, gateway, tower, keys.read_public_key(key))
    say(f"{gateway} is enrolled in {society}; compare its fingerprint: {found}")
