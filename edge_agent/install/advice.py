# SPDX-License-Identifier: GPL-2.0-only
"""The choice of advice: what to try next when a meter cannot be read.

The kind of an error or finding selects the advice, never a word of its text.

In: an error, or a finding. Out: a sentence for a person at the meter (`advice_texts`).
Never: a guess that could lock a meter.
"""

from edge_agent.dlms.security import Mode
from edge_agent.errors import (
    AccessDenied,
    AgentError,
    AssociationRefused,
    ConfigurationError,
    ProtocolViolation,
    Refusal,
    RefusedBefore,
)
from edge_agent.install.advice_texts import (
    AGAIN,
    BY_KIND,
    OF_BREACH,
    OF_FINDING,
    OF_REFUSAL,
    OF_RESULT,
    OF_SECURITY,
    OF_SETUP,
    OTHER_HIGH_LEVEL,
    OTHER_RESULT,
    WITH_SECRET,
)
from edge_agent.poll.finding import Finding


def for_error(error: AgentError, tried: Mode | None = None) -> str:
    """Return what to try after an error.

    Args:
        error: what ended a step.
        tried: how the meter was associated with, where that is known.
    """
    if error.next_step is not None:
        return error.next_step
    if isinstance(error, ConfigurationError):
        return OF_SETUP[error.of]
    if isinstance(error, AccessDenied):
        return for_result(error.result, tried)
    if isinstance(error, AssociationRefused) and not isinstance(error, RefusedBefore):
        by_refusal = _for_refusal(error.of, tried)
        if by_refusal is not None:
            return by_refusal
    if isinstance(error, ProtocolViolation) and error.of in OF_BREACH:
        return OF_BREACH[error.of]
    return next(text for kind, text in BY_KIND if isinstance(error, kind))


def for_result(result: int, tried: Mode | None = None) -> str:
    """Return what to try after an object was refused with a data-access-result."""
    if tried not in {None, Mode.NONE} and result in WITH_SECRET:
        return WITH_SECRET[result]
    return OF_RESULT.get(result, OTHER_RESULT)


def _for_refusal(of: Refusal, tried: Mode | None) -> str | None:
    asks = of in {Refusal.SECURITY, Refusal.HIGH_LEVEL}
    if asks and tried is not None and tried not in {Mode.NONE, Mode.LLS, Mode.LLS_AE}:
        return OTHER_HIGH_LEVEL
    if of is Refusal.SECURITY and tried in OF_SECURITY:
        return OF_SECURITY[tried]
    return OF_REFUSAL.get(of)


def for_finding(found: Finding, tried: Mode | None = None) -> str:
    """Return what to try after a finding."""
    if found.result is not None:
        return for_result(found.result, tried)
    return OF_FINDING.get(found.kind, AGAIN)
