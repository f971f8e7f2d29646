# SPDX-License-Identifier: GPL-2.0-only
"""How the commands show checks: each as it comes, or all as one document.

In: checks. Out: lines or JSON on stdout; an error if one failed. Never: a check of its own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from edge_agent.cli.terminal import listing, show_json
from edge_agent.errors import Reported

if TYPE_CHECKING:
    from edge_agent.operate.configuration import Check


def show_checks(checks: "Iterable[Check]", *, as_json: bool) -> "list[Check]":
    """Show checks and return them.

    Raises:
        Reported: one of them failed.
    """
    shown: list[Check] = []
    for each in checks:
        shown.append(each)
        if not as_json:
            print(listing(_lines(each)), flush=True)  # at once: the broker takes a while
    failed = sum(each.level == "fail" for each in shown)
    if as_json:
        show_json({"ok": not failed, "checks": [asdict(each) for each in shown]})
    if failed:
        raise Reported(f"{failed} of {len(shown)} checks failed; what to do stands beside each")
    return shown


def _lines(check: "Check") -> Iterator[tuple[str, str]]:
    yield f"{check.level:<4}", f"{check.name}: {check.said}"
    if check.advice:
        yield "", check.advice
