# SPDX-License-Identifier: MIT
"""``cloud-ingest epoch``: registers that turned over or were reset.

In: a label, when its register fell and what it lost. Out: lines that say which months may change.
Never: a decision.
"""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import (
    Config,
    Dsn,
    Society,
    Source,
    Subject,
    SubjectType,
    decimal,
    moment,
    opened_store,
)
from cloud_ingest.cli.published import close_again_lines
from cloud_ingest.cli.say import say
from cloud_ingest.entries.epochs import add_epoch
from cloud_ingest.entries.meter import NamedMeter
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import Service

app = new_group("Registers that fell for a good reason: rollover, reset.")


@app.command("add")
def epoch_add(
    subject: Subject,
    *,
    society: Society,
    service: Annotated[Service, typer.Option("--service", help="What the register counts.")],
    at: Annotated[
        str, typer.Option("--at", help="Local time of the first reading after the fall.")
    ],
    adds: Annotated[
        str,
        typer.Option(
            "--adds",
            help="What the fall hides, in kWh or kL; negative for a jump; 0 takes an entry back.",
        ),
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why: rollover, reset …")],
    by: Annotated[str, typer.Option("--by", help="Who says so.")],
    source: Source = None,
    subject_type: SubjectType = "unit",
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Record that a register turned over or was reset, so that its month can be proved.

    Example: cloud-ingest epoch add A-1204 --service electricity --at "2026-10-10 05:00"
    --adds 1000000 --reason rollover --by caretaker --society "Sunrise Heights"
    """
    with opened_store(dsn, config) as opened:
        done = add_epoch(
            opened.conn,
            society,
            NamedMeter(subject, service, source=source, subject_type=subject_type),
            starts_at=moment(at, opened.zone),
            adds=decimal(adds),
            reason=reason,
            by=by,
            now=datetime.now(UTC),
            self_read_window=opened.settings.self_read_window(society),
        )
    say(
        f"{subject} {service}: meter {done.meter} counts on from {at}; across it "
        f"{done.used:f} {BILLING_UNITS[service]} were used"
    )
    for line in close_again_lines(done.close_again, society):
        say(line)
