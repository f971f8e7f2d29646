# SPDX-License-Identifier: MIT
"""The reference of the API is that of the program."""

from pathlib import Path

from cloud_ingest.api import reference
from cloud_ingest.core.api_token import Scope

FOLDER = Path(__file__).parents[4] / "docs" / "reference"


def test_the_reference_is_current() -> None:
    assert (FOLDER / reference.DOCUMENT).read_text("utf-8") == reference.document_text(), (
        "make docs"
    )
    assert (FOLDER / reference.PAGE).read_text("utf-8") == reference.page(), "make docs"


def test_each_room_below_v1_wants_one_scope() -> None:
    for path, methods in reference.document()["paths"].items():
        for operation in methods.values():
            (wanted,) = operation.get("security", [{"token": []}])
            assert len(wanted.get("token", ())) == path.startswith("/v1/"), path
            assert set(wanted.get("token", ())) <= set(Scope)
            assert ("link" in wanted) == path.startswith("/self-read"), path
