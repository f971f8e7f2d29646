# SPDX-License-Identifier: MIT
"""An explanation on the screen: sentences that a treasurer reads, 80 columns wide."""

from dataclasses import replace
from decimal import Decimal

import pytest

from cloud_ingest.cli.explain_text import explanation_text
from cloud_ingest.core.border import Why
from cloud_ingest.core.claim import Rule
from cloud_ingest.core.words import METHODS, ORIGINS, QUALITIES, REASONS, RULES, WHYS
from cloud_ingest.month.explanation import (
    Entry,
    Explanation,
    NotTaken,
    Now,
    NumberWord,
    Version,
)
from shared_schema.billing import Bounds, Estimate, EstimateMethod, Held
from shared_schema.catalogue import Service
from shared_schema.quality import Origin, Quality, Reason
from tests.support.explained import (
    END,
    MANAGER,
    METER,
    NOON,
    UNIT,
    border,
    explained,
    meter,
    read,
    shown,
)
from tests.support.store import ZONE, local


def text(found: Explanation) -> str:
    told = explanation_text(found, ZONE)
    assert max(map(len, told.splitlines())) <= 80
    return " ".join(told.split())


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Reason, REASONS),
        (Quality, QUALITIES),
        (Rule, RULES),
        (Why, WHYS),
        (Origin, ORIGINS),
        (EstimateMethod, METHODS),
    ],
)
def test_every_kind_has_words(kind: type, words: dict[object, str]) -> None:
    assert set(words) == set(kind)  # type: ignore[call-overload]


def test_a_difference_is_shown_as_a_sum() -> None:
    told = text(explained(meter(border(END, read("12374.760")))))
    assert "As it is known now, it counts 29.760 kWh." in told
    assert "Counted: 12374.760 - 12345.000 = 29.760 kWh." in told


def test_what_epochs_add_is_part_of_the_sum() -> None:
    told = text(explained(meter(border(END, read("74.760")), "87729.760")))
    assert "Counted: 74.760 - 12345.000 + 100000.000 of epochs = 87729.760 kWh." in told


def test_a_placed_border_names_the_readings_beside_it() -> None:
    placed = replace(
        border(END, read("12374.760", END, Origin.ESTIMATE)),
        placed_by=EstimateMethod.LINEAR,
        before=read("12374.750", local("2026-01-31 23:45")),
        after=read("12374.770", local("2026-02-01 00:15")),
    )
    assert (
        "End, 2026-02-01 00:00: 12374.760 kWh. Nobody read it: it is placed by time. The last "
        "sound reading before it is 12374.750 kWh of 2026-01-31 23:45, the first sound reading "
        "after it is 12374.770 kWh of 2026-02-01 00:15."
    ) in text(explained(meter(placed)))


def test_what_is_merely_farther_is_left_to_json() -> None:
    near = NotTaken(read("0.000"), Why.UNSOUND, Rule.FALL)
    far = NotTaken(read("12374.750", local("2026-01-31 23:45")), Why.FARTHER, None)
    told = text(explained(meter(border(END, read("12374.760"), far, near))))
    assert "Not taken: 0.000 kWh, from the meter: the register falls between" in told
    assert "12374.750" not in told


def test_a_person_who_set_a_reading_aside_is_named() -> None:
    aside = NotTaken(replace(read("0.000"), word=MANAGER), Why.SET_ASIDE, None)
    told = text(explained(meter(border(END, read("12374.760"), aside))))
    assert (
        "Not taken: 0.000 kWh, from the meter: set aside by manager on 2026-02-02 12:00: "
        '"photo of the dial".'
    ) in told


def test_a_withheld_number_says_what_to_do() -> None:
    estimate = Estimate(
        quantity=Decimal(30),
        bounds=Bounds(lower=Decimal(28), upper=Decimal(33)),
        method=EstimateMethod.GOOD_DAYS,
    )
    number = shown(state="withheld", quantity=None, reasons=(Reason.NO_CLOSING,), estimate=estimate)
    told = text(explained(number=number))
    assert "No number was published when the month was closed on 2026-02-02 12:00:" in told
    assert "It is probably 30 kWh, placed by the good days of the month; the truth lies" in told
    assert "What to do: read its dial (cloud-ingest self-read)" in told


def test_a_withdrawn_number_says_so() -> None:
    told = text(explained(number=shown(state="withdrawn", quantity=None, version=2)))
    assert "The number was taken back: version 2 told billing" in told


def test_a_held_change_waits_for_a_person() -> None:
    held = Held(
        subject=UNIT,
        service=Service.ELECTRICITY,
        version=1,
        quantity=Decimal(400),
        reasons=(Reason.LATE_CHANGE,),
    )
    told = text(explained(number=shown(held=held)))
    assert "A change waits for a person: the number would become 400 kWh." in told


def test_what_has_changed_since_is_told_with_who_said_so() -> None:
    entry = Entry("enter", METER, END, None, Decimal("12374.763"), None, MANAGER)
    now = Now(Decimal("29.763"), None, None, None, (), False, (entry,))
    told = text(replace(explained(number=shown()), now=now))
    assert "closing 2026-01 again would give 29.763 kWh." in told
    assert "manager entered 12374.763 kWh for 2026-02-01 00:00" in told
    assert "cloud-ingest close-month 2026-01 --society 'Lake View'" in told


def test_a_version_nobody_asked_for_says_that() -> None:
    one = Version(
        1, NOON, Decimal(30), Quality.VALIDATED, (), None, None, "acknowledged", (), (), ()
    )
    two = replace(one, version=2, quantity=Decimal(31), delivery="sent")
    told = text(replace(explained(number=shown(version=2)), versions=(one, two)))
    assert "Version 1, 2026-02-02 12:00: 30 kWh; billing has it." in told
    assert "Version 2, 2026-02-02 12:00: 31 kWh, 1 more; it was sent, and billing" in told
    assert "Nobody entered anything in between" in told


def test_a_kept_number_is_not_told_to_be_closed_again() -> None:
    kept = NumberWord("keep", Decimal("29.763"), MANAGER)
    now = Now(Decimal("29.763"), None, None, None, (), False, ())
    told = text(replace(explained(number=shown()), now=now, words=(kept,)))
    assert "what was published, because a person kept it" in " ".join(told.split())
    assert "cloud-ingest close-month" not in told
