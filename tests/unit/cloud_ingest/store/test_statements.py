# SPDX-License-Identifier: MIT
"""Where SQL stands: under ``store`` alone; in a file only where it is worth one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import cloud_ingest

PACKAGE = Path(cloud_ingest.__file__).parent
STORE = PACKAGE / "store"
QUERIES = STORE / "queries"
OUTSIDE = sorted(set(PACKAGE.rglob("*.py")) - set(STORE.rglob("*.py")))
FILES = sorted(QUERIES.rglob("*.sql"))
STATEMENT = re.compile(
    r"\b(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|DROP\s+TABLE|CALL\s+\w+\("
    r"|COPY\s+\w+\s*\(|TRUNCATE\s+\w+|SET\s+(LOCAL|TRANSACTION)|ALTER\s+TABLE|CREATE\s+TABLE)",
    re.DOTALL,
)
READINGS = re.compile(r"\b(FROM|JOIN|UPDATE)\s+(metering\.)?reading\b", re.IGNORECASE)
ROLLUPS = re.compile(r"\b(days|months)_between\b")


def name_of(path: Path) -> str:
    return path.relative_to(QUERIES).with_suffix("").as_posix()


def texts(path: Path) -> Iterator[str]:
    """The string constants of a module, without its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    told = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


def calls(path: Path) -> set[str]:
    """The names of the functions and methods that a module calls."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {
        func.attr if isinstance(func, ast.Attribute) else func.id
        for func in called
        if isinstance(func, ast.Attribute | ast.Name)
    }


def statement(path: Path) -> list[str]:
    """The lines of a query without its comments."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("--")]


def is_planned(text: str) -> bool:
    return bool(READINGS.search(text) or ROLLUPS.search(text))


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_sql_stands_outside_of_the_store(path: Path) -> None:
    assert [text for text in texts(path) if STATEMENT.search(text)] == []
    assert calls(path).isdisjoint({"execute", "executemany", "fetchone", "fetchall", "query"})
    assert not re.search(r"^\s*(import|from) psycopg", path.read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_query_that_has_a_file_is_worth_one(path: Path) -> None:
    licence, description, *_ = path.read_text(encoding="utf-8").splitlines()
    assert licence == "-- SPDX-License-Identifier: MIT"
    assert re.fullmatch(r"-- [A-Z].*[a-z.,:;)]", description)
    assert len(path.relative_to(QUERIES).parts) == 2, "a folder a noun"
    text = "\n".join(statement(path))
    assert len(statement(path)) > 4 or is_planned(text), "it can stand in its function"


def test_every_query_that_has_a_file_is_used() -> None:
    asked = {text for path in STORE.glob("*.py") for text in texts(path)}
    buckets = {f"rollup/{bucket}_remember" for bucket in ("day", "month")}
    assert {name_of(path) for path in FILES} <= asked | buckets


def test_the_page_names_each_query_of_readings_and_rollups() -> None:
    page = (PACKAGE.parent / "docs" / "reference" / "sql.md").read_text(encoding="utf-8")
    looks = {path for path in FILES if is_planned("\n".join(statement(path)))}
    assert [name_of(path) for path in sorted(looks) if f"`{name_of(path)}`" not in page] == []


def test_no_statement_about_readings_hides_in_a_module() -> None:
    """A test holds the plan of each query that looks for readings: it finds them by their files."""
    hidden = [text for path in STORE.glob("*.py") for text in texts(path) if READINGS.search(text)]
    assert hidden == []
