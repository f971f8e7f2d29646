# SPDX-License-Identifier: MIT
"""What docs and docstrings name is there: paths, modules, links, targets of `make`, decisions."""

import re
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("edge_agent", "cloud_ingest", "shared_schema", "deploy", "tests")
HEAD = rf"(?:{'|'.join(PACKAGES)}|docs|\.github|\.ci)"
PATH = re.compile(rf"(?<![\w/.-]){HEAD}/[\w./-]*\w")
MODULE = re.compile(rf"`((?:{'|'.join(PACKAGES)})(?:\.\w+)+)`")
IN_STAGE = re.compile(r"`([a-z_]+\.[a-z_]+)`")
FILE = re.compile(r"`([\w/]+\.(?:py|sql))`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
OF_A_FILE = re.compile(r"\[[\w-]+\.md\]\(")
ANCHOR = re.compile(r"\]\(([^):]*#[^)]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
TARGET = re.compile(r"(?:`|^)make ([a-z-]+)", re.MULTILINE)
DOCS = sorted(
    chain(ROOT.glob("*.md"), (ROOT / "docs").rglob("*.md"), (ROOT / "tests").rglob("*.md"))
)
CODE = sorted(chain.from_iterable((ROOT / package).rglob("*.py") for package in PACKAGES))


def _absent(
    paths: Iterable[Path], pattern: re.Pattern[str], is_there: Callable[[Path, str], bool]
) -> list[str]:
    """Return what is named in some files and is not there, as ``file: name``."""
    return [
        f"{path.relative_to(ROOT)}: {name}"
        for path in paths
        for name in sorted(set(pattern.findall(path.read_text(encoding="utf-8"))))
        if not is_there(path, name)
    ]


def _module_is_there(_path: Path, dotted: str) -> bool:
    """Return whether a module has that name, or has a name of its own that is its last word."""
    path = ROOT / dotted.replace(".", "/")
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    above = path.parent.with_suffix(".py")
    return above.is_file() and re.search(rf"\b{path.name}\b", above.read_text()) is not None


def test_every_path_that_is_named_is_there() -> None:
    assert _absent([*DOCS, *CODE], PATH, lambda _, name: (ROOT / name).exists()) == []


def test_every_module_that_is_named_is_there() -> None:
    assert _absent([*DOCS, *CODE], MODULE, _module_is_there) == []


def test_every_module_that_is_named_by_its_stage_is_there() -> None:
    def is_there(path: Path, dotted: str) -> bool:
        stage, name = dotted.split(".")
        folder = ROOT / path.relative_to(ROOT).parts[0] / stage
        return not folder.is_dir() or any(each.stem == name for each in folder.iterdir())

    assert _absent(CODE, IN_STAGE, is_there) == []


def test_every_file_is_named_with_its_folder() -> None:
    def is_there(path: Path, name: str) -> bool:
        return (ROOT / name).is_file() or (path.parent / name).is_file()

    assert _absent(DOCS, FILE, is_there) == []


def test_every_link_leads_somewhere() -> None:
    assert _absent(DOCS, LINK, lambda path, link: (path.parent / link).exists()) == []


def test_a_link_says_its_page_and_not_its_file() -> None:
    pages = sorted((ROOT / "docs").rglob("*.md"))
    assert _absent(pages, OF_A_FILE, lambda _path, _name: False) == []


def _anchors(page: str) -> set[str]:
    """Return what a forge calls the headings of a page."""
    return {
        re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in HEADING.findall(page)
    }


def test_every_anchor_is_a_heading() -> None:
    def is_there(path: Path, link: str) -> bool:
        file, _, anchor = link.partition("#")
        page = path.parent / file if file else path
        return page.is_file() and anchor in _anchors(page.read_text(encoding="utf-8"))

    assert _absent(DOCS, ANCHOR, is_there) == []


def test_the_first_page_leads_to_every_page() -> None:
    first = ROOT / "docs" / "index.md"
    linked = {first.parent / link for link in LINK.findall(first.read_text())}
    pages = chain.from_iterable(
        (ROOT / "docs" / kind).glob("*.md") for kind in ("explanation", "howto", "reference")
    )
    assert sorted(path.name for path in pages if path not in linked) == []


def test_every_target_of_make_is_there() -> None:
    made = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert _absent(DOCS, TARGET, lambda _, name: name in made) == []


def test_decisions_are_numbered_without_a_hole() -> None:
    found = sorted((ROOT / "docs/adr").glob("*.md"))
    numbers = range(1, len(found) + 1)
    assert [path.name[:5] for path in found] == [f"{number:04}-" for number in numbers]
    titles = [path.read_text(encoding="utf-8").partition(". ")[0] for path in found]
    assert titles == [f"# {number}" for number in numbers]
