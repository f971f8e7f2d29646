# SPDX-License-Identifier: MIT
"""What corrected a number: of all that was entered, the act that explains the new version."""

from datetime import datetime, timedelta
from decimal import Decimal

from cloud_ingest.month.cause import cause_of
from cloud_ingest.month.heard import number_key
from cloud_ingest.store.months import KeptNumber, KeptWithdrawal, Replaced
from cloud_ingest.store.number_words import Act, NumberWord
from shared_schema.billing import MonthlyWithdrawal
from tests.support.july import CLOSED, JULY, KEY, METER, number

FORMER = Replaced("unit", "A-1", "electricity", 1, Decimal(30), 0, number(30))


SOME_DAY = CLOSED - timedelta(days=900)
"""What the clock said tells nothing."""


def act(what: str, entry: int, of: datetime, subject: str | None = None) -> Act:
    kind = None if subject is None else "unit"
    return Act(*METER, what, what, "it is so", SOME_DAY, of, of, kind, subject, entry)


def newest(used: int) -> KeptNumber:
    return KeptNumber(number(used).model_copy(update={"version": 2}), b"", "", 9)


TAKEN = KeptWithdrawal(
    MonthlyWithdrawal(
        society="Lake View",
        month="2026-07",
        subject=number(1).subject,
        service=KEY.service,
        version=2,
        closed_at=CLOSED,
    ),
    b"",
    "",
    9,
)


def by(now: KeptNumber | KeptWithdrawal, *acts: Act, said: tuple[str, ...] = ()) -> str:
    words = [
        NumberWord("2026-07", number_key(KEY), "accept", Decimal(50), who, "it is so", SOME_DAY, 8)
        for who in said
    ]
    return cause_of(number_key(KEY), FORMER, now, acts, words).what


def test_the_act_at_the_border_that_moved_is_named() -> None:
    border = act("ruling", 1, JULY.end)
    elsewhere = act("dial", 2, JULY.end + 5 * timedelta(days=1))
    assert by(newest(50), border, elsewhere) == "ruling"


def test_an_assignment_of_another_unit_is_not_named() -> None:
    own = act("assignment taken back", 1, JULY.start, "A-1")
    other = act("assignment", 2, JULY.start, "B-1")
    assert by(TAKEN, own, other) == "assignment taken back"
    assert by(TAKEN, other) == "late data"


def test_an_acceptance_names_its_own_quantity_alone() -> None:
    border = act("ruling", 1, JULY.end)
    assert by(newest(50), border, said=("treasurer",)) == "number accepted"
    assert by(newest(51), border, said=("treasurer",)) == "ruling"


def test_what_came_after_the_version_is_not_named() -> None:
    assert by(newest(50), act("ruling", 10, JULY.end)) == "late data"
