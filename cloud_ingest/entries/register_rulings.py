# SPDX-License-Identifier: MIT
"""Which claims of a register a person's word is about, and the word stored beside them.

Claims of one moment are told apart by their value. A value that is entered goes to the channel of
its moment, else to the newest one, else to the finest one that can show it.

In: the claims of a register, a named reading, a word. Out: the moment that the word is about; a
ruling, and the entered reading. Never: a claim that is deleted, a guess between two claims.

Raises: ReadingRefused.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from cloud_ingest.core.judgement import Claims, StoredClaim
from cloud_ingest.core.plausible import in_steps, is_dial_value
from cloud_ingest.entries.advice import local_text
from cloud_ingest.entries.named_reading import NamedReading, Word, shown
from cloud_ingest.errors import ReadingRefused
from cloud_ingest.store.billed_registers import Dial
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.migrate import Store
from cloud_ingest.store.readings_read import (
    newest_channel,
)
from cloud_ingest.store.readings_write import (
    ORIGIN_NUMBERS,
    NewReading,
    store_readings,
)
from cloud_ingest.store.rulings import store_rulings
from shared_schema.billing import BILLING_UNITS
from shared_schema.quality import Origin

MOST_CANDIDATES = 6


@dataclass(frozen=True, slots=True)
class RegisterRulings:
    """Takes words on one register."""

    conn: Connection
    named: NamedReading
    dial: Dial
    store: Store

    @property
    def what(self) -> str:
        """Whose register it is."""
        return f"{self.named.meter.subject} {self.named.meter.service}"

    def rule(self, claims: Claims, word: Word, now: datetime) -> int:
        """Set claims aside or restore them; return the moment."""
        own = self._named(claims)
        last = {each.key: each.kind for each in claims.rulings}
        elected = {claim.key for claim in claims.elected.values()}
        if word.kind == "set_aside":
            open_ = [claim for claim in own if last.get(claim.key) != "set_aside"]
            fault = "was set aside already"
        else:
            open_ = [claim for claim in own if claim.key not in elected] or [
                claim for claim in own if last.get(claim.key) not in {"restore", "enter"}
            ]
            fault = "is elected, and a person vouched for it already"
        if not open_:
            raise ReadingRefused(f"{self._line(own[0])} {fault}")
        values = {shown(self.dial, claim).value for claim in open_}
        if len(values) > 1:
            raise ReadingRefused(
                f"{self.what}: several readings share that moment: give --value, one of "
                + self._candidates(open_)
            )
        store_rulings(self.conn, open_, word.kind, by=word.by, reason=word.reason, now=now)
        return open_[0].ts

    def _named(self, claims: Claims) -> list[StoredClaim]:
        """Return the claims that the person may mean, all of one moment."""
        named = self.named
        every = [*claims.elected.values(), *claims.beside]
        first, last = named.at, named.at + named.within
        own = [claim for claim in every if first.timestamp() <= claim.ts < last.timestamp()]
        if named.value is not None:
            own = [claim for claim in own if shown(self.dial, claim).value == named.value]
        if not own:
            near = sorted(every, key=lambda claim: abs(claim.ts - first.timestamp()))
            candidates = self._candidates(near[:MOST_CANDIDATES])
            told = f"the nearest are {candidates}" if near else "its meter was not read around it"
            value = "" if named.value is None else f" of {named.value:f}"
            raise ReadingRefused(
                f"{self.what}: there is no reading{value} at {self._time(first)}: {told}"
            )
        if len({claim.ts for claim in own}) > 1:
            raise ReadingRefused(
                f"{self.what}: several readings lie in that minute: give --at with its seconds, "
                f"one of {self._candidates(own)}"
            )
        return own

    def enter(self, claims: Claims, word: Word, now: datetime) -> int:
        """Store what a person says that the register showed; return the moment."""
        named, value = self.named, self.named.value
        unit = BILLING_UNITS[named.meter.service]
        if value is None or not is_dial_value(value):
            raise ReadingRefused(f"{self.what}: give --value, what its register showed, in {unit}")
        if named.at > now:
            raise ReadingRefused(f"{self.what}: {self._time(named.at)} has not come yet")
        ts = int(named.at.timestamp())
        channel_id, raw = self._place(claims, ts, value)
        claim = StoredClaim(channel_id, ts, raw, ORIGIN_NUMBERS[Origin.EDIT])
        elected = claims.elected.get(claim.moment)
        if elected is not None and elected.key == claim.key:
            raise ReadingRefused(f"{self._line(claim)} is elected already, as an edit")
        store_readings(
            self.conn,
            [NewReading(channel_id, ts, raw, None, Origin.EDIT)],
            source=f"entered by {word.by}",
            at=now,
        )
        store_rulings(self.conn, [claim], "enter", by=word.by, reason=word.reason, now=now)
        return ts

    def _place(self, claims: Claims, ts: int, value: Decimal) -> tuple[int, int]:
        """Return the channel that takes a value, and its raw integer there."""
        exponents = {channel.channel_id: channel.exponent for channel in self.dial.channels}
        of_moment = [
            claim.channel_id
            for claim in (*claims.elected.values(), *claims.beside)
            if claim.ts == ts
        ]
        newest = newest_channel(self.conn, exponents)
        finest = sorted(exponents, key=lambda channel_id: exponents[channel_id])
        for channel_id in (*of_moment, *([] if newest is None else [newest]), *finest):
            raw = in_steps(value, exponents[channel_id])
            if raw is not None:
                return channel_id, raw
        step = Decimal(1).scaleb(exponents[finest[0]])
        unit = BILLING_UNITS[self.named.meter.service]
        raise ReadingRefused(
            f"{self.what}: the register counts in steps of {step:f} {unit}, {value:f} is finer"
        )

    def _candidates(self, claims: Iterable[StoredClaim]) -> str:
        lines = sorted({(claim.ts, self._claim(claim)) for claim in claims})
        return "; ".join(line for _, line in lines)

    def _claim(self, claim: StoredClaim) -> str:
        each = shown(self.dial, claim)
        unit = BILLING_UNITS[self.named.meter.service]
        return f"{self._time(each.at)} {each.value:f} {unit} ({each.origin.value})"

    def _line(self, claim: StoredClaim) -> str:
        return f"{self.what}: {self._claim(claim)}"

    def _time(self, at: datetime) -> str:
        return local_text(at, self.store.zone)
