# SPDX-License-Identifier: MIT
"""Every flag names the unit that it is about; only what is of a gateway has none."""

import ast
from pathlib import Path

import cloud_ingest

WITHOUT_UNIT = {
    "gateway_finding.py": "a gateway serves many",
    "silence_words.py": "of a gateway: `unread` names each unit behind it",
    "quarantine_flags.py": "of evidence; an acknowledgement has the unit that it names",
}


def says_none(node: ast.AST) -> bool:
    values = [each for each in ast.walk(node) if isinstance(each, ast.Constant)]
    return any(each.value is None for each in values)


def test_only_what_is_of_a_gateway_names_no_unit() -> None:
    found, made = set(), 0
    for path in Path(cloud_ingest.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding":
                named = {each.arg: each.value for each in node.keywords}
                if "society" not in named:
                    continue  # what a water rule found of an episode
                made += 1
                if says_none(named["unit"]):
                    found.add(path.name)
    assert made > 8
    assert found == WITHOUT_UNIT.keys()
