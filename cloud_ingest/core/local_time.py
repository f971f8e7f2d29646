# SPDX-License-Identifier: MIT
"""A time as people read it. In: a time, a zone. Out: text. Pure."""

from datetime import datetime
from zoneinfo import ZoneInfo


def local_time(when: datetime, zone: ZoneInfo) -> str:
    """Write a time with its weekday and its zone: Tuesday 17 Nov 2026 02:15 IST."""
    local = when.astimezone(zone)
    return f"{local:%A} {local.day} {local:%b %Y %H:%M} {zone_name(local)}"


def short_day(when: datetime, zone: ZoneInfo) -> str:
    """Write a day as a treasurer does: 24 Oct."""
    local = when.astimezone(zone)
    return f"{local.day} {local:%b}"


def short_time(when: datetime, zone: ZoneInfo) -> str:
    """Write a day with its minute: 24 Oct 09:12."""
    return f"{short_day(when, zone)} {when.astimezone(zone):%H:%M}"


def zone_name(local: datetime) -> str:
    """Name the zone of a local time; one without a name by its offset: UTC-03."""
    name = local.tzname() or ""
    return name if name.isalpha() else f"UTC{name}"
