# SPDX-License-Identifier: GPL-2.0-only
"""The installer's list: what he writes is what is meant, or the error names the line."""

import pytest

from edge_agent.errors import ConfigurationError
from edge_agent.install.addresses import HdlcAddress
from edge_agent.install.meter_list import ListedMeter, parse_labels, parse_list


def test_a_list_in_csv() -> None:
    text = (
        "\ufefflabel, address ,model,password_file,address_bytes\n"
        'A-1204,17,is16444,a.pw,\n"Lift, T1",200,,,4\nA-1,,,,\n'
    )
    first, lift, dial = parse_list(text, "list.csv")
    assert first == ListedMeter("A-1204", 17, model="is16444", password_file="a.pw")  # noqa: S106
    assert (first.hdlc, lift.hdlc, dial.hdlc) == (
        HdlcAddress(1, 17, 2),
        HdlcAddress(1, 200, 4),
        None,
    )
    assert lift.label == "Lift, T1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the first line names the columns label,address"),
        ("label,adress\nA,1\n", "not adress"),
        ("label,address\n,1\n", "line 2: label: it is missing"),
        ('label,address\n"A\nB",1\n', r"line 3: label: .*U\+000A .*at place 2"),
        ("label,address\nA,1\nB\u2028C,2\n", r"line 3: label: .*U\+2028 \(line separator\)"),
        ("label,address\nA\u202eB,1\n", r"line 2: label: .*U\+202E \(right-to-left override\)"),
        ('label,address\n"A', "line 2: not CSV"),
        (f"label,address\nA,1\n{'B' * 200_000},2\n", "line 3: not CSV: field larger"),
        ("label,address\nA,one\n", "line 2: address 'one' is no number"),
        (f"label,address\nA,{'9' * 5000}\n", "line 2: address '9+' is no number"),
        ("label,address\nA,1\nB,1\n", "address 1 stands twice"),
        ("label,address\nA,1\nA,2\n", "label 'A' stands twice"),
    ],
)
def test_a_wrong_list(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=f"list.csv.*{said}"):
        parse_list(text, "list.csv")


def test_seals_are_told_apart_by_spaces() -> None:
    (sealed, bare) = parse_list("label,address,seals\nA,1,S-1  S-2 S-1\nB,2,\n", "list.csv")
    assert (sealed.seals, bare.seals) == (("S-1", "S-2"), ())
    many = " ".join(f"S-{n}" for n in range(17))
    for seals, says in (("S\u200b1", r"line 2: seal .*U\+200B"), (many, "line 2: 17 seals")):
        with pytest.raises(ConfigurationError, match=says):
            parse_list(f"label,address,seals\nA,1,{seals}\n", "list.csv")


def test_labels_as_options() -> None:
    assert parse_labels(["17=A-1204 a=b"]) == (ListedMeter("A-1204 a=b", 17),)
    with pytest.raises(ConfigurationError, match="write address=label"):
        parse_labels(["A-1204"])


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("A-1,19,12x", "line 2: dial '12x' is not what a dial shows"),
        ("A-1,19,-1", "dial '-1' is not"),
        ("A-1,19,1e3", "dial '1e3' is not"),
        ("A-1,,12", "has no module: its dial is entered in the cloud"),
    ],
)
def test_a_dial_is_cubic_metres(row: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        parse_list(f"label,address,dial\n{row}\n", "list.csv")
