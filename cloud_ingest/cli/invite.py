# SPDX-License-Identifier: MIT
"""``cloud-ingest invite``: the file by which a new gateway knows who it will be.

In: names, where the broker is. Out: an invitation, as a file. Never: a secret in it.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import Config, Dsn, Society, opened_store
from cloud_ingest.cli.say import say
from cloud_ingest.core.typed_text import same_name
from cloud_ingest.errors import UserError
from cloud_ingest.operate import enrolment, invitations
from cloud_ingest.operate.authority import write_pem
from cloud_ingest.operate.keys import read_key
from cloud_ingest.store.gateway_keys import gateway_keys
from cloud_ingest.store.registry import societies

app = new_group()


@app.command("invite")
def invite(
    gateway: Annotated[str, typer.Argument(help="The name that the gateway will have.")],
    *,
    society: Society,
    broker: Annotated[
        str, typer.Option("--broker", help="Where the gateway reaches the broker: HOST:PORT.")
    ],
    tower: Annotated[
        str | None, typer.Option("--tower", help="The tower that it will stand in.")
    ] = None,
    ca: Annotated[Path, typer.Option("--ca", help="Authority of the broker's certificate.")] = Path(
        "authority/authority.pem"
    ),
    key: Annotated[
        Path | None,
        typer.Option("--key", help="The private key that signs [default: cloud_key_file]."),
    ] = None,
    days: Annotated[
        int, typer.Option("--days", min=1, max=365, help="How long a request by it is taken.")
    ] = invitations.DEFAULT_DAYS,
    out: Annotated[
        Path | None, typer.Option("--out", help="Where it goes [default: GATEWAY.invitation].")
    ] = None,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Write the invitation of a new gateway: who it will be, its broker, whom to believe.

    It goes onto the gateway's card (edge-agent image prepare), which then asks to be enrolled by
    itself. It holds no secret and enrols nobody: the request that comes back has a fingerprint,
    which you compare with what the installer reads to you (cloud-ingest enrol).

    Example: cloud-ingest invite gw-tower-1 --society 'Lake View' --broker mqtt.example:8883
    --key cloud.key
    """
    with opened_store(dsn, config, cloud_key_file=key) as opened:
        enrolment.refuse_login(gateway, {each.name for each in opened.settings.broker_login})
        if any(each.signs for each in gateway_keys(opened.conn, gateway)):
            raise UserError(
                f"gateway {gateway} is enrolled already: give the new one another name, or take "
                "the old one's keys back first (cloud-ingest revoke)"
            )
        if opened.settings.cloud_key_file is None:
            raise UserError("no key signs the invitation: give --key, the one that serve has")
        signer = read_key(opened.settings.cloud_key_file)
        guest = invitations.Guest(gateway, same_name(society), tower, broker)
        now = datetime.now(UTC)
        payload = invitations.invite(guest, ca, signer, timedelta(days=days), now)
        is_known = any(name == guest.society for _, name in societies(opened.conn))
    path = out or Path(f"{gateway}.invitation")
    write_pem(path, payload)
    new = "" if is_known else " (new)"
    say(f"{path}: invites {gateway} into {guest.society}{new} for {days} days")
    say(f"On its card:  edge-agent image prepare CARD --invitation {path} …")
