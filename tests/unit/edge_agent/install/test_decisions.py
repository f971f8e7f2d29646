# SPDX-License-Identifier: GPL-2.0-only
"""No decision of the installer's visit depends on a word of a sentence."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from edge_agent.dlms.exchange import Transport
from edge_agent.errors import AssociationRefused, PasswordRefused, Refusal
from edge_agent.install import advice
from edge_agent.install import examine as examine_module
from edge_agent.install.examination import Examination
from edge_agent.install.examine import examine, unbilled
from edge_agent.install.lockout import Lockout
from edge_agent.install.meter_list import ListedMeter
from edge_agent.install.sheet import judge
from edge_agent.install.shown import ShownValue
from edge_agent.poll.finding import WORDS, Finding, FindingKind, Value, finding
from edge_agent.settings.bus import MeterConfig
from shared_schema.catalogue import ACTIVE_IMPORT, WATER_VOLUME
from tests.unit.edge_agent.fakes import POLLED

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
CONFIG = MeterConfig(label="A-1", address=17, model="is16444", client=16)
NAMES = (
    "found known error obis profile offset_s most_s by_s names first last count unit means bit at "
    "came period_s sign zone"
)
VALUES: dict[str, Value] = dict.fromkeys(NAMES.split(), 0)
RESULTS = (2, 3, 4, 9, 11, 13)
FINDINGS = [
    *(finding(kind, "A-1", **VALUES) for kind in FindingKind),
    *(finding(FindingKind.DENIED, "A-1", **{**VALUES, "result": each}) for each in RESULTS),
]


@dataclass(frozen=True)
class Concluded:
    """What the visit concludes of a meter, without a sentence."""

    troubles: tuple[tuple[FindingKind | None, str], ...]
    remarks: int
    level: str
    reasons: int


def concluded(found: Finding, folder: Path, *, is_time_known: bool) -> Concluded:
    """Examine a meter of which each poll finds this, and judge it."""
    polled = replace(POLLED, findings=(found,), clock_offset_s=900.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(examine_module, "poll", lambda *_args, **_named: polled)
        examined = examine(
            cast("Transport", None),
            CONFIG,
            lambda: AT,
            Lockout(folder / "refused.jsonl", Path("port")),
            is_time_known=is_time_known,
        )
    registers = (ShownValue(ACTIVE_IMPORT, "x", Decimal(1), "Wh"),)
    return summed_up(replace(examined, registers=registers), is_time_known=is_time_known)


def summed_up(examined: Examination, *, is_time_known: bool) -> Concluded:
    verdict = judge(ListedMeter("A-1", 17), examined, is_time_known=is_time_known)
    troubles = tuple((each.kind, each.advice) for each in examined.troubles)
    return Concluded(troubles, len(examined.remarks), verdict.level, len(verdict.reasons))


@pytest.mark.parametrize("words", ["x", "its clock is {label} keys object-undefined no scaler"])
@pytest.mark.parametrize("is_time_known", [True, False])
def test_other_words_change_no_decision(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_time_known: bool
) -> None:
    before = [concluded(each, tmp_path, is_time_known=is_time_known) for each in FINDINGS]
    for kind in FindingKind:
        monkeypatch.setitem(WORDS, kind, words)
    after = [concluded(each, tmp_path, is_time_known=is_time_known) for each in FINDINGS]
    assert before == after
    assert len({each.troubles for each in before}) > len(FindingKind) - 2


@pytest.mark.parametrize("unit", ["", "V"])
def test_other_words_change_no_advice_on_units(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    registers = (ShownValue(WATER_VOLUME, "x", Decimal(1), unit),)
    before = [each.advice for each in unbilled(registers)]
    for kind in FindingKind:
        monkeypatch.setitem(WORDS, kind, "x")
    assert [each.advice for each in unbilled(registers)] == before


@pytest.mark.parametrize("of", Refusal)
@pytest.mark.parametrize("error", [AssociationRefused, PasswordRefused])
def test_the_words_of_a_refusal_change_no_advice(
    error: type[AssociationRefused], of: Refusal
) -> None:
    plain, misleading = error("x", of=of), error("keys high-level security diagnostic 2)", of=of)
    assert advice.for_error(plain) == advice.for_error(misleading)


def test_each_refusal_is_advised_in_its_own_way() -> None:
    told = {advice.for_error(PasswordRefused("x", of=each)) for each in Refusal}
    assert len(told) == len(Refusal) - 1, "a password alone has what its class has"
