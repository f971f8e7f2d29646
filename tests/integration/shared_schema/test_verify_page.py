# SPDX-License-Identifier: MIT
"""The page that checks a proof, in a real browser whose network is off."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import shared_schema
from shared_schema.proof.check import check
from shared_schema.proof.pack import write_proof
from shared_schema.proof.verdict import fingerprint_of
from shared_schema.proof.words import headline
from tests.support.browser import Page, browser_page
from tests.support.proof_cases import case, edited, plain, succession

PAGE = Path(shared_schema.__file__).with_name("verify.html")
PLAIN = case(plain)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser_page(tmp_path_factory.mktemp("browser")) as found:
        found.open(PAGE.as_uri())
        yield found


def shown(page: Page, data: bytes, folder: Path, trust: str = "") -> str:
    """What the page says of a file, with a fingerprint in its field."""
    path = folder / f"proof-{os.urandom(4).hex()}.json"
    path.write_bytes(data)
    page.run(f"find('trust').value = {trust!r}; find('result').replaceChildren();")
    page.choose("#file", path)
    page.wait("find('result').querySelector('.verdict') !== null")
    return str(page.run("find('result').innerText"))


def test_a_proof_that_holds_is_said_to(page: Page, tmp_path: Path) -> None:
    told = shown(page, write_proof(PLAIN.proof), tmp_path)
    assert headline(check(PLAIN.proof)) in told
    assert "29.755 kWh, version 1" in told


def test_a_fingerprint_ties_it(page: Page, tmp_path: Path) -> None:
    (fingerprint,) = PLAIN.fingerprints
    typed = " ".join(fingerprint[at : at + 4] for at in range(0, 64, 4)).upper()
    told = shown(page, write_proof(PLAIN.proof), tmp_path, typed)
    assert headline(check(PLAIN.proof, PLAIN.fingerprints)) in told
    assert "but not every reading" in shown(page, write_proof(PLAIN.proof), tmp_path, "0" * 64)


def test_the_first_key_ties_those_that_follow(page: Page, tmp_path: Path) -> None:
    proof = case(succession).proof
    told = shown(page, write_proof(proof), tmp_path, fingerprint_of(proof.keys[0]))
    assert "or by one that follows such a key." in told
    assert told.count("(named by a key before it that you trust)") == 2


def test_what_is_spoilt_is_refused(page: Page, tmp_path: Path) -> None:
    data = write_proof(PLAIN.proof)
    assert "does not hold" in shown(page, data.replace(b"12374755", b"12374756"), tmp_path)
    for garbage in (b"", b"{}", data[:-9], b" " * 4_194_305):
        assert "This is no proof" in shown(page, garbage, tmp_path)


def test_it_says_what_is_not_proven(page: Page, tmp_path: Path) -> None:
    assert "was entered by a person" in shown(page, write_proof(case(edited).proof), tmp_path)


def test_it_speaks_hindi(page: Page, tmp_path: Path) -> None:
    page.run("find('language').value = 'hi'")
    try:
        told = shown(page, write_proof(PLAIN.proof), tmp_path)
        assert headline(check(PLAIN.proof), "hi") in told
        assert page.run("document.documentElement.lang") == "hi"
    finally:
        page.run("find('language').value = 'en'; render();")


def test_a_wrong_fingerprint_is_told(page: Page) -> None:
    page.run("find('trust').value = 'abc'; find('trust').dispatchEvent(new Event('input'));")
    page.wait("!find('trust-wrong').hidden")
    page.run("find('trust').value = ''; find('trust').dispatchEvent(new Event('input'));")
    page.wait("find('trust-wrong').hidden")


def test_a_browser_without_ed25519_says_so(page: Page) -> None:
    page.run("find('unable').hidden = true; canVerify = async () => false; render();")
    page.wait("!find('unable').hidden")
    assert "Firefox 129" in str(page.run("find('unable').innerText"))


def test_it_asks_nobody(page: Page, tmp_path: Path) -> None:
    page.open(PAGE.as_uri())
    shown(page, write_proof(PLAIN.proof), tmp_path)
    assert {url.partition(":")[0] for url in page.requests} <= {"file"}
    blocked = "new Image().src = 'http://127.0.0.1:9/x'; eval('1')"
    page.run(f"try {{ {blocked} }} catch (error) {{ window.refused = error.name; }}")
    assert page.run("window.refused") == "EvalError"
