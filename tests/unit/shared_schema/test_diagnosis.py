# SPDX-License-Identifier: MIT
"""A diagnosis on its way: whole or refused, and never larger than it may be."""

import base64
import contextlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_schema.diagnosis import MOST_PLAIN, packed, unpacked
from shared_schema.errors import MalformedMessage

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    st.lists,
    max_leaves=9,
)


@given(st.dictionaries(st.text(), values))
def test_a_document_comes_back(document: dict[str, object]) -> None:
    assert unpacked(packed(document)) == document


@given(st.text() | st.binary().map(lambda data: base64.b64encode(zlib.compress(data)).decode()))
def test_any_other_text_is_refused_or_a_document(text: str) -> None:
    found = None
    with contextlib.suppress(MalformedMessage):
        found = unpacked(text)
    assert found is None or isinstance(found, dict)


def test_a_text_that_swells_is_refused() -> None:
    swollen = base64.b64encode(zlib.compress(b" " * (MOST_PLAIN + 1) + b"{}")).decode()
    assert len(swollen) < 10_000
    with pytest.raises(MalformedMessage, match="larger than"):
        unpacked(swollen)


def test_half_a_document_is_refused() -> None:
    whole = base64.b64decode(packed({"log": ["line"] * 99}))
    with pytest.raises(MalformedMessage, match="cut off"):
        unpacked(base64.b64encode(whole[:-9]).decode())


@pytest.mark.parametrize("plain", [rb'{"log": "\ud800"}', b'{"log":' * 900 + b"0" + b"}" * 900])
def test_what_no_file_can_hold_is_refused(plain: bytes) -> None:
    with pytest.raises(MalformedMessage, match="no diagnosis"):
        unpacked(base64.b64encode(zlib.compress(plain)).decode())
