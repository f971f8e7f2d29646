# SPDX-License-Identifier: MIT
"""Where a month stands, in one sentence: for the treasurer's command, and for a mail.

In: a status, the society's zone, the time. Out: a sentence without a full stop. Pure.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from cloud_ingest.core.local_time import short_day
from cloud_ingest.core.month import parse_month
from cloud_ingest.core.month_name import month_name
from cloud_ingest.month.status import MissingNumber, MonthStatus
from shared_schema.quality import Reason

SHORT: Final[Mapping[Reason, str]] = {
    Reason.NO_METER: "no meter serves it",
    Reason.NO_OPENING: "not read at its start",
    Reason.NO_CLOSING: "not read at its end",
    Reason.OFFLINE: "offline",
    Reason.INCOMPLETE: "not read when its meter came or went",
    Reason.WIDE_BOUNDS: "not read for too long",
    Reason.SUM_CHECK: "its register and its intervals disagree",
    Reason.REGISTER_DROP: "its register fell",
    Reason.SCALER: "what its register counts is not sure",
    Reason.IMPLAUSIBLE: "more than it can use",
    Reason.HISTORY: "far more than it used before",
    Reason.LOCKED: "the month is approved",
    Reason.NEAR_BORDER: "its reading at the border is awaited",
    Reason.UNCONFIRMED: "its last reading is not confirmed",
}
"""Why a number is withheld, in a few words; `core.words` has the whole sentence."""


def status_sentence(found: MonthStatus, zone: ZoneInfo, now: datetime) -> str:
    """Say where a month stands: how many numbers are final, and the worst of what is missing."""
    title = month_name(parse_month(found.month, zone), zone, now)
    if now < found.starts_at:
        return f"{title} has not begun: it begins on {short_day(found.starts_at, zone)}"
    if not found.total:
        return f"{title}: no meter was in service"
    is_whole = found.final == found.total
    count = f"all {found.total}" if is_whole else f"{found.final} of {found.total}"
    match found.phase:
        case "running":
            said = f"{title} so far: {count} are read{_not(found, 'is', 'are')}"
        case "ended":
            said = f"{title} is not closed: {count} are read at its end{_not(found, 'is', 'are')}"
        case "closed":
            said = f"{title}: {count} final{_approved(found, zone)}{_lacking(found)}"
    if found.refused is not None:
        said += ", and its last closing was refused"
    return said + _worst(found, zone) + _dials(found, zone, now)


def short_reason(one: MissingNumber, zone: ZoneInfo) -> str:
    """Say in a few words why a number is missing."""
    if one.state == "withdrawn":
        return "taken back"
    if one.is_read:
        return "read meanwhile"
    if one.lacks == ("start",):
        return "not read at its start"
    if one.lacks:
        what = "its dial not read" if one.is_dial else "offline"
        if one.since is not None:
            return f"{what} since {short_day(one.since, zone)}"
        return "its dial never read" if one.is_dial else "never read"
    return next((SHORT[each] for each in one.reasons if each in SHORT), "not proved")


def named(one: MissingNumber) -> str:
    """Name a number as people do: C-0302 electricity."""
    return f"{one.subject} {one.service.value}"


def _not(found: MonthStatus, one: str, many: str) -> str:
    count = len(found.missing)
    return f", {count} {one if count == 1 else many} not" if count else ""


def _approved(found: MonthStatus, zone: ZoneInfo) -> str:
    """Say who approved a month."""
    word = found.approved
    return "" if word is None else f", approved by {word.by} on {short_day(word.at, zone)}"


def _lacking(found: MonthStatus) -> str:
    """Say how many numbers are withheld, taken back or held."""
    taken_back = sum(each.state == "withdrawn" for each in found.missing)
    withheld = len(found.missing) - taken_back
    said = f", {found.provisional} provisional" if found.provisional else ""
    said += f", {withheld} withheld" if withheld else ""
    said += f", {taken_back} taken back" if taken_back else ""
    count = len(found.held)
    waits = "change waits" if count == 1 else "changes wait"
    return said + (f", {count} {waits} for a decision" if count else "")


def _worst(found: MonthStatus, zone: ZoneInfo) -> str:
    if not found.missing:
        return ""
    worst, *more = found.missing
    others = f", and {len(more)} more" if more else ""
    return f": {named(worst)}, {short_reason(worst, zone)}{others}"


def _dials(found: MonthStatus, zone: ZoneInfo, now: datetime) -> str:
    """Say how many dials a person still has to read, as long as that is of use."""
    dials = [each for each in found.to_read if each.why == "no_data_port" and now <= each.until]
    if not dials:
        return ""
    count = len(dials)
    first = dials[0]
    what = f"{count} dial{'s' * (count != 1)}"
    if now < first.read_from:
        return f"; {what} to be read from {short_day(first.read_from, zone)} on"
    return f"; {what} still to be read by {short_day(first.until, zone)}"
