# SPDX-License-Identifier: MIT
"""A person's word on a number of a closed month: accept a quantity, or keep what was published.

What waits is listed by the closing (`month.doubts`). The word is bound to the quantities that the
person saw: if somebody closed the month meanwhile and it gives another one, it is refused. A change
that was kept out may be accepted after all. Changes that go together, those of subjects that had
one meter, take the same word. With the word the month is closed again in the same transaction, so
that what is shown is what is sent; if it is only shown, all is rolled back.

In: a subject, a month, a word, by whom and why. Out: what waits; what a word sends, with its
version, and what it does to towers. Never: a quantity that the meters did not give.

Raises: NumberRefused, NotFound, CloseRefused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from cloud_ingest.core.border import SELF_READ_WINDOW
from cloud_ingest.core.door import USUAL_LIMITS, Limits
from cloud_ingest.core.month import month_before, parse_month
from cloud_ingest.core.typed_text import remark
from cloud_ingest.errors import NotFound, NumberRefused
from cloud_ingest.month.close import Closed, close_again
from cloud_ingest.month.closed_again import ChangedBalance
from cloud_ingest.month.closing import Closing, quiet
from cloud_ingest.month.count import Progress
from cloud_ingest.month.waiting import Quantities, Waiting, quantities_text, waiting_of
from cloud_ingest.month.word_effects import Losses, SentNumber, sent_numbers
from cloud_ingest.settings import EstimatesRule
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.manifests import manifest_of
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.month_locks import lock_of
from cloud_ingest.store.number_words import (
    Doubt,
    DoubtKind,
    NumberKey,
    NumberWord,
    WordKind,
    add_word,
    doubts,
)
from cloud_ingest.store.registry import find_society
from shared_schema.billing import (
    BILLING_UNITS,
    BillingManifest,
    ManifestEntry,
    Withheld,
)
from shared_schema.quality import Reason

_ADVICE: Final = {
    Reason.REGISTER_DROP: "say why the register fell: cloud-ingest epoch add",
    Reason.NO_OPENING: "enter the register: cloud-ingest reading enter, or self-read",
    Reason.NO_CLOSING: "enter the register: cloud-ingest reading enter, or self-read",
    Reason.SCALER: "say where its scaler or pulse weight changed: cloud-ingest epoch add",
}

_NOT_TO_KEEP: Final[Mapping[DoubtKind, str]] = {
    "doubted": "nothing of it was published that could stand: accept it, or put the reading right",
    "kept": "what was published stands already: cloud-ingest explain",
}


@dataclass(frozen=True, slots=True)
class SaidOfNumber:
    """A word on a number, as a person gave it."""

    month: str
    key: NumberKey
    kind: WordKind
    by: str
    reason: str
    saw: Quantities | None = None
    """What that person saw that it would become, and those that go with it; None: not said."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a word on a number does."""

    decided: tuple[Waiting, ...]
    """The number itself, and those that go with it."""
    kind: WordKind
    is_applied: bool
    sent: tuple[SentNumber, ...]
    balances: tuple[ChangedBalance, ...]


