# SPDX-License-Identifier: GPL-2.0-only
"""Advice: every error has one, and the installer's guide has the same."""

from pathlib import Path

import pytest

from edge_agent import errors
from edge_agent.errors import (
    AccessDenied,
    AgentError,
    AssociationRefused,
    Breach,
    BusTimeout,
    MeterBusy,
    MeterError,
    PasswordRefused,
    ProtocolViolation,
    PublishError,
    Refusal,
    RefusedBefore,
    Unexplained,
)
from edge_agent.install import advice
from edge_agent.meters.model import load
from edge_agent.meters.model_check import mistakes
from edge_agent.poll.finding import FindingKind, finding

GUIDE = Path(__file__).parents[4] / "docs" / "howto" / "install-gateway.md"


def test_the_guide_has_every_advice() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    wanted = [said for _, said in advice.BY_KIND]
    tables = (advice.OF_REFUSAL, advice.OF_FINDING, advice.OF_RESULT, advice.OF_BREACH)
    others = (advice.SILENCE, advice.UNASKED, advice.CONFLICT, advice.NO_TIME)
    for said in (*wanted, *(text for table in tables for text in table.values()), *others):
        assert f"| {said} |" in text


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (PasswordRefused("A refuses the password of client 32"), "do not try others"),
        (Unexplained("A refuses client 48 without a reason: see its keys"), "swapped"),
        (PasswordRefused("A cannot decipher", of=Refusal.KEYS), "swapped"),
        (RefusedBefore("A refused these keys of client 48: nothing was sent"), "--again"),
        (AssociationRefused("A refuses client 32", of=Refusal.SECURITY), "lls-ae"),
        (AssociationRefused("A wants more", of=Refusal.HIGH_LEVEL), "--client 48"),
        (AssociationRefused("A says keys and high-level security"), "--client"),
        (AssociationRefused("A refuses client 32 (result 1, diagnostic 3)"), "--client"),
        (BusTimeout("x"), "swap A and B"),
        (AccessDenied("x", result=3), "may not read"),
        (AccessDenied("x", result=2), "once more"),
        (AccessDenied("x", result=15), "long answer"),
        (AccessDenied("x", result=250), "no reason"),
        (AccessDenied("x", result=200), "leave it out"),
        (ProtocolViolation("x", of=Breach.TERMS), "logical names"),
        (ProtocolViolation("x", of=Breach.PROTECTION), "EK, AK"),
        (MeterBusy("x"), "wait two minutes"),
        (MeterError("x"), "--trace"),
    ],
)
def test_the_nearest_kind_of_an_error_counts(error: AgentError, word: str) -> None:
    assert word in advice.for_error(error)


def test_refused_keys_ask_for_no_password() -> None:
    said = advice.for_error(PasswordRefused("A cannot decipher", of=Refusal.KEYS))
    assert "meter reader's password" not in said
    for refused in (Refusal.SECURITY, Refusal.TERMS):
        said = advice.for_error(AssociationRefused("A", of=refused))
        assert "model" not in said, "no model names a security"


def test_every_error_has_its_own_advice() -> None:
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


def test_a_finding_without_advice_stands_alone() -> None:
    assert advice.for_finding(finding(FindingKind.ANOTHER_METER)) == ""
    assert advice.for_finding(finding(FindingKind.DENIED, result=200)) == ""


def test_a_wrong_clock_is_to_be_set() -> None:
    assert "edge-agent set-clock" in advice.for_finding(finding(FindingKind.CLOCK_OFF))
    assert "deviation_sign" in advice.for_finding(finding(FindingKind.WRONG_DEVIATION_SIGN))


def test_the_model_advised_for_refused_ranges_loads(tmp_path: Path) -> None:
    said = advice.for_finding(finding(FindingKind.DENIED, result=13))
    for line in ("range_deviation = true", 'access = "entry"', 'every = "hour"'):
        assert line in said
    file = tmp_path / "maker.toml"
    file.write_text(
        'title = "Maker"\nclient = 32\nrange_deviation = true\n'
        '[[profiles]]\nobis = "1.0.99.1.0.255"\naccess = "entry"\nevery = "hour"\n'
    )
    assert mistakes(file.read_text()) == []
    assert load("maker", tmp_path).range_deviation
