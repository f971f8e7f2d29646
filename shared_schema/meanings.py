# SPDX-License-Identifier: MIT
"""What each field of a message means: the docstring under it, or what its name means everywhere.

In: a model or an enumeration. Out: texts for the reference and for the schemas.
Never: read while a program serves; it parses source text.
"""

import ast
import inspect
from collections.abc import Iterator
from enum import StrEnum
from itertools import pairwise
from textwrap import dedent
from typing import Final

from pydantic import BaseModel

EVERYWHERE: Final = {
    "schema": "Name and version of this form; a changed meaning is a new version.",
    "society": "The society, by its name.",
    "month": "The month in the society's zone: ``2026-07``.",
    "zone": "In which the month begins and ends: ``Asia/Kolkata``; None: it is not said.",
    "subject": "Whom it is about.",
    "subject_type": "What the subject is.",
    "service": "Electricity or water.",
    "version": "Rises with each message about the same.",
    "quality": "How good it is.",
    "reasons": "Why it is so; empty: nothing speaks against it.",
    "closed_at": "When the month was closed, or closed again.",
    "opening": "The register at the beginning.",
    "closing": "The register at the end.",
    "bounds": "Between what the truth lies.",
    "lower": "It is no less.",
    "upper": "It is no more.",
    "method": "How it was found.",
    "share": "What of the quantity is of this month.",
    "tower": "The tower, by its name.",
    "unit": "The unit, by its label.",
    "meter": "The meter.",
    "manufacturer": "The meter's maker, as read from it.",
    "serial": "The meter's serial number, as read from it.",
    "source": "Which supply: ``grid``, ``inlet-1``.",
    "obis": "Which quantity of the meter: its OBIS code.",
    "scaler": "Value = raw * 10^scaler.",
    "profile": "Which profile of the meter; None: registers that were read when asked.",
    "columns": "What stands in a row after its first two fields.",
    "rows": "One row a time; see above.",
    "salt": "16 random bytes in hex: the block's hash cannot be guessed from its content.",
    "blocks": "The parts of the message, in order; in a header the SHA-256 of each.",
    "gateway": "The gateway: the common name of its certificate.",
    "key": "The first 16 hex digits of the SHA-256 of the public key that signed.",
    "session": "Of the gateway's session with the broker; another start is another one.",
    "stream": "The id of the gateway's spool, made with it.",
    "seq": "The number of the batch in its stream, from 1 on.",
    "first": "The number of the first batch.",
    "last": "The number of the last batch.",
    "store": "The id of the store: another id is another store.",
    "state": "Whether it is there.",
    "at": "When it was said.",
    "created_at": "When the batch was sealed, by the gateway's clock.",
    "made_at": "When it was made.",
    "issued_at": "When the cloud issued it.",
    "expires_at": "From when on it is no longer valid.",
    "since": "From when on.",
    "until": "Up to when.",
    "id": "Its id: it is never used again.",
    "kind": "Which kind it is.",
    "arguments": "For which meters, and which window.",
    "command": "The command that it is about.",
    "outcome": "What became of it.",
    "reason": "Why.",
    "detail": "What happened, for a person.",
    "done": "Whether the meter did it.",
    "label": "What the gateway's settings call the meter.",
    "meters": "The meters; of a status, how many are in the settings.",
    "meters_answering": "How many answered when they were last asked.",
    "clock_synchronised": "Whether the gateway's time is confirmed.",
    "spool_max_bytes": "How large the spool's file may become.",
    "disk_total_bytes": "The size of that disk.",
    "bus": "The serial line, as the gateway's settings name it.",
    "name": "Its name in the gateway's settings.",
    "why": "Why the meter is not read.",
    "failures": "How many are not read, by the reason.",
    "signature": "Ed25519 over the bytes of the line that is signed, in base64.",
    "seen": "What was seen, in the order of time.",
    "captures": "Which profiles changed, and how.",
    "after": "The same of what it captures now.",
    "gained": "Columns of rows that are new.",
    "newest_reading_at": "When the newest reading was; None: there is none.",
    "last_load_at": "When it took something last.",
    "last_moved_at": "When the register moved last.",
    "rule_met_at": "When the rule was met.",
    "lowest_hour_litres": "The least that passed in one hour since then.",
    "known_hours": "Of how many hours the register is known.",
    "litres_so_far": "How much passed so far.",
    "litres_a_day": "How much is lost in a day: the likeliest figure.",
    "least_litres_a_day": "The lower end of the interval.",
    "kwh_a_day": "How much is lost in a day: the likeliest figure.",
    "least_kwh_a_day": "The lower end of the interval.",
    "kwh_so_far": "How much was given back so far.",
    "kwh_a_day_before": "What it took in a day before.",
    "kwh_a_day_now": "What it takes in a day now.",
    "litres_missed": "What the meter did not count.",
    "kwh_missed": "What the meter did not count.",
    "least_share": "The lower end of the interval.",
    "phases": "Which phases: ``L1``, ``L2``, ``L3``.",
    "noted": "What the meter noted.",
    "months": "Which months.",
    "suspects": "Which meters.",
    "exceeded": "By hour: what was brought, and what may be.",
    "quota": "Which quota.",
    "used": "How much was brought.",
    "limit": "How much may be brought.",
}
"""By the name of a field, as it is sent."""


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Return what each field of a model means, by the name under which it is sent.

    Raises:
        KeyError: nobody has said it of a field.
    """
    own: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            own |= _under(base, ast.AnnAssign)
    found = {}
    for name, field in model.model_fields.items():
        sent = field.alias or name
        found[sent] = own[name] if name in own else EVERYWHERE[sent]
    return found


def member_meanings(kind: type[StrEnum]) -> dict[str, str]:
    """Return what the members of an enumeration mean, by value; empty: its name says it."""
    own = _under(kind, ast.Assign)
    return {member.value: own.get(member.name, "") for member in kind}


def _under(kind: type, statement: type[ast.AnnAssign | ast.Assign]) -> dict[str, str]:
    """Return the docstrings under the fields or members in a class's own body."""
    (node,) = ast.parse(dedent(inspect.getsource(kind))).body
    assert isinstance(node, ast.ClassDef)  # noqa: S101 - what the source of a class is
    return {
        name: inspect.cleandoc(after.value.value)
        for before, after in pairwise(node.body)
        if isinstance(before, statement)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
        and isinstance(after.value.value, str)
        for name in _names(before)
    }


def _names(statement: ast.AnnAssign | ast.Assign) -> Iterator[str]:
    targets = [statement.target] if isinstance(statement, ast.AnnAssign) else statement.targets
    return (target.id for target in targets if isinstance(target, ast.Name))
