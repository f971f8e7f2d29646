"""The page that shows a proof to whoever reads it."""

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from cloud_ingest.prove.sheet import proof_sheet
from shared_schema.proof.check import check
from shared_schema.proof.pack import Held, Proof
from shared_schema.proof.verdict import fingerprint_of
from shared_schema.proof.words import Language
from shared_schema.quality import Quality, Reason
from tests.support.proof_cases import CASES, case, edited, plain, replacement, self_read, succession
from tests.support.proofs import Maker

LANGUAGES = pytest.mark.parametrize("language", ["en", "hi"])


def sheet(proof: Proof, language: Language = "en") -> str:
    return proof_sheet(proof, check(proof), "proof.json", language)


class Tags(HTMLParser):
    """Holds that each element that is opened is closed, and which there are."""

    VOID = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen = set[str]()

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        self.seen.add(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@LANGUAGES
@pytest.mark.parametrize("make", CASES, ids=lambda each: each.__name__)
def test_each_case_is_a_whole_page(make: Callable[[Maker], None], language: Language) -> None:
    proof = case(make).proof
    text = sheet(proof, language)
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert "script" not in tags.seen
    assert not re.search(r"\{\w+\}", text.partition("</style>")[2].partition("What the gate")[0])
    for key in proof.keys:
        assert fingerprint_of(key) in text


def test_the_arithmetic_stands_in_it() -> None:
    assert "12374.755 - 12345.000 = 29.755 kWh" in sheet(case(plain).proof)
    text = sheet(case(replacement).proof)
    assert "5.001 + 4.699 = <b>9.700 kWh</b>" in text


def test_it_says_who_said_what() -> None:
    text = sheet(case(edited).proof)
    assert "signed by gateway gw-a" in text
    assert "entered by a person" in text
    assert "dial read with the resident" in text
    assert "Nothing here is signed by a gateway" in sheet(case(self_read).proof)


def test_a_step_to_the_next_key_is_no_reading() -> None:
    text = sheet(case(succession).proof)
    assert text.count("next key, which this one names") == 2
    assert text.count("The readings of this meter in it") == 3


@pytest.mark.parametrize(
    ("quantity", "says"), [("29.750", "become 29.750 kWh"), (None, "would be taken back")]
)
def test_a_change_that_waits_is_told(quantity: str | None, says: str) -> None:
    text = sheet(case(plain).proof.model_copy(update={"held": Held(quantity=quantity)}))
    assert says in text
    assert "knows of a change of this number" in text


def test_a_name_is_no_markup() -> None:
    bad = "<script>alert(1)</script>{x}"
    proof = case(plain).proof
    entry = proof.entries[0].model_copy(update={"by": bad, "why": bad, "meter": bad})
    served = proof.meters[0].model_copy(update={"source": bad, "by": bad})
    update = {"society": bad, "zone": bad, "entries": (entry,), "meters": (served,)}
    assert "<script" not in sheet(proof.model_copy(update=update))


def test_what_hides_in_a_name_is_shown() -> None:
    proof = case(plain).proof.model_copy(update={"society": "Lake\u202eView"})
    assert "Lake\\u202eView" in sheet(proof)


@LANGUAGES
def test_every_reason_and_quality_has_words(language: Language) -> None:
    proof = case(plain).proof.model_copy(
        update={
            "state": "withheld",
            "number": None,
            "parts": (),
            "reasons": tuple(each.value for each in Reason),
        }
    )
    text = sheet(proof, language)
    assert not [each.value for each in Reason if "_" in each.value and each.value in text]
    assert not [each.value for each in Quality if "_" in each.value and each.value in text]
