# SPDX-License-Identifier: MIT
"""``cloud-ingest valve-test``: does a flat's water meter stand still with its valve closed?

In: options as a person typed them. Out: a sentence or JSON; the exit code is the verdict. Never: a
decision.
"""

import getpass
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated

import typer

from cloud_ingest.cli.command import Key, signing_key
from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.json_text import json_text
from cloud_ingest.cli.options import Config, Dsn, Json, Serial, Society, Source, opened_store
from cloud_ingest.cli.say import say
from cloud_ingest.core.local_time import zone_name
from cloud_ingest.core.rules.valve import SHORTEST, Shown, least_shown, minutes_to_wait
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.operate.send_command import World
from cloud_ingest.operate.valve_test import valve_test as tested
from shared_schema.catalogue import Service

app = new_group("Whether a flat's water meter stands still with its valve closed.")

MOVES = 1
"""The exit code where the register moved."""


@app.command("valve-test")
def valve_test(
    unit: Annotated[str, typer.Argument(help="The unit, such as A-1204.")],
    *,
    society: Society,
    key: Key = None,
    by: Annotated[
        str | None, typer.Option("--by", help="Who asks [default: the user's login name].")
    ] = None,
    minutes: Annotated[
        int | None,
        typer.Option(
            "--minutes",
            min=SHORTEST.seconds // 60,
            max=720,
            help="Between the two readings [default: until the flow that a flag tells has moved "
            "the register by a step, 10 to 120; 10 without a flag].",
        ),
    ] = None,
    source: Source = None,
    meter: Serial = None,
    as_json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Read a unit's water meter twice while its inner valve is closed: does it stand still?

    Close the valve behind the meter first. The gateway is asked to read the meter now, and again
    after ten minutes, or up to two hours where the leak that a flag tells needs them to move the
    register: the command says how long. Where the register stands still, what ran before runs in
    the flat, behind that valve; where it moves, water leaves before it. Exit code: 0 it stands
    still, 1 it moved, 2 it could not be read.

    Example: cloud-ingest valve-test A-1204 --society "Lake View" --key cloud.key
    """
    with opened_store(dsn, config, cloud_key_file=key) as opened:

        def between(before: Shown, seen_l_per_h: Decimal | None) -> None:
            local = before.at.astimezone(opened.zone)
            at = f"{local:%H:%M:%S} {zone_name(local)}"
            wait = minutes or minutes_to_wait(before.step_litres, seen_l_per_h)
            _tell(
                f"{at}: {before.litres:f} L; reading again in {wait} minutes, in which this "
                f"register shows {least_shown(before.step_litres, timedelta(minutes=wait))} L an "
                "hour or more; keep the valve closed"
            )
            time.sleep(wait * 60)

        world = World(
            key=signing_key(opened.settings),
            by=by or getpass.getuser(),
            now=lambda: datetime.now(UTC),
            pause=time.sleep,
            tell=_tell,
        )
        named = NamedMeter(unit, Service.WATER, source, meter)
        found = tested(opened.conn, society, named, world, between)
    if as_json:
        verdict = {
            "stands_still": found.stands_still,
            "moved_litres": found.moved_litres,
            "unseen_l_per_h": found.unseen_l_per_h,
            "said": found.sentence(unit),
        }
        say(json_text({"unit": unit, **asdict(found), **verdict}))
    else:
        say(found.sentence(unit))
    if not found.stands_still:
        raise typer.Exit(MOVES)


def _tell(text: str) -> None:
    say(text, err=True)
