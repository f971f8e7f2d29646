# SPDX-License-Identifier: MIT
"""Whole months with lies through the store: the numbers that billing holds, against the truth.

A history is sent in its commits, and its months are closed somewhere between them and at the end.
What is held then is accepted: what was seen late is put right by a person. The same history is sent
once more, at once and in order, to another society: its numbers, verdicts and borders have to be
the same. How large a lie has to be, `tests.support.lies` says.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings

from cloud_ingest.core.accept import Accepted
from cloud_ingest.month.close import close_month
from cloud_ingest.month.decision import SaidOfNumber, decide
from cloud_ingest.month.waiting import waiting_numbers
from cloud_ingest.store.commit import commit
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.number_words import NumberKey
from shared_schema.billing import MonthlyConsumption
from shared_schema.catalogue import ACTIVE_IMPORT, Service, Unit
from shared_schema.quality import Quality
from shared_schema.readings import Column
from tests.support.gateway import block_line
from tests.support.lies import DEEPER, MONTHS, History, Said, by_scaler, histories
from tests.support.received import Line, Received, read_received
from tests.support.store import SOCIETY, Site, Templates, unit_line

NOW = datetime(2026, 3, 5, tzinfo=UTC)
SERIAL = "1"


def send(site: Site, claims: Sequence[Said], now: datetime) -> None:
    """Send claims in one commit, each moment once in a block."""
    blocks: list[bytes] = []
    for scaler, own in by_scaler(claims).items():
        column = Column(obis=ACTIVE_IMPORT, scaler=scaler, unit=Unit.WATT_HOUR)
        waiting = list(own)
        while waiting:
            now_sent: dict[datetime, int] = {}
            left: list[Said] = []
            for each in waiting:
                if each.at in now_sent:
                    left.append(each)
                else:
                    now_sent[each.at] = each.raw
            rows = sorted(now_sent.items())
            blocks += [
                block_line(SERIAL, rows[n : n + 1500], column) for n in range(0, len(rows), 1500)
            ]
            waiting = left
    verdicts = [site.verdict(site.gateway.seal(block), now) for block in blocks]
    assert all(isinstance(each, Accepted) for each in verdicts)
    commit(site.conn, verdicts)


def close(site: Site, now: datetime) -> None:
    for month in MONTHS:
        close_month(site.conn, SOCIETY, str(month), now)


def accept_all(site: Site, now: datetime) -> None:
    """Accept what is held: of numbers that are doubted nobody knows better."""
    for each in waiting_numbers(site.conn, SOCIETY):
        if each.state == "held":
            key = NumberKey("unit", each.subject, each.service)
            said = SaidOfNumber(each.month, key, "accept", "treasurer", "seen late")
            decide(site.conn, SOCIETY, said, now, apply=True)


def numbers(received: Received) -> list[MonthlyConsumption | None]:
    return [received.sent(Line(str(m), "unit", "A-1", Service.ELECTRICITY)) for m in MONTHS]


def said_of(number: MonthlyConsumption | None) -> tuple[object, ...] | None:
    """What of a number may not hang on the order in which its claims came."""
    if number is None:
        return None
    borders = [(part.opening, part.closing) for part in number.parts]
    return (number.quantity, number.quality, number.reasons, number.bounds, number.since, borders)


def verdicts(site: Site) -> list[tuple[Any, ...]]:
    return site.all(
        "SELECT scaler, ts, raw, rule FROM verdict JOIN channel USING (channel_id) ORDER BY 1, 2, 3"
    )


def faults(history: History, received: Received) -> list[str]:
    found = list(received.faults())
    for n, number in enumerate(numbers(received)):
        if number is None:
            continue
        since = 0 if number.since == str(MONTHS[0]) else n
        truth = sum((history.used(m) for m in range(since, n + 1)), Decimal(0))
        bounds = number.bounds
        lower = number.quantity if bounds is None else bounds.lower
        upper = number.quantity if bounds is None else bounds.upper
        what = f"{MONTHS[n]}: {number.quantity} {number.quality} {number.reasons}"
        if not lower <= truth <= upper:
            found.append(f"{what}: the truth, {truth}, is outside of {lower} to {upper}")
        if number.quality is Quality.VALIDATED and number.quantity != truth:
            found.append(f"{what}: validated, and not the truth, {truth}")
    return found


def played(conn: Connection, folder: Path, history: History, *, at_once: bool) -> Site:
    """Send a history to a society of its own, and close its months."""
    site = Site(conn, folder)
    site.units(unit_line("A-1", SERIAL, since="2025-01-01"))
    if at_once:
        send(site, history.claims, NOW)
        close(site, NOW)
        return site
    now = NOW
    for n, group in enumerate(history.commits):
        now += timedelta(hours=1)
        send(site, [history.claims[at] for at in group], now)
        if n in (0, len(history.commits) - 1):
            close(site, now + timedelta(minutes=1))
    for _ in range(3):
        now += timedelta(hours=1)
        accept_all(site, now)
        close(site, now + timedelta(minutes=1))
    return site


def hold_histories(server: str, templates: Templates, folder: Path, examples: int) -> None:
    @settings(max_examples=examples)
    @given(histories(most_lies=6))
    def hold(history: History) -> None:
        with (
            templates.copy(server) as first,
            templates.copy(server) as second,
            connect(first) as one,
            connect(second) as other,
        ):
            came = played(one, folder, history, at_once=False)
            in_order = played(other, folder, history, at_once=True)
            received, plain = read_received(one), read_received(other)
            assert faults(history, received) == []
            assert faults(history, plain) == []
            assert verdicts(came) == verdicts(in_order)
            assert list(map(said_of, numbers(received))) == list(map(said_of, numbers(plain)))

    hold()


def test_months_with_lies(store_server: str, templates: Templates, tmp_path: Path) -> None:
    hold_histories(store_server, templates, tmp_path, 3 * DEEPER)
