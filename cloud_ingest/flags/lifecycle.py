# SPDX-License-Identifier: MIT
"""The door for rules: what they found becomes flags that are raised, corrected and cleared.

A rule says what it found now; the store has what is open. `settle` writes the difference: what is
new is raised, or open again if it ended within 72 hours; what a rule says anew of an open flag is
stored, and told if it is news; what was judged and not found is cleared. What was not judged stays
as it is.

In: what is open, what a rule found, and for which subjects it looked. Out: the number of changes.
Owns: when a flag is raised, corrected or cleared; `store.event_changes` writes it.
Never: a rule.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from cloud_ingest.core.flag import Finding, Flag, Key
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.event_changes import clear_flag, put_finding


@dataclass(frozen=True, slots=True)
class Changes:
    """How many flags were raised and cleared."""

    raised: int = 0
    cleared: int = 0


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did that ends after a part of its work."""

    changes: Changes
    behind: bool
    """There is more to do: sweep again in the next turn."""


def settle(
    conn: Connection,
    opened: Iterable[Flag],
    findings: Iterable[Finding],
    *,
    judged: Collection[Key],
    now: datetime,
    ended: str | Callable[[Flag], str],
) -> Changes:
    """Write the difference between the flags that are open and what a rule found.

    Args:
        conn: A connection.
        opened: The open flags of the rule's kinds.
        findings: What the rule found; one of a kind, subject and service counts, the last.
        judged: The subjects for which the rule looked for all of its kinds: only their flags are
            cleared.
        now: The time.
        ended: Why a flag that is not found any more is over, in a few words.
    """
    raised = over = 0
    known = {(flag.event.kind, flag.key): flag for flag in opened}
    found = {(finding.kind, finding.key): finding for finding in findings}
    for which, finding in found.items():
        flag = known.get(which)
        if flag is None or flag.would_change(finding):
            raised += put_finding(conn, finding, now)
    for which, flag in known.items():
        if which not in found and flag.key in judged:
            why = ended if isinstance(ended, str) else ended(flag)
            over += clear_flag(conn, flag, why, now)
    return Changes(raised, over)
