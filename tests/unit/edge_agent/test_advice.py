# SPDX-License-Identifier: GPL-2.0-only
"""Advice: every error has one, and the installer's guide has the same."""

from pathlib import Path

import pytest

from edge_agent import advice, errors
from edge_agent.errors import (
    AccessDenied,
    AgentError,
    BusTimeout,
    MeterError,
    PasswordRefused,
    PublishError,
)

GUIDE = Path(__file__).parents[3] / "docs" / "howto" / "install-gateway.md"


def test_the_guide_has_every_advice() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    wanted = [said for _, said in (*advice.BY_KIND, *advice.BY_WORD)]
    others = (advice.SILENCE, advice.UNASKED, advice.CONFLICT, advice.NO_TIME)
    for said in (*wanted, *others):
        assert f"| {said} |" in text


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (PasswordRefused("x"), "do not try others"),
        (BusTimeout("x"), "swap A and B"),
        (AccessDenied("x", result=3), "may not read"),
        (MeterError("x"), "--trace"),
    ],
)
def test_the_nearest_kind_of_an_error_counts(error: AgentError, word: str) -> None:
    assert word in advice.for_error(error)


def test_every_error_of_a_meter_or_a_bus_has_its_own_advice() -> None:
    general = advice.for_error(PublishError("x"))
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.MeterError | errors.BusError)
    ]
    for kind in kinds:
        if kind in {errors.MeterError, errors.BusError}:
            continue
        made = kind.__new__(kind)
        assert advice.for_error(made) != general


def test_a_remark_without_advice_stands_alone() -> None:
    assert advice.for_problem("something new") == ""
    assert "deviation_sign" in advice.for_problem("has the wrong deviation_sign: x")
