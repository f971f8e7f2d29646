# SPDX-License-Identifier: MIT
"""Lists of units that come by the broker: taken, put before a person, or refused, with an answer.

The ingest keeps each list once. Here it is held against what is known, and its difference goes out
as a retained answer. By the setting ``unit_lists`` it is applied if it touches no closed month, or
else it waits for a person.

In: lists that nobody has judged, or one that a person names. Out: the list of units changed, and an
answer in the outbox, in one transaction. Never: a list that is applied unseen where it touches a
closed month.

Raises: NotFound, ImportRefused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cloud_ingest.core.typed_text import remark
from cloud_ingest.core.unit_diff import change_fields, plain_value
from cloud_ingest.core.unit_document import lines_of
from cloud_ingest.entries.unit_import import Preview, Rules, apply_units, preview_units
from cloud_ingest.errors import ImportRefused, NotFound, UserError
from cloud_ingest.settings import UnitListsRule
from cloud_ingest.store.assignment_versions import Word
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.outbox import enqueue
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.unit_proposals import (
    Proposal,
    decide,
    lock_proposal,
    next_new,
    proposals,
)
from shared_schema.errors import ContractError
from shared_schema.topics import units_result_topic
from shared_schema.units import (
    MOST_CHANGES_TOLD,
    ListedChange,
    ListState,
    UnitList,
    UnitListResult,
)

BY_RULE = "the setting unit_lists"


@dataclass(frozen=True, slots=True)
class Proposed:
    """A list that waits for a person, and what it would do now."""

    proposal: Proposal
    listed: UnitList
    preview: Preview


@translating
def judge_lists(conn: Connection, rule: UnitListsRule, rules: Rules, now: datetime) -> int:
    """Judge the lists that came since the last look; return how many there were."""
    judged = 0
    while True:
        with conn.transaction():
            proposal = next_new(conn)
            if proposal is None:
                return judged
            _judge(conn, proposal, rule, rules, now)
        judged += 1


def _judge(
    conn: Connection, proposal: Proposal, rule: UnitListsRule, rules: Rules, now: datetime
) -> None:
    try:
        listed = _list_of(proposal)
        lines = lines_of(listed, open_store(conn).zone)
        preview = preview_units(conn, proposal.society, lines, now=now, rules=rules)
    except (UserError, ContractError) as error:
        decide(conn, proposal.proposal_id, "refused", Word(BY_RULE, str(error), now))
        rows = error.lines if isinstance(error, ImportRefused) else ()
        _answer(conn, proposal, ListState.REFUSED, now, (str(error), *rows))
        return
    is_free = rule == "applied" and not preview.done.close_again
    if preview.changes and not is_free:
        decide(conn, proposal.proposal_id, "waits", Word(BY_RULE, "", now))
        _answer(conn, proposal, ListState.WAITS, now, preview)
        return
    if preview.changes:
        preview = apply_units(conn, proposal.society, lines, _word(listed, now), rules=rules)
    decide(conn, proposal.proposal_id, "taken", Word(BY_RULE, "", now))
    _answer(conn, proposal, ListState.TAKEN, now, preview)


def _list_of(proposal: Proposal) -> UnitList:
    return UnitList.from_line(proposal.payload or b"")


def _word(listed: UnitList, now: datetime) -> Word:
    made = f"list of {listed.at:%Y-%m-%dT%H:%M}Z by the broker"
    return Word(listed.by, listed.reason or made, now)


@translating
def proposed(conn: Connection, society: str, rules: Rules, now: datetime) -> list[Proposed]:
    """Return the lists of a society that wait, each with what it would do now.

    Raises:
        NotFound: there is no such society.
        ImportRefused: one of them has bad lines by now.
    """
    zone = open_store(conn).zone
    return [
        Proposed(
            each,
            listed,
            preview_units(conn, society, lines_of(listed, zone), now=now, rules=rules),
        )
        for each in proposals(conn, find_society(conn, society))
        for listed in (_list_of(each),)
    ]


@translating
def take_proposal(
    conn: Connection,
    society: str,
    proposal_id: int,
    *,
    seen: str,
    by: str,
    rules: Rules,
    now: datetime,
) -> Preview:
    """Apply a list that waits, as somebody saw it.

    Raises:
        NotFound: no such list waits.
        PreviewOutdated: its difference is another than was seen.
    """
    zone = open_store(conn).zone
    with conn.transaction():
        proposal = _waiting(conn, society, proposal_id)
        listed = _list_of(proposal)
        lines = lines_of(listed, zone)
        done = apply_units(conn, society, lines, _word(listed, now), seen=seen, rules=rules)
        decide(conn, proposal_id, "taken", Word(remark(by, "--by"), "", now))
        _answer(conn, proposal, ListState.TAKEN, now, done)
    return done


@translating
def drop_proposal(
    conn: Connection, society: str, proposal_id: int, *, by: str, reason: str, now: datetime
) -> None:
    """Do not take a list that waits, and say why.

    Raises:
        NotFound: no such list waits.
    """
    by, why = remark(by, "--by"), remark(reason, "--reason")
    with conn.transaction():
        proposal = _waiting(conn, society, proposal_id)
        decide(conn, proposal_id, "dropped", Word(by, why, now))
        _answer(conn, proposal, ListState.DROPPED, now, (f"{by}: {why}",))


def _waiting(conn: Connection, society: str, proposal_id: int) -> Proposal:
    found = lock_proposal(conn, find_society(conn, society), proposal_id)
    if found is None or found.state != "waits":
        became = "there is none" if found is None else f"it is {found.state}"
        raise NotFound(
            f"no list {proposal_id} of {society} waits: {became} (cloud-ingest units proposed)"
        )
    return found


def _answer(
    conn: Connection,
    proposal: Proposal,
    state: ListState,
    now: datetime,
    told: Preview | Sequence[str],
) -> None:
    """Retain what became of a list: its difference, or why nothing of it was taken."""
    message = UnitListResult(
        society=proposal.society,
        list_sha256=proposal.sha256,
        at=now,
        state=state,
        proposal=proposal.proposal_id if state is ListState.WAITS else None,
        lines=() if isinstance(told, Preview) else tuple(told),
    )
    if isinstance(told, Preview):
        message = message.model_copy(update=_figures(told))
    enqueue(conn, units_result_topic(proposal.society), message.to_line(), retain=True)


def _figures(preview: Preview) -> dict[str, object]:
    shown = preview.changes[:MOST_CHANGES_TOLD]
    return {
        "added": preview.done.added,
        "changed": preview.done.changed,
        "unchanged": preview.done.unchanged,
        "changes": tuple(
            ListedChange.model_validate(plain_value(change_fields(change))) for change in shown
        ),
        "changes_left_out": len(preview.changes) - len(shown),
        "close_again": preview.done.close_again,
        "remarks": preview.done.remarks,
    }
