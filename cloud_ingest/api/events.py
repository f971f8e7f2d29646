# SPDX-License-Identifier: MIT
"""Flags of the caller's society."""

from typing import Annotated

from fastapi import APIRouter, Query

from cloud_ingest.api.access import Caller, needs
from cloud_ingest.core.api_token import Scope
from cloud_ingest.core.flag import Flag, Mute
from cloud_ingest.core.typed_text import same_name
from cloud_ingest.http.resources import Reading
from cloud_ingest.operate.review import flags
from shared_schema.events import Event, EventKind, Severity

router = APIRouter(tags=["events"])

Label = Annotated[str, Query(max_length=128)]


class ShownFlag(Event):
    """A flag as its messages have it, and the mute that lasts."""

    mute: Mute | None = None


@router.get("/events")
def events(
    caller: Annotated[Caller, needs(Scope.EVENTS_READ)],
    store: Reading,
    *,
    kind: Annotated[list[EventKind] | None, Query(max_length=64)] = None,
    severity: Severity | None = None,
    unit: Label | None = None,
    tower: Label | None = None,
    everything: Annotated[bool, Query(alias="all", description="Also what is over.")] = False,
) -> list[ShownFlag]:
    """Return flags, newest first, 1,000 at most: those that are open, or all.

    The same list as `cloud-ingest events list --json`.
    """
    found = flags(
        store.conn,
        society=caller.society,
        everything=everything,
        kinds=kind or (),
        severity=severity,
        unit=None if unit is None else same_name(unit),
        tower=None if tower is None else same_name(tower),
    )
    return [_shown(each) for each in found]


def _shown(flag: Flag) -> ShownFlag:
    told = {each: getattr(flag.event, each) for each in type(flag.event).model_fields}
    return ShownFlag.model_validate({**told, "mute": flag.mute})
