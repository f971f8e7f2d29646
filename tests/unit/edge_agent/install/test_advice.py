# SPDX-License-Identifier: GPL-2.0-only
"""Advice: every error has one, and the installer's guide has the same."""

from pathlib import Path

import pytest

from edge_agent import errors
from edge_agent.errors import (
    AccessDenied,
    AgentError,
    AssociationRefused,
    BusTimeout,
    MeterError,
    PasswordRefused,
    PublishError,
    RefusedBefore,
    Unexplained,
)
from edge_agent.install import advice
from edge_agent.meters.model import load
from edge_agent.meters.model_check import mistakes

GUIDE = Path(__file__).parents[4] / "docs" / "howto" / "install-gateway.md"


def test_the_guide_has_every_advice() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    wanted = [said for _, said in (*advice.BY_KIND, *advice.OF_REFUSAL, *advice.BY_WORD)]
    others = (advice.SILENCE, advice.UNASKED, advice.CONFLICT, advice.NO_TIME)
    for said in (*wanted, *others):
        assert f"| {said} |" in text


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (PasswordRefused("A refuses the password of client 32"), "do not try others"),
        (Unexplained("A refuses client 48 without a reason: see its keys"), "swapped"),
        (PasswordRefused("A cannot decipher: the keys of client 48 are not"), "swapped"),
        (PasswordRefused("A does not take the proof of client 48: see its keys"), "swapped"),
        (RefusedBefore("A refused these keys of client 48: nothing was sent"), "--again"),
        (AssociationRefused("A refuses client 32 (result 1, diagnostic 2)"), "lls-ae"),
        (AssociationRefused("A takes client 32 for another kind of security"), "lls-ae"),
        (AssociationRefused("A wants high-level security"), "--client 48"),
        (AssociationRefused("A refuses client 32 (result 1, diagnostic 3)"), "--client"),
        (BusTimeout("x"), "swap A and B"),
        (AccessDenied("x", result=3), "may not read"),
        (MeterError("x"), "--trace"),
    ],
)
def test_the_nearest_kind_of_an_error_counts(error: AgentError, word: str) -> None:
    assert word in advice.for_error(error)


def test_a_refusal_of_keys_does_not_ask_for_a_password() -> None:
    said = advice.for_error(PasswordRefused("A cannot decipher: the keys of client 48 are not"))
    assert "meter reader's password" not in said
    for diagnostic in (2, 3):
        said = advice.for_error(AssociationRefused(f"A (result 1, diagnostic {diagnostic})"))
        assert "model" not in said, "no model names a security"


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
    far_off = "its clock is 900 s off, more than 300 s: set it: profiles are not read"
    assert "edge-agent set-clock" in advice.for_problem(far_off)
    assert "deviation_sign" in advice.for_problem("has the wrong deviation_sign: x")


def test_what_is_advised_of_a_refused_range_is_a_model_that_can_be(tmp_path: Path) -> None:
    said = advice.for_problem("A: 1.0.99.1.0.255 scope-of-access-violated")
    for line in ("range_deviation = true", 'access = "entry"', 'every = "hour"'):
        assert line in said
    file = tmp_path / "maker.toml"
    file.write_text(
        'title = "Maker"\nclient = 32\nrange_deviation = true\n'
        '[[profiles]]\nobis = "1.0.99.1.0.255"\naccess = "entry"\nevery = "hour"\n'
    )
    assert mistakes(file.read_text()) == []
    assert load("maker", tmp_path).range_deviation
