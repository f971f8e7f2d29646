# SPDX-License-Identifier: MIT
"""The list of units of the caller's society: as it is known, and what another would change.

In: a list as unit management has it, the token of a preview. Out: a difference. Never: a list that
is applied without the preview that was seen.
"""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from cloud_ingest.api.access import Caller, needs
from cloud_ingest.core.api_token import Scope
from cloud_ingest.core.unit_diff import change_fields, plain_value
from cloud_ingest.core.unit_document import lines_of
from cloud_ingest.entries.unit_import import Preview, Rules, apply_units, preview_units
from cloud_ingest.errors import NotFound
from cloud_ingest.http.resources import Now, Opened, Reading, Writing
from cloud_ingest.store.assignment_versions import Word
from cloud_ingest.views.unit_list import known_list
from shared_schema.units import ListedChange, UnitList

router = APIRouter(tags=["units"])

Writer = Annotated[Caller, needs(Scope.UNITS_WRITE)]


class ShownDifference(BaseModel):
    """What a list would change, or did."""

    model_config = ConfigDict(frozen=True)

    preview: str
    """Names this difference: who applies it sends it."""
    applied: bool
    added: int
    changed: int
    unchanged: int
    changes: tuple[ListedChange, ...]
    close_again: tuple[str, ...]
    """The closed months in which it makes a difference."""
    remarks: tuple[str, ...]
    """On lines that are taken, though something about them is odd."""


class SeenList(BaseModel):
    """A list whose difference somebody saw."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preview: str = Field(min_length=1, max_length=64)
    """Of the preview that was seen."""
    list: UnitList


@router.get("/units")
def units(caller: Writer, store: Reading, now: Now) -> UnitList:
    """Return the list of units as it is known: imported, it would change nothing."""
    return known_list(store.conn, caller.society, now)


@router.post("/units/preview")
def preview(listed: UnitList, caller: Writer, store: Writing, now: Now) -> ShownDifference:
    """Show what a list of units would change; nothing is written."""
    _own(listed, caller)
    lines = lines_of(listed, store.zone)
    return _shown(preview_units(store.conn, caller.society, lines, now=now, rules=_rules(store)))


@router.post("/units/apply")
def apply(seen: SeenList, caller: Writer, store: Writing, now: Now) -> ShownDifference:
    """Apply a list of units as its preview showed it; another difference is refused (409)."""
    listed = seen.list
    _own(listed, caller)
    lines = lines_of(listed, store.zone)
    word = Word(f"{listed.by}, by the token {caller.name}", listed.reason or "by the API", now)
    done = apply_units(
        store.conn, caller.society, lines, word, seen=seen.preview, rules=_rules(store)
    )
    return _shown(done)


def _own(listed: UnitList, caller: Caller) -> None:
    if listed.society != caller.society:
        raise NotFound(f"the token {caller.name} is of {caller.society}, and the list is not")


def _rules(store: Opened) -> Rules:
    return Rules(store.settings.unique_labels)


def _shown(found: Preview) -> ShownDifference:
    done = found.done
    return ShownDifference(
        preview=found.token,
        applied=found.is_applied,
        added=done.added,
        changed=done.changed,
        unchanged=done.unchanged,
        changes=tuple(
            ListedChange.model_validate(plain_value(change_fields(each))) for each in found.changes
        ),
        close_again=done.close_again,
        remarks=done.remarks,
    )
