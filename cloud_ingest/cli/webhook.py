# SPDX-License-Identifier: MIT
"""``cloud-ingest webhook``: what receivers by HTTP are sent.

In: options as a person typed them. Out: a line, or JSON. Never: a decision.
"""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.json_text import json_text
from cloud_ingest.cli.options import Config, Dsn, Json, Society, moment, opened_store
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import counted
from cloud_ingest.core.month_name import named_month
from cloud_ingest.operate.webhook_again import Wish, send_again

app = new_group("What receivers by HTTP are sent.")


@app.command("resend")
def webhook_resend(
    receiver: Annotated[
        str, typer.Argument(help="Its url in the settings, or its host where it is the only one.")
    ],
    *,
    society: Society,
    month: Annotated[
        str | None,
        typer.Option("--month", help="Of one month, such as 2026-10 or October [default: all]."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Only what was decided from this time on.")
    ] = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Send a webhook the numbers, manifests and balances of months again, byte for byte.

    Example: cloud-ingest webhook resend billing.example --society "Lake View" --month 2026-10
    """
    with opened_store(dsn, config) as opened:
        now, zone = datetime.now(UTC), opened.zone
        wish = Wish(
            society,
            None if month is None else str(named_month(month, zone, now)),
            None if since is None else moment(since, zone),
        )
        queued = send_again(opened.conn, receiver, wish, now)
    say(json_text({"queued": queued}) if json else f"{counted(queued, 'message')} to send.")
