# SPDX-License-Identifier: MIT
"""``cloud-ingest ca``: the authority that signs who may connect to the broker.

In: a folder, requests. Out: certificates and the list of the revoked, as files. Never: a decision
about a gateway: ``enrol`` and ``revoke`` have those.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import Days, one_line_errors
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import counted
from cloud_ingest.errors import ConfigurationError
from cloud_ingest.operate.authority import Authority, refuse_names, write_pem, write_tls_key
from cloud_ingest.operate.enrolment import DEFAULT_DAYS
from shared_schema.certificates import PEM, TlsPublicKey, new_tls_key, valid_until
from shared_schema.enrolment import open_certificate_request
from shared_schema.errors import ContractError

app = new_group("The authority that signs who may connect to the broker.")
Folder = Annotated[Path, typer.Option("--authority", help="The folder of the authority.")]


@app.command("init")
def init(
    folder: Annotated[Path, typer.Argument(help="The folder that it is kept in; made if new.")],
    *,
    name: Annotated[
        str, typer.Option("--name", help="What its certificates call it.")
    ] = "Metering authority",
) -> None:
    """Make an authority: its key, its certificate for 20 years, its empty list of the revoked.

    Keep the folder on a machine that is not the broker, and a copy where that cannot burn. Whoever
    has authority.key can make himself any gateway.

    Example: cloud-ingest ca init authority
    """
    with one_line_errors():
        made = Authority.make(folder, name, datetime.now(UTC))
    say(f"{made.folder / 'authority.key'}: signs certificates; it stays here, mode 0600")
    say(f"{made.folder / 'authority.pem'}: for the broker (cafile), and for whoever connects to it")
    say(f"{made.revoked}: for the broker (crlfile)")
    say(f"The broker's own:  cloud-ingest ca issue broker --host NAME --authority {folder}")
    say(f"The ingest's own:  cloud-ingest ca issue ingest --authority {folder}")


@app.command("issue")
def issue(
    login: Annotated[
        str, typer.Argument(help="The common name: ingest, keeper, a consumer, or broker.")
    ],
    *,
    authority: Folder = Path("authority"),
    request: Annotated[
        Path | None,
        typer.Option(
            "--request",
            help="Its certificate request (PEM), made where its key stays [default: the key is "
            "made here].",
        ),
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option("--host", help="Of a server: a name or address that clients connect to."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Where it goes [default: LOGIN.pem].")
    ] = None,
    days: Days = DEFAULT_DAYS,
) -> None:
    """Issue the certificate of a login that is no gateway, or of the broker itself.

    Who it is, you vouch for: whoever has a certificate `ingest` is the ingest. A gateway gets its
    own by cloud-ingest enrol.

    Example: cloud-ingest ca issue billing --request billing.csr
    """
    with one_line_errors():
        signer = Authority.open(authority)
        path = out or Path(f"{login}.pem")
        refuse_names(login, host or ())
        key = _requested(request, login) if request else _made_here(path.with_suffix(".key"))
        made = signer.issue(
            login, key, datetime.now(UTC), timedelta(days=days), hosts=tuple(host or ())
        )
        write_pem(path, made.public_bytes(PEM))
    own = "" if request else f"; its key, mode 0600: {path.with_suffix('.key')}"
    say(f"{login}: good until {valid_until(made):%Y-%m-%d}: {path}{own}")


def _requested(path: Path, login: str) -> TlsPublicKey:
    try:
        return open_certificate_request(path.read_bytes(), login)
    except OSError as error:
        raise ConfigurationError(f"cannot read the request: {error.strerror}: {path}") from None
    except ContractError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def _made_here(path: Path) -> TlsPublicKey:
    key = new_tls_key()
    write_tls_key(path, key)
    return key.public_key()


def tell_spoiled(signer: Authority) -> None:
    """Name the copies that cannot be read: one of them may be of who was taken back."""
    for path in signer.spoiled():
        say(
            f"{path} cannot be read: if it was for this login, put its copy back and do this again",
            err=True,
        )


@app.command("revoke")
def revoke(
    login: Annotated[str, typer.Argument(help="Its common name.")],
    *,
    authority: Folder = Path("authority"),
) -> None:
    """Put every certificate of a login on the list of the revoked.

    The broker reads the list when it starts. Its rights end at once with cloud-ingest broker apply,
    once no setting names it. A gateway also signs batches: cloud-ingest revoke.

    Example: cloud-ingest ca revoke billing
    """
    with one_line_errors():
        signer = Authority.open(authority)
        taken = signer.revoke(login, datetime.now(UTC))
        tell_spoiled(signer)
        if not taken:
            raise ConfigurationError(
                f"{authority} has issued no certificate for {login!r} that is good and not revoked"
            )
    say(f"{login}: {counted(len(taken), 'certificate')} added to {signer.revoked}")
    say("For the broker:  install that list, and restart it (docs/howto/broker.md)")
