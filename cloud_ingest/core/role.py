# SPDX-License-Identifier: MIT
"""What people may do in a society: roles, and the rights that each has.

A role is held in one society. A resident's is of one unit. Billing has no login: it is a program
and holds a token (`core.api_token`).

Pure.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a person is to a society."""

    MANAGER = "manager"
    TREASURER = "treasurer"
    HELPDESK = "helpdesk"
    OPERATOR = "operator"
    RESIDENT = "resident"


class Right(StrEnum):
    """What a page, or a form of it, asks for."""

    MONTH_SEE = "month:see"
    MONTH_APPROVE = "month:approve"
    MONTH_EXPORT = "month:export"
    UNIT_SEE = "unit:see"
    """Any unit of the society: its months and days, and what its flags stand on."""
    CURVE_OPEN = "curve:open"
    """The quarter hours of any unit: with a reason, and the resident sees who looked."""
    OWN_UNIT = "unit:own"
    """Everything of the one unit where the visitor lives."""
    FLAGS_SEE = "flags:see"
    FLAGS_ATTEND = "flags:attend"
    TOWERS_SEE = "towers:see"
    HEALTH_SEE = "health:see"
    SELF_READS_DECIDE = "self-reads:decide"
    WITNESS_WRITE = "witness:write"
    PEOPLE_MANAGE = "people:manage"
    AUDIT_SEE = "audit:see"
    DATA_ERASE = "data:erase"


_SEES_NUMBERS: Final = frozenset(
    {
        Right.MONTH_SEE,
        Right.MONTH_APPROVE,
        Right.MONTH_EXPORT,
        Right.UNIT_SEE,
        Right.CURVE_OPEN,
        Right.FLAGS_SEE,
        Right.TOWERS_SEE,
        Right.HEALTH_SEE,
    }
)
RIGHTS: Final[Mapping[Role, frozenset[Right]]] = {
    Role.MANAGER: frozenset(Right) - {Right.OWN_UNIT},
    Role.TREASURER: _SEES_NUMBERS,
    Role.HELPDESK: frozenset(
        {Right.UNIT_SEE, Right.FLAGS_SEE, Right.FLAGS_ATTEND, Right.HEALTH_SEE}
    ),
    Role.OPERATOR: frozenset({Right.HEALTH_SEE, Right.AUDIT_SEE}),
    Role.RESIDENT: frozenset({Right.OWN_UNIT}),
}
