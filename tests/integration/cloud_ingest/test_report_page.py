# SPDX-License-Identifier: MIT
"""The page of the views of reports: as each edition's store has them."""

import re
from pathlib import Path

from cloud_ingest.store.connection import Connection
from tests.support.report_page import NAME, report_page

PAGE = (Path(__file__).parents[3] / "docs/reference" / NAME).read_text("utf-8")


def test_the_page_is_what_the_store_says_of_its_views(conn: Connection) -> None:
    assert report_page(conn) == PAGE, f"{NAME}: run `make docs`"


def test_every_view_and_column_says_what_it_means() -> None:
    assert re.findall(r".*None.*", PAGE) == []


def test_the_examples_of_the_page_are_sound(conn: Connection) -> None:
    examples = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        conn.execute(example.encode())
