# SPDX-License-Identifier: MIT
"""A dial before witnesses: agrees, differs, or nothing can be said."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from cloud_ingest.core.dial_text import dial_text
from cloud_ingest.core.witness import Held, verdict_of

AT = datetime(2026, 11, 3, 3, 30, tzinfo=UTC)
NEAR, FAR = AT - timedelta(minutes=15), AT - timedelta(days=3)


def held(low: str | None, high: str | None, before: datetime | None, *, after: bool) -> Held:
    return Held(
        None if low is None else Decimal(low),
        None if high is None else Decimal(high),
        before,
        AT + timedelta(minutes=15) if after else None,
    )


@pytest.mark.parametrize(
    ("shown", "known", "verdict"),
    [
        ("4711", held("4711.3", "4711.5", NEAR, after=True), "agrees"),
        ("4711.4", held("4711.3", "4711.5", NEAR, after=True), "agrees"),
        ("4711.2", held("4711.3", "4711.5", NEAR, after=True), "differs"),
        ("4711.5", held("4711.3", "4711.5", NEAR, after=True), "differs"),
        ("4710", held("4711.3", "4711.5", FAR, after=True), "differs"),
        ("4712", held("4711.3", "4729.3", NEAR, after=False), "agrees"),
        ("4712", held("4711.3", "9895", FAR, after=False), "cannot_say"),
        ("4711.2", held("4711.3", "9895", FAR, after=False), "differs"),
        ("4712", held(None, None, None, after=False), "cannot_say"),
        ("4712", held(None, "4711.5", None, after=True), "differs"),
        ("4700", held(None, "4711.5", None, after=True), "cannot_say"),
    ],
)
def test_a_dial_is_held_against_what_is_known(shown: str, known: Held, verdict: str) -> None:
    assert verdict_of(dial_text(shown), AT, known) == verdict
