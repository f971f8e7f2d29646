# SPDX-License-Identifier: MIT
"""The sentences that the pages' templates and modules say, and the catalogues of their languages.

As a program it renews the catalogues: what is new has no translation yet, what is gone is left out.
"""

from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

WEB: Final = Path(__file__).parents[2] / "cloud_ingest" / "web"
METHODS: Final = [("**.py", "python"), ("**.html", "jinja2")]
OPTIONS: Final = {"**.html": {"silent": "false"}}


def said() -> Catalog:
    """Return every sentence that is marked for translation."""
    found = Catalog()
    for _, _, text, _, _ in extract_from_dir(WEB, METHODS, OPTIONS, strip_comment_tags=True):
        found.add(text)
    return found


def catalogues() -> list[Path]:
    """Return the file of each language."""
    return sorted((WEB / "locale").glob("*.po"))


def catalogue(path: Path) -> Catalog:
    """Return what a file has."""
    with path.open("rb") as file:
        return read_po(file, locale=path.stem)


def renew() -> None:
    """Bring all files in line with the pages."""
    for path in catalogues():
        renewed = catalogue(path)
        renewed.update(said(), no_fuzzy_matching=True)
        with path.open("wb") as file:
            write_po(
                file, renewed, omit_header=True, ignore_obsolete=True, sort_output=True, width=100
            )


if __name__ == "__main__":
    renew()
