# SPDX-License-Identifier: MIT
"""JSON for a program that reads a command's answer: numbers of a store and times as text.

In: dicts and lists of what the store gives. Out: one line of JSON. Never: a rounded number.
"""

import json
from datetime import datetime
from decimal import Decimal


def json_text(value: object) -> str:
    """Write a value as JSON: a decimal with all its digits, a time as ISO 8601 has it."""
    return json.dumps(value, default=_text, ensure_ascii=False)


def decimal_text(value: Decimal | None) -> str | None:
    """Write a decimal with all its digits, and never with an exponent; None stays None."""
    return None if value is None else f"{value:f}"


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, datetime) else str(value)
