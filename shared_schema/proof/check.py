# SPDX-License-Identifier: MIT
"""The verdict on a proof: each check by name, and what in it is only somebody's word.

Hash and signature come first; nothing is read out of a line for which they do not hold. Then each
signed reading is looked up in its row, the month is counted again from the borders, and what was
counted is held against the number that billing got.

``page_parts/check.js`` is the same in JavaScript, step by step; tests run both on the same files.

In: a `Proof`, fingerprints that are trusted. Out: a `Verdict`. Never: an exception, whatever the
proof says; a float. Pure.
"""

import hashlib
from collections.abc import Iterator, Sequence, Set
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from itertools import combinations

from shared_schema.billing import BILLING_UNITS, billing_exponent
from shared_schema.catalogue import BILLED_REGISTER, Service
from shared_schema.errors import MalformedMessage
from shared_schema.proof.clock import Clock, month_after
from shared_schema.proof.pack import Border, Meter, Part, Proof, Reading
from shared_schema.proof.signatures import Signatures
from shared_schema.proof.signed import SentBorder, SentNumber, SentPart, SignedColumn, SignedMeter
from shared_schema.proof.verdict import Check, Claim, Verdict
from shared_schema.readings import EARLIEST_TS, LATEST_TS
from shared_schema.text import composed

DIGITS = 200
"""An amount has 120 digits at most."""


def check(proof: Proof, trusted: Set[str] = frozenset()) -> Verdict:
    """Check a proof.

    Args:
        proof: It.
        trusted: Fingerprints of gateways' keys, as `normal_fingerprint` gives them; empty: the
            reader has none.
    """
    with localcontext(prec=DIGITS):
        return _Checker(proof, trusted).verdict()


class _Checker:
    """Looks at one proof."""

    def __init__(self, proof: Proof, trusted: Set[str]) -> None:
        self._proof = proof
        self._trusted = trusted
        self._service = Service(proof.service)
        self._sent = number_of(proof)
        self._signatures = Signatures(proof)
        self._channels: dict[tuple[str, str, int, int, int], int] = {}
        """By meter, unit, scaler and weight of signed rows: a register has one channel."""

    def verdict(self) -> Verdict:
        proof = self._proof
        checks = [*self._number_and_parts(), *self._signatures.checks()]
        checks += [
            each
            for path, reading in readings_of(proof)
            for each in self._reading_checks(path, reading)
        ]
        checks += self._count()
        borders = borders_of(proof)
        is_borne = not borders or any(each.signed for each in borders)
        if self._trusted:
            checks += self._signatures.trust(self._trusted, is_borne=is_borne)
        return Verdict(
            checks=tuple(checks),
            claims=tuple(self._claims()),
            signed_borders=sum(each.signed is not None for each in borders),
            borders=len(borders),
            trusted=bool(self._trusted),
            followers=self._signatures.followers(self._trusted),
        )

    def _number_and_parts(self) -> Iterator[Check]:
        proof, sent = self._proof, self._sent
        if proof.state != "published":
            yield Check("number", "", proof.number is None and not proof.parts)
            return
        yield Check("number", "", sent is not None)
        if sent is None:
            return
        whose = (sent.society, sent.month, sent.subject.type, sent.subject.id, sent.service)
        own = (proof.society, proof.month, proof.subject.type, proof.subject.id, proof.service)
        unit = BILLING_UNITS[self._service]
        is_own = (*whose, sent.unit, proof.unit) == (*own, unit, unit)
        yield Check("subject", "", is_own and (sent.since or sent.month) <= sent.month)
        is_whole = len(sent.parts) == len(proof.parts) > 0
        yield Check("parts", "", is_whole and all(map(self._is_of_part, sent.parts, proof.parts)))

    def _is_of_part(self, sent: SentPart, part: Part) -> bool:
        return (
            sent.obis == str(BILLED_REGISTER[self._service])
            and _is_border(sent, sent.opening, part.opening)
            and _is_border(sent, sent.closing, part.closing)
        )

    def _reading_checks(self, path: str, reading: Reading) -> Iterator[Check]:
        column = self._signed_column(reading)
        if reading.signed is not None or reading.unsigned is None:
            yield Check("reading", path, column is not None)
        if self._proof.epochs or Decimal(reading.adds):
            is_so = Decimal(reading.adds) == self._epochs_add(reading)
            yield Check("epochs", path, is_so and self._is_of_channel(reading, column))

    def _is_of_channel(self, reading: Reading, column: SignedColumn | None) -> bool:
        """Say whether a signed reading counts as the others of its register do."""
        if column is None:
            return True
        counted = (*_meter(reading.meter), column.unit, column.scaler, column.weight)
        return self._channels.setdefault(counted, reading.channel) == reading.channel

    def _signed_column(self, reading: Reading) -> SignedColumn | None:
        """Return by what a reading counts, if it is what its row says."""
        place = reading.signed
        block = None if place is None else self._signatures.blocks.get((place.batch, place.block))
        if (
            place is None
            or block is None
            or reading.unsigned is not None
            or reading.origin != "meter"
        ):
            return None
        if place.row >= len(block.rows) or place.column >= len(block.columns):
            return None
        row, column = block.rows[place.row], block.columns[place.column]
        if len(row) != 2 + len(block.columns):
            return None
        ts, raw = row[0], row[2 + place.column]
        exponent = billing_exponent(self._service, column.unit, column.scaler)
        if exponent is None or raw is None or ts is None or not EARLIEST_TS <= ts < LATEST_TS:
            return None
        holds = (
            _meter(block.meter) == _meter(reading.meter)
            and (column.obis, column.attribute) == (reading.obis, 2)
            and reading.at == f"{datetime.fromtimestamp(ts, UTC):%Y-%m-%dT%H:%M:%SZ}"
            and abs(raw) < 2**63
            and Decimal(reading.register_value) == Decimal(raw).scaleb(exponent)
        )
        return column if holds else None

    def _epochs_add(self, reading: Reading) -> Decimal:
        """Return what the epochs of a reading's channel add to it."""
        known = [
            each
            for each in self._proof.epochs
            if each.channel == reading.channel and _order(each.starts_at) <= _order(reading.at)
        ]
        last = max(known, key=lambda each: _order(each.starts_at), default=None)
        return Decimal(0) if last is None else Decimal(last.adds)

    def _count(self) -> Iterator[Check]:
        """Count the month again."""
        sent = self._sent
        if sent is None or len(sent.parts) != len(self._proof.parts):
            return
        total = Decimal(0)
        for index, (part, said) in enumerate(zip(self._proof.parts, sent.parts, strict=True)):
            counted = _whole(part.closing) - _whole(part.opening)
            is_so = counted == Decimal(said.quantity) and counted >= 0
            yield Check("difference", f"parts.{index}", is_so)
            for side, border in (("opening", part.opening), ("closing", part.closing)):
                if border.origin == "estimate":
                    yield Check("placed", f"parts.{index}.{side}", _lies_between(border))
            total += Decimal(said.quantity)
        if len(self._proof.parts) > 1:
            yield Check("apart", "", _are_apart(self._proof.parts))
        yield Check("sum", "", total == Decimal(sent.quantity))
        if sent.bounds is not None:
            low, high = Decimal(sent.bounds.lower), Decimal(sent.bounds.upper)
            yield Check("bounds", "", low <= Decimal(sent.quantity) <= high)

    def _is_at_border(self, side: str, border: Border) -> bool:
        """Say whether a reading is of the 00:00 with which the month begins or ends."""
        sent, month = self._sent, self._proof.month
        first = month if sent is None or sent.since is None else sent.since
        wanted = first if side == "opening" else month_after(month)
        return Clock(self._proof.zone).is_first_of(wanted, border.at)

    def _claims(self) -> Iterator[Claim]:
        proof = self._proof
        if proof.number is None:
            yield Claim("no_number", "")
        if proof.held is not None:
            yield Claim("held", "")
        for index, part in enumerate(proof.parts):
            for side, border in (("opening", part.opening), ("closing", part.closing)):
                path = f"parts.{index}.{side}"
                if border.origin != "meter":
                    yield Claim(border.origin, path)
                elif border.signed is None:
                    yield Claim("unsigned", path)
                if not self._is_at_border(side, border):
                    yield Claim("beside", path)
        for index in range(len(proof.epochs)):
            yield Claim("epoch", f"epochs.{index}")
        for index, key in enumerate(proof.keys):
            if key.revoked_at is not None:
                yield Claim("revoked", f"keys.{index}")


