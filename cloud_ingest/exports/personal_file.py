# SPDX-License-Identifier: MIT
"""Everything that is kept of one person: JSON, or a ZIP with tables and photos beside it.

In: a person's data. Out: bytes, with their media type and name. Never: a password. Pure.
"""

import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from cloud_ingest.core.personal_data import OwnReading, Person, UnitMonth
from cloud_ingest.exports.csv_file import csv_line
from cloud_ingest.exports.formats import Format, month_file

DAYS: Final = ("unit", "month", "service", "meter_maker", "meter_serial", "day", "quantity", "of")


class PersonFile(NamedTuple):
    """A file for a person."""

    name: str
    media_type: str
    body: bytes


def person_file(person: Person) -> PersonFile:
    """Write what is kept of a person: a ZIP where there are tables or photos, else JSON."""
    day = person.made_at.date().isoformat()
    body = _json(person)
    photos = [each for each in person.readings if each.jpeg is not None]
    if not person.months and not photos:
        return PersonFile(f"my-data-{day}.json", "application/json", body)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("data.json", body)
        if person.months:
            packed.writestr("months.csv", b"".join(_months(person.months)))
            packed.writestr("days.csv", "".join(_days(person.months)))
        for each in photos:
            packed.writestr(_photo(each), each.jpeg or b"")
    return PersonFile(f"my-data-{day}.zip", "application/zip", written.getvalue())


def _photo(reading: OwnReading) -> str:
    return f"photos/{reading.receipt}.jpg"


def _json(person: Person) -> bytes:
    account = asdict(person.account)
    del account["account_id"]
    told = {
        "schema": "metering.person/1",
        "made_at": person.made_at,
        "account": account,
        "roles": [asdict(each) for each in person.roles],
        "sessions": [asdict(each) for each in person.sessions],
        "identities": [asdict(each) for each in person.identities],
        "access": [asdict(each) for each in person.access],
        "said": [
            {"society": each.society, "table": each.table, "as": each.said_by, **each.said}
            for each in person.acts
        ],
        "readings": [_reading(each) for each in person.readings],
        "links": [asdict(each) for each in person.links],
        "not_told": list(person.not_told),
    }
    return (json.dumps(told, ensure_ascii=False, indent=1, default=_plain) + "\n").encode()


def _reading(reading: OwnReading) -> dict[str, Any]:
    told = asdict(reading)
    del told["submission_id"], told["jpeg"]
    return told | {"photo": None if reading.jpeg is None else _photo(reading)}


def _plain(value: object) -> str:
    match value:
        case datetime():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
        case other:
            return str(other)


def _months(months: Iterable[UnitMonth]) -> Iterator[bytes]:
    """Write one table of all months: the titles once."""
    for number, each in enumerate(months):
        whole = b"".join(month_file(each.month, Format.CSV))
        titles, _, rows = whole.partition(b"\r\n")
        if number == 0:
            yield titles + b"\r\n"
        yield rows


def _days(months: Iterable[UnitMonth]) -> Iterator[str]:
    yield csv_line(DAYS)
    for unit, month, days in months:
        for number in month.numbers:
            for meter in number.meters:
                own = (meter.meter.manufacturer, meter.meter.serial)
                for day, quantity in sorted(days.get(own, {}).items()):
                    row = (unit, month.month, number.service, *own, day.isoformat(), quantity)
                    yield csv_line((*row, number.unit))
