# SPDX-License-Identifier: MIT
"""The explanation of a number, as values: where it comes from, what was not taken, what changed it.

In: what `cloud_ingest.month.explain` has read. Out: frozen values for a page, a terminal or JSON.
Never: a sentence: the surface words them. Pure.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import PlainSerializer

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.border import Why
from cloud_ingest.core.claim import Rule
from cloud_ingest.core.dial_check import Disagreement
from cloud_ingest.core.unit_meter import Side as TransformerSide
from cloud_ingest.month.published import ShownNumber
from cloud_ingest.month.report import Delivery
from cloud_ingest.store.explained import EntryKind
from cloud_ingest.store.witness_reads import WitnessRead
from shared_schema.billing import BoundaryReading, Bounds, Estimate, EstimateMethod
from shared_schema.catalogue import Service
from shared_schema.message import DecimalText, MeterId
from shared_schema.quality import Origin, Quality, Reason

Side = Literal["opening", "closing"]
MeterText = Annotated[MeterId, PlainSerializer(str, return_type=str, when_used="json")]
"""A meter, written as its maker and serial number in one text."""


@dataclass(frozen=True, slots=True)
class Word:
    """Who said something, why and when."""

    by: str
    why: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """What a register said at a moment, and what a person said of it."""

    at: datetime
    value: DecimalText
    origin: Origin
    word: Word | None = None


@dataclass(frozen=True, slots=True)
class NotTaken:
    """A reading near a border that does not stand for it, and why."""

    reading: Told
    why: Why
    rule: Rule | None


@dataclass(frozen=True, slots=True)
class ExplainedBorder:
    """What stands for one border of a meter's month."""

    at: datetime
    taken: Told | None
    """None: nothing does."""
    low: DecimalText | None
    """The register at the border lies from here, its epochs counted in; None: nothing bounds it."""
    high: DecimalText | None
    reasons: tuple[Reason, ...]
    placed_by: EstimateMethod | None
    before: Told | None
    """The last sound reading at or before the border."""
    after: Told | None
    not_taken: tuple[NotTaken, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a person entered of a meter."""

    kind: EntryKind
    meter: MeterText
    at: datetime
    """The moment of which it is."""
    until: datetime | None
    value: DecimalText | None
    """What the register or the dial said; of an epoch what it adds from then on."""
    subject: str | None
    """Of an assignment: whom the meter serves."""
    word: Word


@dataclass(frozen=True, slots=True)
class Break:
    """Where the register left its course for good, and nobody has explained it."""

    before: datetime
    after: datetime
    reason: Reason
    is_rescaled: bool
    """The readings behind it count by another scaler."""
    values: tuple[DecimalText, DecimalText] | None
    """What the register said on both sides; None: it is not known."""


@dataclass(frozen=True, slots=True)
class BehindTransformers:
    """Which transformers hang before a meter, and which side its register counts."""

    ratio: DecimalText
    counts: TransformerSide


@dataclass(frozen=True, slots=True)
class ExplainedMeter:
    """What one meter counts for the subject as it is known now."""

    meter: MeterText
    source: str
    tower: str | None
    valid_from: datetime
    valid_to: datetime | None
    begin: ExplainedBorder | None
    end: ExplainedBorder | None
    quantity: DecimalText | None
    doubted: DecimalText | None
    """The quantity that was taken away, because it is disproved."""
    lower: DecimalText | None
    upper: DecimalText | None
    reasons: tuple[Reason, ...]
    breaks: tuple[Break, ...]
    against: Disagreement | None
    """What dials say against its register; None: nothing."""
    entries: tuple[Entry, ...]
    transformers: BehindTransformers | None = None
    """What hangs before it, by the list of units; None: nothing is known of any."""


@dataclass(frozen=True, slots=True)
class BorderChange:
    """A border that another version takes elsewhere."""

    meter: MeterText
    side: Side
    before: BoundaryReading | None
    """None: the version before does not have the meter, or stood for nothing."""
    after: BoundaryReading | None


@dataclass(frozen=True, slots=True)
class BilledMeter:
    """What one meter counted in the number that stands, between the borders that were billed."""

    meter: MeterText
    source: str
    opening: BoundaryReading
    closing: BoundaryReading
    quantity: DecimalText


@dataclass(frozen=True, slots=True)
class NumberWord:
    """What a person said of a quantity: it is right, or what was published stands."""

    kind: Literal["accept", "keep"]
    quantity: DecimalText | None
    word: Word


@dataclass(frozen=True, slots=True)
class Version:
    """One message that was sent of a number, and what changed since the one before."""

    version: int
    at: datetime
    quantity: DecimalText | None
    """None: it takes the number back."""
    quality: Quality | None
    reasons: tuple[Reason, ...]
    bounds: Bounds | None
    since: str | None
    delivery: Delivery
    changes: tuple[BorderChange, ...]
    entries: tuple[Entry, ...]
    """What persons entered between the version before and this one."""
    words: tuple[NumberWord, ...]
    """What persons said of the quantity."""


@dataclass(frozen=True, slots=True)
class Now:
    """What closing the month now would give."""

    quantity: DecimalText | None
    """None: it would be withheld."""
    bounds: Bounds | None
    since: str | None
    """The first month that it would cover."""
    estimate: Estimate | None
    """What it probably is, where it would be withheld."""
    reasons: tuple[Reason, ...]
    agrees: bool
    """It is what was published; of an open month always."""
    entries: tuple[Entry, ...]
    """What persons entered since the last version was sent."""
    apart: DecimalText | None = None
    """By how much it is more than what was billed; None: one of the two is no number."""
    changes: tuple[BorderChange, ...] = ()
    """The borders that are others than those that were billed."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where one subject's month of one service comes from."""

    society: str
    month: str
    subject_type: SubjectKind
    subject: str
    service: Service
    unit: str
    closed_at: datetime | None
    """None: the month is open."""
    number: ShownNumber | None
    """As it was published; None: the month is open, or says nothing of the subject."""
    versions: tuple[Version, ...]
    meters: tuple[ExplainedMeter, ...]
    now: Now | None
    """None: its readings are gone."""
    words: tuple[NumberWord, ...]
    """What persons said of its quantity."""
    billed: tuple[BilledMeter, ...] = ()
    """What stands with billing; empty: nothing does."""
    waits_for: tuple[str, ...] = ()
    """Other months, of which a held or kept change has to be decided first."""
    witnessed: tuple[WitnessRead, ...] = ()
    """What its dial showed before witnesses, from the month's beginning on."""

    @property
    def is_kept(self) -> bool:
        """Whether the newest word keeps what was published from what it would be now."""
        last, now = next(reversed(self.words), None), self.now
        return (
            last is not None
            and last.kind == "keep"
            and now is not None
            and last.quantity == now.quantity
        )
