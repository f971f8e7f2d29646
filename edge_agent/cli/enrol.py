# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: D301, PLC0415 - click's \b; imports when needed
"""The commands of an enrolment: ``edge-agent request`` and ``install-cert``.

In: arguments. Out: a request on stdout; files. Never: a private key in any text.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.errors import ConfigurationError

enrol_commands = typer.Typer()

TlsKeyOption = Annotated[
    Path, typer.Option("--tls-key", help="The key of the certificate, mode 0600.")
]

CaOption = Annotated[Path, typer.Option(help="Where the broker's authority goes.")]


@enrol_commands.command()
def request(
    gateway: Annotated[
        str | None, typer.Option(help="The gateway's name [default: the invitation's].")
    ] = None,
    society: Annotated[
        str | None,
        typer.Option(help="The society whose meters it reads [default: the invitation's]."),
    ] = None,
    invitation: Annotated[Path | None, typer.Option(help="What cloud-ingest invite wrote.")] = None,
    key_file: Annotated[
        Path, typer.Option(help="The gateway's signing key, as keygen made it.")
    ] = Path("gateway.key"),
    tls_key: TlsKeyOption = Path("tls.key"),
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Ask for a certificate of a new key.")
    ] = False,
    ca: CaOption = Path("ca.pem"),
    cloud_key_file: Annotated[
        Path, typer.Option(help="With --invitation: where the cloud's public key goes.")
    ] = Path("cloud.pem"),
) -> None:
    """Ask to be enrolled, or for a new certificate.

    \b
    edge-agent request --invitation gw-tower-1.invitation > gw-tower-1.request
    edge-agent request --gateway gw-tower-1 --society 'Lake View' > gw-tower-1.request
    edge-agent request --gateway gw-tower-1 --society 'Lake View' --new-key > gw-tower-1.request

    Makes the key of the certificate where there is none: it never leaves the gateway. The request
    holds no secret. It is signed by the gateway's key, whose fingerprint is shown: the same one
    stands on the commissioning sheet, and the office compares it. An invitation names the gateway
    and its society, and brings the broker's authority and the cloud's public key.
    """
    from edge_agent.install import enrolment

    payload = None
    if invitation is not None:
        said, payload = enrolment.accept_invitation(invitation, ca, cloud_key_file)
        gateway, society = gateway or said.gateway, society or said.society
    if gateway is None or society is None:
        raise ConfigurationError("name the gateway by --gateway and --society, or by --invitation")
    now = datetime.now(UTC)
    made = enrolment.request(
        gateway, society, key_file, tls_key, now, new_key=new_key, invitation=payload
    )
    print(made.text, end="")
    if made.new_key is not None:
        print(f"new key      {made.new_key} (it stays here)", file=sys.stderr)
    print(f"fingerprint  {made.fingerprint}", file=sys.stderr)
    print("The office:  cloud-ingest enrol --request FILE", file=sys.stderr)


@enrol_commands.command("install-cert")
def install_certificate(
    path: Annotated[Path, typer.Argument(help="The file that cloud-ingest enrol wrote.")],
    tls_key: TlsKeyOption = Path("tls.key"),
    cert: Annotated[Path, typer.Option(help="Where the certificate goes.")] = Path("tls.pem"),
    ca: CaOption = Path("ca.pem"),
) -> None:
    """Put a certificate in its place, if it fits.

    \b
    edge-agent install-cert gw-tower-1.cert

    A running agent takes it at its next link; a restart is not needed. The files are those of
    [broker.tls] in agent.toml.
    """
    from edge_agent.install import enrolment

    done = enrolment.install_certificate(path, tls_key, cert, ca, datetime.now(UTC))
    print(f"{done.gateway}: good until {done.expires_at:%Y-%m-%d}")
    print("\n".join(map(str, done.files)))