@translating
def decide(
    conn: Connection,
    society: str,
    said: SaidOfNumber,
    now: datetime,
    *,
    apply: bool,
    self_read_window: timedelta = SELF_READ_WINDOW,
    limits: Limits = USUAL_LIMITS,
    estimates: EstimatesRule = "shown",
    progress: Progress = quiet,
) -> Decision:
    """Show what a word on a number sends, and say it where that is asked.

    Args:
        conn: The store, outside of a transaction.
        society: Its name.
        said: The word.
        now: The time.
        apply: Keep it; else everything is rolled back.
        self_read_window: How far from a border a self-read may stand for it.
        limits: How far a published number may move by itself.
        estimates: What becomes of a month whose border was not read.
        progress: Is told what is being done, in a few words.

    Raises:
        NumberRefused: nothing of it waits, or it became another quantity meanwhile.
        NotFound: no such society, or the month is not closed.
        CloseRefused: that is no month, or it cannot be closed again.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    span = parse_month(said.month, store.zone)
    closing = Closing(
        society_id, society, span, store.zone, now, self_read_window, progress, limits, estimates
    )
    own = _own_doubts(conn, closing, said)
    said = replace(said, by=remark(said.by, "--by"), reason=remark(said.reason, "--reason"))
    told = _as_shown(conn, society_id, own, said)
    if said.kind == "accept":
        closing = replace(closing, first=_first_waiting(conn, closing, own, store.kept_from))
    losses, sent = Losses(), list[SentNumber]()

    def look(done: Closed) -> None:
        _require_decided(conn, closing, own, said)
        sent.extend(sent_numbers(conn, closing, done.chain))

    say = partial(_say, conn, closing, own, said, losses)
    closed = close_again(conn, closing, store, first=say, last=look, keep=apply)
    return Decision(told, said.kind, apply, tuple(sent), tuple(losses.changes(closed.chain, now)))


def _first_waiting(
    conn: Connection, closing: Closing, own: Sequence[Doubt], kept_from: datetime | None
) -> str:
    """Return the first of the months right before that may wait for this one; empty: none does."""
    held = {(each.month, each.key) for each in doubts(conn, closing.society_id) if _is_held(each)}
    first, month = "", month_before(closing.span, closing.zone)
    while any((str(month), each.key) in held for each in own) and (
        kept_from is None or month.start > kept_from
    ):
        first, month = str(month), month_before(month, closing.zone)
    return first


def _is_held(doubt: Doubt) -> bool:
    return doubt.kind == "held"


def _say(
    conn: Connection,
    closing: Closing,
    own: Sequence[Doubt],
    said: SaidOfNumber,
    losses: Losses,
) -> None:
    """Store what a person says of each number that goes together; read what towers lost before.

    Raises:
        NumberRefused: what waits is not what that person looked at.
    """
    _require_as_seen(conn, closing, own, said)
    losses.read(conn, closing)
    for each in own:
        word = NumberWord(
            each.month, each.key, said.kind, each.quantity, said.by, said.reason, closing.now
        )
        add_word(conn, closing.society_id, word)


def _as_shown(
    conn: Connection, society_id: int, own: Sequence[Doubt], said: SaidOfNumber
) -> tuple[Waiting, ...]:
    """Return what a word is about, if it has the quantities that the person saw.

    Raises:
        NumberRefused: they are others now.
    """
    told = tuple(waiting_of(conn, society_id, own))
    stands = tuple(each.quantity for each in told)
    if said.saw is None or said.saw == stands:
        return told
    saw, unit = quantities_text(said.saw), BILLING_UNITS[said.key.service]
    raise NumberRefused(
        f"{said.key.subject} {said.key.service} {said.month}: you saw {saw} {unit}, and it would "
        f"become {quantities_text(stands)} {unit} now: look again without --yes, and give "
        f"--quantity {quantities_text(stands)} if that is right"
    )


def _require_as_seen(
    conn: Connection, closing: Closing, own: Sequence[Doubt], said: SaidOfNumber
) -> None:
    """Refuse a word on what another person's word or closing changed since it was looked at.

    Raises:
        NumberRefused: it waits no more, or for something else.
    """
    if _own_doubts(conn, closing, said) != own:
        raise NumberRefused(
            f"{said.key.subject} {said.key.service} {closing.month}: what waits has changed "
            f"meanwhile: look again: cloud-ingest number list --society '{closing.society}'"
        )


def _require_decided(
    conn: Connection, closing: Closing, own: Sequence[Doubt], said: SaidOfNumber
) -> None:
    """Refuse a word after which a number still waits.

    Raises:
        NumberRefused: it became another quantity meanwhile.
    """
    still = {each.key: each for each in doubts(conn, closing.society_id, closing.month)}
    for each in own:
        if each.key in still and not _is_done(said.kind, each, still[each.key]):
            raise NumberRefused(_became(each, still[each.key], closing.society))


def _own_doubts(conn: Connection, closing: Closing, said: SaidOfNumber) -> list[Doubt]:
    """Return what the word is about, and what goes with it.

    Raises:
        NumberRefused: nothing waits, or there is nothing to keep.
        NotFound: the month is not closed.
    """
    what = f"{said.key.subject} {said.key.service} {closing.month}"
    if not said.by.strip() or not said.reason.strip():
        raise NumberRefused(f"{what}: say who and why: --by, --reason")
    manifest = manifest_of(conn, closing.society_id, closing.month)
    if manifest is None:
        raise NotFound(
            f"{closing.month} of {closing.society} is not closed: cloud-ingest close-month "
            f"{closing.month} --society '{closing.society}'"
        )
    lock = lock_of(conn, closing.society_id, closing.month)
    if lock is not None:
        raise NumberRefused(
            f"{what}: the month is approved, by {lock.by}: open it again first: cloud-ingest month "
            f"reopen {closing.month} --society '{closing.society}'"
        )
    found = doubts(conn, closing.society_id, closing.month)
    own = [each for each in found if each.key == said.key]
    if not own:
        raise NumberRefused(f"{what}: {_why_not(manifest, said)}")
    doubt = own[0]
    if said.kind == "keep" and doubt.kind != "held":
        raise NumberRefused(f"{what}: {_NOT_TO_KEEP[doubt.kind]}")
    if doubt.kind == "doubted":
        return own
    linked = [each for each in found if each.kind != "doubted" and each.linked == doubt.linked]
    return sorted(linked, key=lambda each: each.key != said.key)


def _why_not(manifest: BillingManifest, said: SaidOfNumber) -> str:
    """Say why nothing of a number waits for a word, and what to do instead."""
    for withheld in manifest.withheld:
        if _is_of(withheld, said.key):
            advice = [_ADVICE[reason] for reason in withheld.reasons if reason in _ADVICE]
            told = ", ".join(withheld.reasons)
            return f"it has no quantity ({told}): " + (
                advice[0] if advice else "put the reading right: cloud-ingest reading list"
            )
    for entry in manifest.entries:
        if _is_of(entry, said.key):
            return f"its version {entry.version} was published, and no change of it waits"
    return "that month has no such number: look at its label and --subject-type"


def _is_of(named: Withheld | ManifestEntry, key: NumberKey) -> bool:
    return (named.subject.type, named.subject.id, named.service) == key


def _is_done(kind: WordKind, saw: Doubt, now: Doubt) -> bool:
    """Say whether a word did what it says, although something of the number waits now."""
    if kind == "keep":
        return saw.version is None or now.kind == "kept"
    return saw.quantity is None and now.kind == "doubted"


def _became(saw: Doubt, now: Doubt, society: str) -> str:
    what, unit = f"{saw.key.subject} {saw.key.service} {saw.month}", BILLING_UNITS[saw.key.service]
    if saw.quantity == now.quantity:
        return f"{what}: it waits for a number of another month: cloud-ingest number list"
    texts = ["withdrawn" if q is None else f"{q:f} {unit}" for q in (saw.quantity, now.quantity)]
    return (
        f"{what}: it would have been {texts[0]} and is {texts[1]} now: cloud-ingest close-month "
        f"{saw.month} --society '{society}', and look again"
    )
