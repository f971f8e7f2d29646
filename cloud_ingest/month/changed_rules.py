# SPDX-License-Identifier: MIT
"""Which rule of validation no longer believes a border of a number that was sent.

In: the messages of numbers, version after version. Out: by number and version, the rule that set a
border of the version before aside. Never: a write.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from cloud_ingest.core.claim import Rule
from cloud_ingest.month.closing import key_of
from cloud_ingest.month.heard import number_key
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.month_changes import SentMessage
from cloud_ingest.store.number_words import NumberKey
from cloud_ingest.store.published import channels_of
from cloud_ingest.store.readings_read import Window, not_elected_in
from shared_schema.billing import BoundaryReading, MeterMonth, billing_exponent


def rules_against(
    conn: Connection, society_id: int, numbers: Sequence[Sequence[SentMessage]]
) -> dict[tuple[NumberKey, int], Rule]:
    """Return by number and version the rule that set a border of the version before aside."""
    moved = [
        (number_key(key_of(now.message)), now.message.version, part, border)
        for own in numbers
        for former, now in pairwise(own)
        for part, border in _gone(former, now)
    ]
    meters = {(part.meter.manufacturer, part.meter.serial) for _, _, part, _ in moved}
    if not meters:
        return {}
    codes = {str(part.obis) for _, _, part, _ in moved}
    channels = channels_of(conn, society_id, meters, codes)
    exponents: dict[int, int] = {}
    windows: list[Window] = []
    of_meter: dict[tuple[str, str, str], list[int]] = {}
    services = {str(part.obis): key.service for key, _, part, _ in moved}
    for each in channels:
        exponent = billing_exponent(services[each.obis], each.unit, each.scaler)
        if exponent is not None:
            exponents[each.channel_id] = exponent
            meter = (each.manufacturer, each.serial, each.obis)
            of_meter.setdefault(meter, []).append(each.channel_id)
    for _, _, part, border in moved:
        windows += [
            Window(channel, border.at, border.at) for channel in of_meter.get(_of(part), ())
        ]
    aside = not_elected_in(conn, windows, exponents)
    found: dict[tuple[NumberKey, int], Rule] = {}
    for key, version, part, border in moved:
        for channel in of_meter.get(_of(part), ()):
            for claim in aside.get(channel, ()):
                if claim.rule is not None and claim.claim.ts == border.at:
                    found[key, version] = claim.rule
    return found


def _gone(former: SentMessage, now: SentMessage) -> Iterator[tuple[MeterMonth, BoundaryReading]]:
    """Give the borders of a version that the next one does not have, each with its meter."""
    if former.number is None:
        return
    kept = {
        (part.meter, border)
        for part in (now.number.parts if now.number else ())
        for border in (part.opening, part.closing)
    }
    for part in former.number.parts:
        for border in (part.opening, part.closing):
            if (part.meter, border) not in kept:
                yield part, border


def _of(part: MeterMonth) -> tuple[str, str, str]:
    return (part.meter.manufacturer, part.meter.serial, str(part.obis))
