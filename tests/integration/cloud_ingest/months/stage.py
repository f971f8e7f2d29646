# SPDX-License-Identifier: MIT
"""The stage on which a story is played: a society in a store, its persons, and its consumers.

Time only goes on. Rows come an hour after the newest of them, or later; a month is closed five
days after its end, or later. A person acts a minute after what happened before.

In: statements of a story. Out: what the store made of them, compared with what the story expects.
Owns: the clock of the story. Never: a look into a table, except at what was set aside.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from cloud_ingest.core.judgement import RulingKind
from cloud_ingest.core.month import parse_month
from cloud_ingest.entries.dial import compare_dial, import_sheet
from cloud_ingest.entries.epochs import add_epoch
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.named_reading import NamedReading, Word
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.entries.sheet import Sheet
from cloud_ingest.entries.units import Named, take_back
from cloud_ingest.errors import UserError
from cloud_ingest.month.approve import approve_month, reopen_month
from cloud_ingest.month.close import close_month
from cloud_ingest.month.correction import correct_reading
from cloud_ingest.month.decision import SaidOfNumber, decide
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.settings import EstimatesRule
from cloud_ingest.store.commit import commit
from cloud_ingest.store.number_words import NumberKey, WordKind
from shared_schema.billing import Held, MonthlyConsumption
from shared_schema.catalogue import Service
from tests.integration.cloud_ingest.months.story import (
    COLUMNS,
    BadStory,
    Clock,
    Expected,
    Rows,
    Statement,
    course,
    expected,
    options,
    statements,
    statuses,
)
from tests.support import views_agree
from tests.support.gateway import MAKER, block_line
from tests.support.received import Line, Received, read_received
from tests.support.store import SOCIETY, Site

AUTHOR = "treasurer"
MOMENT = timedelta(minutes=1)
HOUR = timedelta(hours=1)
PAYING_DAY = timedelta(days=5)
MOST_ROWS = 1500
"""Of a batch, whose size is bounded."""

_TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?"
_READING = re.compile(rf"(?P<subject>\S+)(?: (?P<value>[\d.]+))? at (?P<at>{_TIME})(?P<rest>.*)")
_ASIDE = re.compile(rf"(?P<serial>\S+) at (?P<at>{_TIME}) reads (?P<raw>\S+) because (?P<rule>\S+)")
_FLAGS = frozenset({"legacy", "forced"})


class Stage:
    """A society, and who acts in it."""

    def __init__(self, site: Site, zone: ZoneInfo, estimates: EstimatesRule = "shown") -> None:
        self.site = site
        self.estimates = estimates
        self.clock = Clock(zone)
        self.now = datetime(2000, 1, 1, tzinfo=UTC)
        self._list: list[str] = []
        self._waiting: list[tuple[str, Rows, str, int, dict[datetime, int]]] = []

    def play(self, story: str) -> None:
        """Do every statement of a story, and hold what is expected against the received."""
        self.act(story)
        faults = list(self._received().faults())
        faults += views_agree.faults(self.site.conn, SOCIETY, self.clock.zone, self.now)
        assert not faults, "\n".join(map(str, faults))

    def act(self, story: str) -> None:
        """Do every statement of a story."""
        for each in statements(story):
            try:
                self._do(each)
            except (AssertionError, UserError, BadStory, ValueError) as error:
                error.add_note(f"line {each.number} of the story: {each.text}")
                raise
        self._settle()

    def _do(self, statement: Statement) -> None:
        if statement.verb == "refused":
            inner = Statement(statement.number, statement.rest, statement.below)
            self._settle()
            with pytest.raises(UserError):
                self._do_at_once(inner)
            self._list.clear()
            return
        if statement.verb != "unit":
            self._import_list()
        if statement.verb != "with":
            self._send_waiting()
        act = getattr(self, "do_" + statement.verb.replace("-", "_"), None)
        if act is None:
            raise BadStory(f"no such statement: {statement.text}")
        act(statement)

    def _do_at_once(self, statement: Statement) -> None:
        self._do(statement)
        self._settle()

    def _settle(self) -> None:
        """Do what waits for the statements beside it."""
        self._import_list()
        self._send_waiting()

    def _received(self) -> Received:
        return read_received(self.site.conn)

    # What the gateway and unit management do.

    def do_now(self, statement: Statement) -> None:
        self.now = max(self.now, self.clock.at(statement.rest))

    def do_unit(self, statement: Statement) -> None:
        subject, _, words = statement.rest.partition(" ")
        said = options(words, _FLAGS)
        is_legacy = "legacy" in said
        fields = (
            said.get("tower", "T1"),
            said.get("kind", "unit"),
            subject,
            said.get("service", "electricity"),
            said.get("source", ""),
            "" if is_legacy else MAKER,
            said.get("meter", ""),
            "yes" if is_legacy else "no",
            said.get("from", "2025-01-01"),
            said.get("to", ""),
            *("", "", ""),
            said.get("invalid-bits", "").replace(",", " "),
            said.get("clock-bits", "").replace(",", " "),
            *("", "", ""),
            said.get("ct-ratio", ""),
            "",
            said.get("counts", ""),
        )
        self._list.append(",".join(fields))

    def _import_list(self) -> None:
        """Import the lines that stand together in the story as one list of units."""
        if self._list:
            self.now += MOMENT
            self.site.units(*self._list, now=self.now)
            self._list.clear()

    def do_take_back(self, statement: Statement) -> None:
        """``take-back A-1 meter 1 from 2026-01-15``."""
        subject, _, words = statement.rest.partition(" ")
        said = options(words)
        named = Named(
            subject,
            Service(said.get("service", "electricity")),
            serial=said.get("meter"),
            since=date.fromisoformat(said["from"]) if "from" in said else None,
        )
        self.now += MOMENT
        take_back(
            self.site.conn, SOCIETY, named, by=AUTHOR, reason="it is so", now=self.now, apply=True
        )

    def do_rows(self, statement: Statement) -> None:
        self.do_with(statement)

    def do_with(self, statement: Statement) -> None:
        serial, _, column = statement.rest.partition(" ")
        rows, period_s = course(statement.below, self.clock)
        said = statuses(statement.below, self.clock, rows)
        self._waiting.append((serial, rows, column or "Wh", period_s, said))

    def _send_waiting(self) -> None:
        """Send what waits for one commit: a batch for each block, because a batch is bounded."""
        if not self._waiting:
            return
        newest = max(at for _, rows, *_ in self._waiting for at, _ in rows)
        self.now = max(self.now + MOMENT, newest + HOUR)
        gateway = self.site.gateway
        batches = [
            gateway.seal(block_line(serial, part, COLUMNS[column], period_s, said))
            for serial, rows, column, period_s, said in self._waiting
            for part in _parts(rows)
        ]
        self._waiting.clear()
        done = commit(self.site.conn, [self.site.verdict(each, self.now) for each in batches])
        assert done.quarantined == 0, f"{done.quarantined} rows went to quarantine"

    def do_rolled_up(self, _statement: Statement) -> None:
        """The service has judged and rolled up what came in; closing does the same."""
        self.now += MOMENT
        refresh(self.site.conn, self.now)

    # What persons do.

    def _reading(self, statement: Statement) -> tuple[re.Match[str], dict[str, str]]:
        found = _READING.fullmatch(statement.rest)
        if found is None:
            raise BadStory(f"names no reading: {statement.text}")
        self.now += MOMENT
        return found, options(found["rest"], _FLAGS)

    def do_self_read(self, statement: Statement) -> None:
        found, said = self._reading(statement)
        self.now = max(self.now, self.clock.at(found["at"]) + MOMENT)
        self_read(
            self.site.conn,
            SOCIETY,
            _meter(found, said),
            value=Decimal(found["value"]),
            at=self.clock.at(found["at"]),
            by=AUTHOR,
            now=self.now,
            force_because="it is right" if "forced" in said else None,
        )

    def do_epoch(self, statement: Statement) -> None:
        found, said = self._reading(statement)
        add_epoch(
            self.site.conn,
            SOCIETY,
            _meter(found, said),
            starts_at=self.clock.at(found["at"]),
            adds=Decimal(said["adds"]),
            reason="it is so",
            by=AUTHOR,
            now=self.now,
        )

    def do_dial(self, statement: Statement) -> None:
        """``dial A-1 12374.760 at 2026-02-01 00:00``: a dial beside its module."""
        found, said = self._reading(statement)
        self.now = max(self.now, self.clock.at(found["at"]) + MOMENT)
        compare_dial(
            self.site.conn,
            SOCIETY,
            _meter(found, said),
            value=Decimal(found["value"]),
            at=self.clock.at(found["at"]),
            by=AUTHOR,
            reason="it is so",
            now=self.now,
        )

    def do_sheet(self, statement: Statement) -> None:
        """``sheet 1 123.400 at 2026-01-01 09:00 register 0.000``: meter 1 was commissioned."""
        found, said = self._reading(statement)
        at = self.clock.at(found["at"])
        self.now = max(self.now, at + MOMENT)
        dial = {"at": at.isoformat(), "dial_m3": found["value"], "register_m3": said["register"]}
        meter = {"manufacturer": MAKER, "serial": found["subject"]}
        document = {
            "gateway": "gw-1",
            "meters": [{"label": "its meter", "dial": dial, "examination": meter}],
        }
        sheet = Sheet.model_validate(document)
        import_sheet(self.site.conn, SOCIETY, sheet, by=AUTHOR, now=self.now)

    def do_set_aside(self, statement: Statement) -> None:
        self._rule(statement, "set_aside")

    def do_restore(self, statement: Statement) -> None:
        self._rule(statement, "restore")

    def do_enter(self, statement: Statement) -> None:
        self._rule(statement, "enter")

    def _rule(self, statement: Statement, kind: RulingKind) -> None:
        found, said = self._reading(statement)
        value = None if found["value"] is None else Decimal(found["value"])
        named = NamedReading(_meter(found, said), self.clock.at(found["at"]), value=value)
        word = Word(kind, AUTHOR, "it is so")
        correct_reading(self.site.conn, SOCIETY, named, word, self.now, apply=True)

    def do_close(self, statement: Statement) -> None:
        span = parse_month(statement.rest, self.clock.zone)
        self.now = max(self.now + MOMENT, span.end + PAYING_DAY)
        close_month(self.site.conn, SOCIETY, statement.rest, self.now, estimates=self.estimates)

    def do_approve(self, statement: Statement) -> None:
        """``approve 2026-01``: as the newest manifest says, whatever it lacks."""
        self.now += MOMENT
        month = parse_month(statement.rest, self.clock.zone)
        conn = self.site.conn
        seen = approve_month(conn, SOCIETY, month, self.now, by=AUTHOR)
        despite = "it is so" if seen.lacks else None
        approve_month(conn, SOCIETY, month, self.now, by=AUTHOR, seen=seen.sha256, despite=despite)

    def do_reopen(self, statement: Statement) -> None:
        self.now += MOMENT
        month = parse_month(statement.rest, self.clock.zone)
        reopen_month(self.site.conn, SOCIETY, month, self.now, by=AUTHOR, reason="it is so")

    def do_approved(self, statement: Statement) -> None:
        """``approved 2026-01 yes``: whether the newest manifest says so."""
        month, said = statement.rest.split()
        approved = self._received().manifests[month].approved
        assert (approved is not None) == (said == "yes"), f"it is {approved}"

    def do_accept(self, statement: Statement) -> None:
        self._decide(statement, "accept")

    def do_keep(self, statement: Statement) -> None:
        self._decide(statement, "keep")

    def _decide(self, statement: Statement, kind: WordKind) -> None:
        wanted = expected(statement.rest)
        self.now += MOMENT
        key = NumberKey(wanted.kind, wanted.subject, wanted.service)
        said = SaidOfNumber(wanted.month, key, kind, AUTHOR, "it is so")
        decide(self.site.conn, SOCIETY, said, self.now, apply=True, estimates=self.estimates)

    # What is expected.

    def do_billed(self, statement: Statement) -> None:
        wanted = expected(statement.rest)
        number = self._received().numbers.get(_line(wanted))
        assert isinstance(number, MonthlyConsumption), f"not billed: {self._told(wanted)}"
        told = replace(
            wanted,
            quantity=number.quantity,
            quality=number.quality,
            reasons=frozenset(number.reasons),
            bounds=number.bounds,
            version=number.version,
            since=number.since,
        )
        assert str(told) == str(wanted), f"it is {told}"

    def do_withheld(self, statement: Statement) -> None:
        wanted = expected(statement.rest)
        received = self._received()
        found = received.withheld(_line(wanted))
        assert found is not None, f"not withheld: {self._told(wanted)}"
        assert received.sent(_line(wanted)) is None, f"it stands: {self._told(wanted)}"
        estimate = found.estimate
        told = replace(
            wanted,
            reasons=frozenset(found.reasons),
            quantity=None if estimate is None else estimate.quantity,
            bounds=None if estimate is None else estimate.bounds,
            method=None if estimate is None or wanted.method is None else estimate.method,
        )
        assert str(told) == str(wanted), f"it is {told}"

    def do_withdrawn(self, statement: Statement) -> None:
        wanted = expected(statement.rest)
        received = self._received()
        number = received.numbers.get(_line(wanted))
        assert number is not None, f"nothing was ever sent: {self._told(wanted)}"
        assert not isinstance(number, MonthlyConsumption), f"it stands: {self._told(wanted)}"
        assert number.version == wanted.version
        named = [entry.subject.id for entry in received.manifests[wanted.month].withdrawn]
        assert wanted.subject in named

    def do_held(self, statement: Statement) -> None:
        wanted = expected(statement.rest)
        found = self._held(wanted)
        assert found is not None, f"no change is held: {self._told(wanted)}"
        told = (found.version, found.quantity)
        assert told == (wanted.version, wanted.quantity), f"it is {told}"
        assert sorted(found.reasons) == sorted(wanted.reasons)

    def do_nothing_held(self, statement: Statement) -> None:
        wanted = expected(statement.rest)
        assert self._held(wanted) is None

    def _held(self, wanted: Expected) -> Held | None:
        own = [
            each
            for each in self._received().manifests[wanted.month].held
            if (each.subject.id, each.service) == (wanted.subject, wanted.service)
        ]
        return own[0] if own else None

    def do_flag(self, statement: Statement) -> None:
        """``flag held_change A-1``: it is open; ``no-flag`` says that it is not."""
        assert self._has_flag(statement), sorted(self._received().flags)

    def do_no_flag(self, statement: Statement) -> None:
        assert not self._has_flag(statement), sorted(self._received().flags)

    def _has_flag(self, statement: Statement) -> bool:
        kind, subject = statement.rest.split()
        return any(
            f"/{kind}/" in topic and f"/{subject}/" in topic for topic in self._received().flags
        )

    def do_nothing(self, statement: Statement) -> None:
        wanted = expected(statement.rest)
        received = self._received()
        assert _line(wanted) not in received.numbers, self._told(wanted)
        assert received.withheld(_line(wanted)) is None, self._told(wanted)

    def do_share(self, statement: Statement) -> None:
        """``share 2026-03 A-1 of 2026-02 26.880 20.000..30.000``."""
        month, subject, _of, *rest = statement.rest.split()
        wanted = expected(" ".join([rest[0], subject, *rest[1:]]))
        number = self._received().sent(_line(expected(f"{month} {subject}")))
        assert number is not None
        (share,) = [each.share for each in number.shares if each.month == wanted.month]
        assert (share.quantity, share.bounds) == (wanted.quantity, wanted.bounds)

    def do_tower(self, statement: Statement) -> None:
        """``tower 2026-01 T1 bulk 100 units 60 common 10 loss 30``: ``none`` is not known."""
        month, tower, *words = statement.rest.split()
        said = options(" ".join(words))
        service = Service(said.pop("service", "electricity"))
        found = self._received().balances[month, tower, service]
        told = {
            "bulk": found.bulk,
            "units": found.units,
            "common": found.common,
            "loss": found.loss,
        }
        wanted = {name: None if it == "none" else Decimal(it) for name, it in said.items()}
        assert {name: told[name] for name in said} == wanted, f"it is {told}"

    def do_unassigned(self, statement: Statement) -> None:
        """``unassigned 2026-01 1 0.010``: what a meter counted for nobody, in all."""
        month, serial, quantity = statement.rest.split()
        gaps = self._received().manifests[month].unassigned
        own = [each.quantity for each in gaps if each.meter.serial == serial]
        assert sum(own, Decimal(0)) == Decimal(quantity), gaps

    def do_aside(self, statement: Statement) -> None:
        """``aside 1 at 2026-02-01 00:00 reads 0 because fall``."""
        found = _ASIDE.fullmatch(statement.rest)
        if found is None:
            raise BadStory(f"names no claim: {statement.text}")
        told = {(serial, at, raw): rule for serial, at, raw, rule in self._verdicts()}
        key = (found["serial"], self.clock.at(found["at"]), int(found["raw"].replace(",", "")))
        assert told.get(key) == found["rule"], told

    def do_only(self, statement: Statement) -> None:
        """``only 1 aside``: so many claims of all meters are set aside, and no more."""
        assert len(self._verdicts()) == int(statement.rest.split()[0]), self._verdicts()

    def _verdicts(self) -> Sequence[tuple[str, datetime, int, str]]:
        return self.site.all(
            "SELECT meter.serial, verdict.ts, verdict.raw, verdict.rule FROM verdict "
            "JOIN channel USING (channel_id) JOIN meter USING (meter_id) "
            "WHERE NOT EXISTS (SELECT FROM reading JOIN ruling USING (channel_id, ts, raw, origin) "
            "  WHERE (channel_id, reading.ts, reading.raw, reading.origin) "
            "  = (verdict.channel_id, verdict.ts, verdict.raw, verdict.origin)) ORDER BY 1, 2, 3"
        )

    def _told(self, wanted: Expected) -> str:
        """Return all that the consumers were told of a number."""
        received = self._received()
        told: list[object] = [received.numbers.get(_line(wanted)), received.withheld(_line(wanted))]
        if wanted.month in received.manifests:
            told.append(self._held(wanted))
        return "; ".join(str(each) for each in told if each is not None) or "nothing"


def _meter(found: re.Match[str], said: dict[str, str]) -> NamedMeter:
    return NamedMeter(
        found["subject"],
        Service(said.get("service", "electricity")),
        source=said.get("source"),
        serial=said.get("meter"),
        subject_type="common" if said.get("kind") == "common" else "unit",
    )


def _line(wanted: Expected) -> Line:
    return Line(wanted.month, wanted.kind, wanted.subject, wanted.service)


def _parts(rows: Rows) -> list[Rows]:
    return [rows[at : at + MOST_ROWS] for at in range(0, len(rows), MOST_ROWS)]
