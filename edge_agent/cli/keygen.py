# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: D301, PLC0415 - click's \b; imports when needed
"""The command ``edge-agent keygen``: a new signing key and its public half.

In: a path. Out: two files; their names and the fingerprint, as text or JSON.
Never: a key overwritten; one file without the other.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.cli.options import JsonOption

key_commands = typer.Typer()


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was made."""

    key_file: str
    public_key_file: str
    key: str
    """Its key id, as the headers of batches name it."""
    fingerprint: str


@key_commands.command()
def keygen(
    path: Annotated[Path, typer.Argument(help="Where the private key goes.")],
    as_json: JsonOption = False,
) -> None:
    """Make the gateway's signing key, print its fingerprint.

    \b
    edge-agent keygen /etc/edge-agent/gateway.key

    Writes the private key (mode 0600) and, beside it, the public key with .pub at its end:
    that one is given to the cloud. A key that is there already is never overwritten.
    """
    made = make_key(path)
    if as_json:
        print(json.dumps(asdict(made)))
    else:
        print(f"private key  {made.key_file}\npublic key   {made.public_key_file}")
        print(f"fingerprint  {made.fingerprint}")


def make_key(path: Path) -> NewKey:
    """Write a new private key and, beside it, its public half.

    Raises:
        ConfigurationError: a file is there already, or cannot be written; none is left behind.
    """
    from edge_agent.errors import ConfigurationError
    from edge_agent.secret_files import write_new
    from shared_schema.signing import (
        fingerprint,
        generate_key,
        key_id,
        private_key_to_pem,
        public_key_to_pem,
    )

    if not path.name:
        raise ConfigurationError(f"{path} is a folder: name the file that the key goes to")
    key = generate_key()
    public = path.with_name(path.name + ".pub")
    write_new(
        (path, private_key_to_pem(key), 0o600),
        (public, public_key_to_pem(key.public_key()), 0o644),
    )
    return NewKey(str(path), str(public), key_id(key.public_key()), fingerprint(key.public_key()))
