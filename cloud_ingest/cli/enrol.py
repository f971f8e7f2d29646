# SPDX-License-Identifier: MIT
"""``cloud-ingest enrol`` and ``revoke``: who may speak for a society, and who no longer.

In: the request that a gateway signed, or a public key; a person's word. Out: a certificate; lines
that say what to do next. Never: a private key in any text.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from cloud_ingest.cli.broker import broker_told
from cloud_ingest.cli.ca import tell_spoiled
from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import (
    Authorities,
    By,
    Config,
    Days,
    Dsn,
    Opened,
    Reason,
    opened_store,
)
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import counted
from cloud_ingest.core.typed_text import same_name
from cloud_ingest.errors import ConfigurationError, UserError
from cloud_ingest.operate import enrolment
from cloud_ingest.operate.authority import Authority, write_pem
from cloud_ingest.operate.enrolment import DEFAULT_DAYS, Request
from cloud_ingest.operate.invitations import invited
from cloud_ingest.operate.keys import read_key
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.registry import societies
from shared_schema.signing import VerifyKey

app = new_group()

KeeperCert = Annotated[
    Path | None,
    typer.Option(
        "--cert", help="The keeper's certificate: the broker is told at once [default: it is not]."
    ),
]
KeeperKey = Annotated[
    Path | None, typer.Option("--cert-key", help="The key of the keeper's certificate (mode 0600).")
]


@app.command("enrol")
def enrol(
    gateway: Annotated[
        str | None, typer.Argument(help="Without a request: its name, for a broker with passwords.")
    ] = None,
    *,
    request_file: Annotated[
        Path | None, typer.Option("--request", help="What `edge-agent request` wrote.")
    ] = None,
    fingerprint: Annotated[
        str | None,
        typer.Option(
            "--fingerprint", help="As its installer or its sheet says it [default: you are asked]."
        ),
    ] = None,
    authority: Authorities = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Where the certificate goes [default: GATEWAY.cert]."),
    ] = None,
    days: Days = DEFAULT_DAYS,
    by: Annotated[
        str | None, typer.Option("--by", help="Who approves the request; kept for ever.")
    ] = None,
    society: Annotated[
        str | None,
        typer.Option(
            "--society", envvar="IOT_UTILITY_SOCIETY", help="Without a request: its society."
        ),
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", help="Without a request: its public key (PEM).")
    ] = None,
    tower: Annotated[
        str | None, typer.Option("--tower", help="The tower that it stands in.")
    ] = None,
    cert: KeeperCert = None,
    cert_key: KeeperKey = None,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Let a gateway speak for a society, and issue its certificate; the same again renews it.

    The gateway makes a request (edge-agent request). Compare the fingerprint that is shown with
    what its installer reads to you, or with its commissioning sheet, once there is one: whose key
    it is, is all that you approve. Then give it the certificate, and tell the broker (cloud-ingest
    broker apply).

    Example: cloud-ingest enrol --request gw-tower-1.request --authority authority --by 'A. Nair'
    """
    with opened_store(dsn, config, broker_cert_file=cert, broker_key_file=cert_key) as opened:
        logins = {each.name for each in opened.settings.broker_login}
        if request_file is None and gateway and society and key:
            enrolment.refuse_login(gateway, logins)
            found = enrolment.enrol_key(opened.conn, gateway, same_name(society), tower, key)
            say(f"{gateway} is enrolled in {society}; compare its fingerprint: {found}")
            return
        if request_file is None or gateway is not None or key is not None:
            raise ConfigurationError(
                "name a gateway by its --request alone; or, for a broker with passwords, by its "
                "name, --society and --key"
            )
        if by is None:
            raise ConfigurationError("--by is missing: who approves the request")
        signer = None if authority is None else Authority.open(authority)
        asked = enrolment.read_request(request_file)
        enrolment.refuse_login(asked.asked.request.gateway, logins)
        renewal = enrolment.is_renewal(opened.conn, asked)
        now = datetime.now(UTC)
        invitation = invited(opened.conn, asked, _cloud_key(opened), now, renewal=renewal)
        tower = tower or (None if invitation is None else invitation.tower)
        _show(opened.conn, asked, tower, renewal=renewal)
        _approve(asked, fingerprint)
        said = enrolment.Approval(tower, timedelta(days=days), by, now)
        issued = enrolment.enrol(opened.conn, asked, signer, said)
        _tell_enrolled(asked, issued, out, renewal=renewal)
        if not renewal:
            _tell_broker(opened, cert, "For the broker")