def _are_apart(parts: Sequence[Part]) -> bool:
    """Say whether no meter is counted twice at the same time."""
    return not any(
        _meter(one.opening.meter) == _meter(other.opening.meter)
        and _order(one.opening.at) < _order(other.closing.at)
        and _order(other.opening.at) < _order(one.closing.at)
        for one, other in combinations(parts, 2)
    )


def number_of(proof: Proof) -> SentNumber | None:
    """Return the number that billing got, if its line is the one that its hash names."""
    number = proof.number
    if number is None or hashlib.sha256(number.message.encode()).hexdigest() != number.sha256:
        return None
    try:
        return SentNumber.read(number.message)
    except MalformedMessage:
        return None


def borders_of(proof: Proof) -> list[Border]:
    """Return the readings between which the number was counted."""
    return [border for part in proof.parts for border in (part.opening, part.closing)]


def readings_of(proof: Proof) -> Iterator[tuple[str, Reading]]:
    """Give every reading of a proof, with its place."""
    for index, part in enumerate(proof.parts):
        for side, border in (("opening", part.opening), ("closing", part.closing)):
            path = f"parts.{index}.{side}"
            yield path, border
            for name, beside in (("before", border.before), ("after", border.after)):
                if beside is not None:
                    yield f"{path}.{name}", beside
    for index, reading in enumerate(proof.others):
        yield f"others.{index}", reading


def _is_border(sent: SentPart, said: SentBorder, border: Border) -> bool:
    return (
        sent.meter.manufacturer == border.meter.manufacturer
        and sent.meter.serial == border.meter.serial
        and sent.obis == border.obis
        and (said.at, said.origin) == (border.at, border.origin)
        and Decimal(said.register_value) == Decimal(border.register_value)
    )


def _lies_between(border: Border) -> bool:
    """Say whether a placed border lies between the readings that are shown beside it."""
    before, after = border.before, border.after
    value, at = _whole(border), _order(border.at)
    is_behind = before is None or (_whole(before) <= value and _order(before.at) <= at)
    is_ahead = after is None or (value <= _whole(after) and at <= _order(after.at))
    return is_behind and is_ahead


def _whole(reading: Reading) -> Decimal:
    """Return what the register would say had it never turned over."""
    return Decimal(reading.register_value) + Decimal(reading.adds)


def _order(moment: str) -> str:
    return moment.removesuffix("Z")


def _meter(meter: Meter | SignedMeter) -> tuple[str, str]:
    """Return a meter in the one spelling by which it is told from others."""
    return composed(meter.manufacturer), composed(meter.serial)
