# SPDX-License-Identifier: GPL-2.0-only
"""Advice: every error has one, and the installer's guide has the same."""

from pathlib import Path

import pytest

from edge_agent import errors
from edge_agent.dlms.security import Mode
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
    Refusal,
    RefusedBefore,
    Setup,
    Unexplained,
)
from edge_agent.install import advice, advice_texts
from edge_agent.meters.model import load
from edge_agent.meters.model_check import mistakes
from edge_agent.poll.finding import FindingKind, finding

KINDS = {
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, AgentError)
}
GUIDE = Path(__file__).parents[4] / "docs" / "howto" / "install-gateway.md"


def a(kind: type[AgentError]) -> AgentError:
    """Make an error of a kind, with the values that it needs."""
    if issubclass(kind, errors.AccessDenied):
        return kind("x", result=200)
    if issubclass(kind, errors.CounterRefused):
        return kind("x", expected=1)
    return kind("x")


def test_the_guide_has_every_advice() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    wanted = [said for _, said in advice_texts.BY_KIND]
    tables = (
        *(advice_texts.OF_REFUSAL, advice_texts.OF_FINDING, advice_texts.OF_RESULT),
        *(advice_texts.OF_BREACH, advice_texts.OF_SETUP),
        *(advice_texts.WITH_SECRET, advice_texts.OF_SECURITY),
    )
    others = (
        *(advice_texts.SILENCE, advice_texts.UNASKED, advice_texts.CONFLICT, advice_texts.NO_TIME),
        *(advice_texts.OTHER_HIGH_LEVEL, advice_texts.CHOOSE),
    )
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
    general = {advice.for_error(AgentError("x")), advice_texts.AGAIN}
    for kind in KINDS - {
        AgentError,
        errors.MeterError,
        errors.BusError,
        errors.Reported,
        errors.AccessDenied,
    }:
        assert advice.for_error(a(kind)) not in general, kind


@pytest.mark.parametrize("kind", sorted(KINDS - {errors.Reported}, key=str))
@pytest.mark.parametrize("tried", [None, *Mode])
def test_every_error_has_a_next_step(kind: type[AgentError], tried: Mode | None) -> None:
    assert advice.for_error(a(kind), tried)


def test_every_kind_of_an_error_has_a_next_step() -> None:
    assert set(advice_texts.OF_SETUP) == set(Setup)
    for tried in (None, *Mode):
        assert all(advice.for_error(AssociationRefused("x", of=of), tried) for of in Refusal)
        assert all(advice.for_result(result, tried) for result in range(256))
        assert all(advice.for_finding(finding(kind), tried) for kind in FindingKind)


@pytest.mark.parametrize("tried", [each for each in Mode if each is not Mode.NONE])
def test_who_gave_a_secret_is_not_told_to(tried: Mode) -> None:
    for result in range(256):
        assert "--password-file" not in advice.for_result(result, tried)


@pytest.mark.parametrize("of", [Refusal.SECURITY, Refusal.HIGH_LEVEL])
def test_the_utility_client_hears_nothing_of_lls(of: Refusal) -> None:
    for tried in set(Mode) - {Mode.NONE, Mode.LLS, Mode.LLS_AE}:
        said = advice.for_error(AssociationRefused("x", of=of), tried)
        assert "lls" not in said
        assert "--client 48" not in said


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
