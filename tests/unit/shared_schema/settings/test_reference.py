# SPDX-License-Identifier: MIT
"""The reference tells of a field what its declaration says."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from shared_schema.settings.kinds import Kind, SecretFile
from shared_schema.settings.reference import with_tables

HEAD = "| key | type | unit | default | meaning |\n|---|---|---|---|---|\n"


class Inner(BaseModel):
    """A table."""

    names: tuple[Annotated[str, Field(max_length=9)], ...] = ()
    """Names. None twice."""


class Whole(BaseModel):
    """A file."""

    wait_s: float | None = Field(gt=0, le=5, default=None)
    """How long. None: the line's own, by `mode`. May be | short (docs/adr/0005-full-spool.md)."""
    share_percent: Decimal = Field(ge=0, le=100, default=Decimal("0.5"))
    """How much."""
    mode: Literal["a", "b"] = "a"
    """Which."""
    zone: Annotated[str, Kind("name of a zone")] | None = None
    """Where: docs/howto/units.md#zones."""
    key_file: SecretFile
    """A key."""
    inner: Inner = Inner()
    """One."""
    many: tuple[Inner, ...] = Field(alias="inners", default=())
    """Several."""


def test_a_table_is_made_of_the_fields(tmp_path: Path) -> None:
    (tmp_path / "howto").mkdir()
    (tmp_path / "howto" / "units.md").write_text("# Keep the list\n\nText.\n")
    page = f"# Page\n\n## Top\nBefore.\n{HEAD}| `old` | | | | |\n\nAfter.\n## [x]\n{HEAD}"
    assert with_tables(page, {"Top": Whole, "[x]": Inner}, tmp_path) == (
        f"# Page\n\n## Top\nBefore.\n{HEAD}"
        "| `wait_s` | number, above 0, up to 5 | s | the line's own, by `mode` | How long. May be "
        "\\| short ([ADR 5](../adr/0005-full-spool.md)). |\n"
        "| `share_percent` | number, 0 to 100 | % | `0.5` | How much. |\n"
        '| `mode` | `"a"` or `"b"` | | `"a"` | Which. |\n'
        "| `zone` | name of a zone | | none | Where: [Keep the list](../howto/units.md#zones). |\n"
        "| `key_file` | path of a secret | | required | A key. |\n"
        "| `inner` | table `[inner]` | | see below | One. |\n"
        "| `inners` | tables `[[inners]]` | | none | Several. |\n"
        f"\nAfter.\n## [x]\n{HEAD}"
        "| `names` | list of text, up to 9 characters | | none | Names. None twice. |\n"
    )
