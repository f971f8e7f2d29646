# SPDX-License-Identifier: MIT
"""The lines of keys and tables, in every way that TOML writes them."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_schema.settings.toml_lines import Place, lines_of, parsed

TEXT = '''\
a = 1
b.c = { d = 2 }
"e f" = """
a = 3
[g]
"""
list = [
  ["x"],
]
[g]     # comment
h = 1
[[t]]
[[t.u]]
v = 1
[[t.u]]
v = 2
[[t]]
[t.w]
x = 1
'''


def test_each_way_to_write_a_key_has_its_line() -> None:
    found = lines_of(TEXT, tomllib.loads(TEXT))
    assert found[("a",)] == 1
    assert found[("b", "c")] == 2
    assert found[("e f",)] == 3
    assert found[("list",)] == 7
    assert found[("t", 0, "u", 1, "v")] == 16
    assert found[("t",)] == 12
    assert found[("t", 1)] == 17
    assert found[("t", 1, "w", "x")] == 19


@given(st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=4))
def test_each_item_of_nested_lists_of_tables_has_its_line(estate: list[list[int]]) -> None:
    lines: list[str] = []
    expected: dict[Place, int] = {}
    for bus, meters in enumerate(estate):
        lines += ["# a line", "[[bus]]"]
        expected["bus", bus] = len(lines)
        for meter, address in enumerate(meters):
            lines += ["[[bus.meter]]", "", f"address = {address}"]
            expected["bus", bus, "meter", meter] = len(lines) - 2
            expected["bus", bus, "meter", meter, "address"] = len(lines)
    text = "\n".join(lines)
    found = lines_of(text, tomllib.loads(text))
    assert {place: found[place] for place in expected} == expected


@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 5000, f"{'.'.join('a' * 500)} = 1", f"[{'.'.join('a' * 500)}]\nb = [1]"],
)
def test_a_text_nested_too_deeply_is_no_toml(text: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError, match="nested too deeply"):
        parsed(text)


def test_a_file_larger_than_any_settings_is_not_read() -> None:
    with pytest.raises(tomllib.TOMLDecodeError, match="longer than 1000000 characters"):
        parsed("# much\n" * 150_000)


@pytest.mark.parametrize(
    "value", ["9" * 5000, f"0x{'f' * 6000}", str(2**63 + 1), f"[1, {{ b = {'9' * 4000} }}]"]
)
def test_an_endless_number_is_no_toml(value: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError, match=r"cannot be read|more than 64 bits"):
        parsed(f"a = {value}")


def test_the_largest_number_is_read() -> None:
    assert parsed(f"a = {2**63 - 1}") == {"a": 2**63 - 1}
