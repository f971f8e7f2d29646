# SPDX-License-Identifier: MIT
"""``cloud-ingest reading``: readings that were set aside, and how a person puts one right.

In: a label, a time, a word and its reason. Out: what the word changes, a table or JSON.
Never: a decision, a change without ``--yes``.
"""

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.json_text import json_text
from cloud_ingest.cli.options import (
    By,
    Config,
    Dsn,
    Json,
    OfUnit,
    Reason,
    Society,
    Source,
    Subject,
    SubjectType,
    decimal,
    limits_of,
    moment,
    opened_store,
)
from cloud_ingest.cli.reading_text import correction_lines, readings_table
from cloud_ingest.cli.say import say
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.named_reading import NamedReading, Word
from cloud_ingest.entries.reading_list import listed_readings
from cloud_ingest.month.correction import correct_reading
from shared_schema.catalogue import Service

app = new_group("Readings that were set aside, and readings that a person puts right.")

OfService = Annotated[Service, typer.Option("--service", help="What the register counts.")]
At = Annotated[
    str,
    typer.Option(
        "--at", help="Local time of the reading; with seconds where a minute has several."
    ),
]
Value = Annotated[
    str | None,
    typer.Option("--value", help="Which, in kWh or kL, where several readings share a moment."),
]
Meter = Annotated[
    str | None, typer.Option("--meter", help="Serial number, where the unit changed its meter.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Apply it; without it nothing is written.")]

_HAS_SECONDS = re.compile(r"\d\d:\d\d:\d\d")


@app.command("list")
def reading_list(
    *,
    society: Society,
    unit: OfUnit = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """List readings that are set aside or have a rival, breaks, and what persons said of readings.

    Example: cloud-ingest reading list --unit A-1204 --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        found = listed_readings(opened.conn, society, unit)
        zone = opened.zone
    if json:
        for each in found:
            say(json_text(asdict(each)))
    elif found:
        say(readings_table(found, zone))
    else:
        say("no reading is set aside, none has a rival, and no register breaks")


@app.command("set-aside")
def reading_set_aside(
    subject: Subject,
    *,
    society: Society,
    service: OfService,
    at: At,
    value: Value = None,
    by: By,
    reason: Reason,
    yes: Yes = False,
    meter: Meter = None,
    source: Source = None,
    subject_type: SubjectType = "unit",
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Keep a reading from ever being elected; it stays stored.

    Example: cloud-ingest reading set-aside A-1204 --service electricity --at "2026-02-01 00:00"
    --by manager --reason "the display was dark" --society "Lake View"
    """
    named = _Typed(NamedMeter(subject, service, source, meter, subject_type), at, value)
    _correct(society, named, Word("set_aside", by, reason), dsn, config, yes=yes)


@app.command("restore")
def reading_restore(
    subject: Subject,
    *,
    society: Society,
    service: OfService,
    at: At,
    value: Value = None,
    by: By,
    reason: Reason,
    yes: Yes = False,
    meter: Meter = None,
    source: Source = None,
    subject_type: SubjectType = "unit",
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Vouch for a reading: validation sets it aside no more.

    Example: cloud-ingest reading restore A-1204 --service electricity --at "2026-02-01 00:00"
    --by manager --reason "a new meter begins at 0" --society "Lake View"
    """
    named = _Typed(NamedMeter(subject, service, source, meter, subject_type), at, value)
    _correct(society, named, Word("restore", by, reason), dsn, config, yes=yes)


@app.command("enter")
def reading_enter(
    subject: Subject,
    *,
    society: Society,
    service: OfService,
    at: At,
    value: Annotated[
        str, typer.Option("--value", help="What the module's register showed, in kWh or kL.")
    ],
    by: By,
    reason: Reason,
    yes: Yes = False,
    meter: Meter = None,
    source: Source = None,
    subject_type: SubjectType = "unit",
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Enter what a register showed at a moment; it stands above every other reading of it.

    Example: cloud-ingest reading enter A-1204 --service electricity --at "2026-02-01 00:00"
    --value 12374.760 --by manager --reason "photo of the dial" --society "Lake View"
    """
    named = _Typed(NamedMeter(subject, service, source, meter, subject_type), at, value)
    _correct(society, named, Word("enter", by, reason), dsn, config, yes=yes)


@dataclass(frozen=True, slots=True)
class _Typed:
    """A reading as a person typed it."""

    meter: NamedMeter
    at: str
    value: str | None

    def read(self, zone: ZoneInfo) -> NamedReading:
        """Return the reading that is named, in a zone."""
        is_exact = _HAS_SECONDS.search(self.at) is not None
        return NamedReading(
            self.meter,
            moment(self.at, zone).astimezone(UTC),
            within=timedelta(seconds=1 if is_exact else 60),
            value=None if self.value is None else decimal(self.value),
        )


def _correct(
    society: str, named: _Typed, word: Word, dsn: str | None, config: Path | None, *, yes: bool
) -> None:
    with opened_store(dsn, config) as opened:
        found = correct_reading(
            opened.conn,
            society,
            named.read(opened.zone),
            word,
            datetime.now(UTC),
            apply=yes,
            self_read_window=opened.settings.self_read_window(society),
            limits=limits_of(opened.settings),
            estimates=opened.settings.estimates_of(society),
        )
        zone = opened.zone
    for line in correction_lines(found, word.kind, society, zone):
        say(line)
