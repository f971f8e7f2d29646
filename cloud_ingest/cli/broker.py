# SPDX-License-Identifier: MIT
"""``cloud-ingest broker``: which logins the broker has, and telling it of them.

In: options as a person typed them. Out: the file of the broker's plugin, or lines. Never: a
decision.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import (
    BrokerAt,
    BrokerCa,
    BrokerCert,
    BrokerCertKey,
    Config,
    Dsn,
    Opened,
    broker_address,
    opened_store,
)
from cloud_ingest.cli.say import say
from cloud_ingest.errors import ConfigurationError
from cloud_ingest.ingest.broker import broker_from_settings
from cloud_ingest.operate.broker_logins import (
    Difference,
    taken_back,
    tell_broker,
    wanted_logins,
)
from cloud_ingest.store.registry import load_registry
from shared_schema.access import plugin_file

CLIENT_ID = "cloud-ingest-broker"

app = new_group("Who may speak and listen on the broker.")


@app.command("access")
def access(
    path: Annotated[
        Path | None, typer.Option("--out", help="Where the file goes [default: standard output].")
    ] = None,
    *,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Write the broker's logins and what each may, as its plugin reads them at its start.

    Those are the gateways that are enrolled, and the [[broker_login]] of the settings. No secret
    is in it.

    Example: cloud-ingest broker access --out dynamic-security.json
    """
    with opened_store(dsn, config) as opened:
        logins = wanted_logins(opened.settings.broker_login, load_registry(opened.conn).gateways)
        text = json.dumps(plugin_file(logins), indent=1)
        if path is None:
            say(text)
            return
        try:
            path.write_text(f"{text}\n", encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"cannot write {path}: {error.strerror}") from None
    say(f"{path}: {len(logins)} logins; give it to the broker's user and start the broker")


@app.command("apply")
def apply(
    *,
    broker: BrokerAt = None,
    ca: BrokerCa = None,
    cert: BrokerCert = None,
    cert_key: BrokerCertKey = None,
    planned: Annotated[
        bool, typer.Option("--plan", help="Only say what would change; change nothing.")
    ] = False,
    remove: Annotated[
        bool,
        typer.Option(
            "--remove", help="Take logins away that neither the settings nor the store name."
        ),
    ] = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Tell the running broker of logins that are new or changed, and of gateways taken back.

    It takes a login of the role keeper: give its certificate. A login that the settings lack is
    named and stays, unless --remove is given: it may stand in the settings of another machine.

    Example: cloud-ingest broker apply --cert keeper.pem --cert-key keeper.key
    """
    with opened_store(
        dsn,
        config,
        broker_ca_file=ca,
        broker_cert_file=cert,
        broker_key_file=cert_key,
        **broker_address(broker),
    ) as opened:
        lines = broker_told(opened, planned=planned, remove=remove)
    say("\n".join(lines))


def broker_told(opened: Opened, *, planned: bool = False, remove: bool = False) -> list[str]:
    """Tell the broker of the logins of the store and the settings; return what that changed.

    Raises:
        UserError: it takes no commands from us, or refuses one.
        BrokerLost: there is no link, or no answer.
    """
    gateways = load_registry(opened.conn).gateways
    logins = wanted_logins(opened.settings.broker_login, gateways)
    address = broker_from_settings(opened.settings, CLIENT_ID)
    unwanted = None if remove else taken_back(gateways)
    return _lines(tell_broker(address, logins, unwanted, planned=planned), planned=planned)


def _lines(found: Difference, *, planned: bool) -> list[str]:
    told = {"new": found.new, "changed": found.changed, "gone": found.gone}
    lines = [f"{word}: {', '.join(names)}" for word, names in told.items() if names]
    if lines:
        lines.append("Nothing was changed." if planned else "The broker knows them now.")
    else:
        lines = ["The broker knows every login as it should."]
    if found.unnamed:
        names = ", ".join(found.unnamed)
        lines.append(f"kept, though the settings do not name it: {names}; --remove takes it away")
    return lines