def _cloud_key(opened: Opened) -> VerifyKey | None:
    path = opened.settings.cloud_key_file
    return None if path is None else read_key(path).public_key()


def _show(conn: Connection, request: Request, tower: str | None, *, renewal: bool) -> None:
    asked = request.asked.request
    is_known = any(name == asked.society for _, name in societies(conn))
    say(f"{request.path}: {'a new certificate' if renewal else 'to be enrolled'}", err=True)
    say(f"  gateway      {asked.gateway}", err=True)
    say(f"  society      {asked.society}{'' if is_known else ' (new)'}", err=True)
    if tower is not None:
        say(f"  tower        {tower}", err=True)
    if asked.invitation is not None:
        say("  invited      yes, by this cloud", err=True)
    say(f"  made at      {asked.made_at:%Y-%m-%d %H:%M %Z}", err=True)
    say(f"  fingerprint  {request.fingerprint}", err=True)


def _approve(request: Request, typed: str | None) -> None:
    """Make sure that a person knows the key."""
    if typed is not None:
        if not request.is_signed_by(typed):
            raise UserError(
                f"{request.path} is signed by another key than --fingerprint names: it may be of "
                "another gateway, or somebody changed it on the way; nothing was enrolled"
            )
        return
    if not sys.stdin.isatty():
        raise ConfigurationError(
            "nobody can be asked here: give --fingerprint, as the gateway's installer or its sheet "
            "says it"
        )
    question = "Does the gateway's installer, or its sheet, say this fingerprint?"
    if not typer.confirm(question, err=True):
        raise UserError("nothing was enrolled")


def _tell_enrolled(
    request: Request, issued: enrolment.Issued | None, out: Path | None, *, renewal: bool
) -> None:
    asked = request.asked.request
    known = f"{asked.gateway} {'was' if renewal else 'is'} enrolled in {asked.society}"
    if issued is None:
        say(f"{known}; no certificate was asked for (--authority)")
        return
    path = out or Path(f"{asked.gateway}.cert")
    write_pem(path, issued.pem)
    say(f"{known}; its certificate is good until {issued.expires_at:%Y-%m-%d}: {path}")
    say(f"On the gateway:  edge-agent install-cert {path.name}")


def _tell_broker(opened: Opened, cert: Path | None, title: str) -> None:
    """Tell the broker, where we have the keeper's certificate; else say how."""
    if cert is None:
        say(f"{title}:  cloud-ingest broker apply --cert keeper.pem --cert-key keeper.key")
    else:
        say("\n".join(broker_told(opened)))


@app.command("revoke")
def revoke(
    gateway: Annotated[str, typer.Argument(help="Its name.")],
    *,
    by: By,
    reason: Reason,
    authority: Authorities = None,
    cert: KeeperCert = None,
    cert_key: KeeperKey = None,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Take a gateway's keys and certificates back: what comes from it from now on is refused.

    What is stored stays, and its proofs hold. What it signed before and did not deliver is refused
    too, since whoever has the key dates it as he likes: the meters are read again by the next
    gateway. To retire a gateway that nobody stole, let it deliver first (edge-agent status).

    Example: cloud-ingest revoke gw-tower-1 --authority authority --by 'A. Nair' --reason stolen
    """
    with opened_store(dsn, config, broker_cert_file=cert, broker_key_file=cert_key) as opened:
        signer = None if authority is None else Authority.open(authority)
        done = enrolment.revoke(
            opened.conn, gateway, signer, by=by, reason=reason, now=datetime.now(UTC)
        )
        if signer is not None:
            tell_spoiled(signer)
        taken = counted(done.keys, "key")
        say(f"{gateway}: {taken} taken back; what they sign is refused from now on")
        if signer is None:
            say(f"Its certificates:  cloud-ingest ca revoke {gateway} --authority FOLDER")
        elif done.certificates:
            say(f"{counted(done.certificates, 'certificate')} added to {signer.revoked}")
            say("For the broker:    install that list, and restart it (docs/howto/broker.md)")
        _tell_broker(opened, cert, "End its link")
