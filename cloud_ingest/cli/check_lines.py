# SPDX-License-Identifier: MIT
"""How the commands show checks: a line each as it comes, or all as one document.

In: checks. Out: lines, or JSON; an error if one failed. Never: a check of its own.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from cloud_ingest.cli.say import say
from cloud_ingest.errors import ConfigurationError
from cloud_ingest.operate.checks import Check


def show_checks(checks: Iterable[Check], *, as_json: bool) -> list[Check]:
    """Show checks and return them."""
    shown: list[Check] = []
    for each in checks:
        shown.append(each)
        if not as_json:
            say(f"{each.level:<5} {each.name}: {each.said}")
            if each.advice:
                say(f"      {each.advice}")
    if as_json:
        is_sound = all(each.level != "fail" for each in shown)
        document = {"ok": is_sound, "checks": [asdict(each) for each in shown]}
        say(json.dumps(document, ensure_ascii=False))
    return shown


def require_no_failure(checks: Sequence[Check]) -> None:
    """Make sure that no check failed.

    Raises:
        ConfigurationError: some did.
    """
    if failed := sum(each.level == "fail" for each in checks):
        raise ConfigurationError(f"{failed} of {len(checks)} checks failed")
