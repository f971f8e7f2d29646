"""The page in a browser and the command say the same of every file, whole or spoilt."""

import base64
import hashlib
import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import shared_schema
from shared_schema.catalogue import Service
from shared_schema.proof.check import check
from shared_schema.proof.pack import Meter, NotAProof, Reading, read_proof, write_proof
from shared_schema.proof.page import page
from shared_schema.proof.words import Language, headline, number_text, verdict_lines
from shared_schema.signing import fingerprint, generate_key
from shared_schema.text import visible
from tests.support.gateway import Sealer
from tests.support.node_page import NodePage, node_page
from tests.support.proof_cases import CASES, case, plain
from tests.support.proofs import END, HOUR, START, Maker

PAGE = Path(shared_schema.__file__).with_name("verify.html")
SPOILT = 3000


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodePage]:
    with node_page(tmp_path_factory.mktemp("page")) as found:
        yield found


def python_answer(data: bytes, trusted: frozenset[str]) -> dict[str, Any]:
    try:
        proof = read_proof(data)
    except NotAProof:
        return {"refused": True}
    verdict = check(proof, trusted)
    return {
        "state": verdict.state,
        "checks": [
            {"name": each.name, "about": each.about, "holds": each.holds} for each in verdict.checks
        ],
        "claims": [{"name": each.name, "about": each.about} for each in verdict.claims],
        "borders": verdict.borders,
        "signedBorders": verdict.signed_borders,
        "followers": list(verdict.followers),
    }


def page_answer(node: NodePage, data: bytes, trusted: frozenset[str]) -> dict[str, Any]:
    found = node.answer(data, sorted(trusted))
    verdict: dict[str, Any] = found.get("verdict", found)
    return verdict


@pytest.mark.parametrize("service", list(Service))
@pytest.mark.parametrize("make", CASES, ids=lambda each: each.__name__)
def test_the_page_says_what_the_command_says(
    node: NodePage, make: Callable[[Maker], None], service: Service
) -> None:
    found = case(make, service)
    data = write_proof(found.proof)
    for trusted in (frozenset[str](), found.fingerprints, frozenset({"0" * 64})):
        assert page_answer(node, data, trusted) == python_answer(data, trusted)


@pytest.mark.parametrize("language", ["en", "hi"])
@pytest.mark.parametrize("make", CASES, ids=lambda each: each.__name__)
def test_the_page_uses_the_commands_words(
    node: NodePage, make: Callable[[Maker], None], language: Language
) -> None:
    found = case(make)
    verdict = check(found.proof, found.fingerprints)
    lines = set(verdict_lines(found.proof, verdict, found.fingerprints, language))
    told = node.answer(write_proof(found.proof), sorted(found.fingerprints), language)["words"]
    assert told["headline"] == headline(verdict, language)
    assert told["number"] == number_text(found.proof, language)
    marks = [f"  {'+' if each['holds'] else 'X'} {each['text']}" for each in told["checks"]]
    words = [f"  - {each}" for each in told["notProven"]]
    meters = [f"  {each}" for each in told["meters"]]
    keys = [
        f"  {key['name']} ({key['mark']})" if key["mark"] else f"  {key['name']}"
        for key in told["keys"]
    ]
    assert (len(meters), len(keys)) == (3, len(found.proof.keys))
    assert {told["about"], told["signed"], *marks, *words, *meters, *keys} <= lines


def spoilt_text(random_: random.Random, data: bytes) -> bytes:
    """A file with a bit turned, a byte lost or a piece repeated."""
    found = bytearray(data)
    for _ in range(random_.randint(1, 3)):
        place = random_.randrange(len(found))
        kind = random_.randrange(3)
        if kind == 0:
            found[place] ^= 1 << random_.randrange(8)
        elif kind == 1:
            del found[place : place + random_.randint(1, 4)]
        else:
            found[place:place] = found[place : place + random_.randint(1, 40)]
    return bytes(found)


VALUES: tuple[Any, ...] = (
    None, True, 0, 1, -1, 2, 65536, 2**63, 10**30, 1.5, "", "0", "1", "-0", "12374.755", "1e3",
    "00", "meter", "edit", "estimate", "never", "unit", "2026-10", "2026-10-31T18:30:00Z",
    "2026-02-30T00:00:00Z", "2026-10-31T18:30:00.000001Z", "1.0.1.8.0.255", "é", "e\u0301",
    "\ud83d\ude00", [], {}, [[]], "a" * 700,
)  # fmt: skip


def spoilt_value(random_: random.Random, data: bytes) -> bytes:
    """A file with another value somewhere in it, or the value of another place."""
    document = json.loads(data)
    places: list[tuple[Any, Any]] = []
    values = [json.dumps(each) for each in VALUES]

    def walk(at: Any) -> None:
        for key in list(at) if isinstance(at, dict) else range(len(at)):
            places.append((at, key))
            values.append(json.dumps(at[key]))
            if isinstance(at[key], (dict, list)):
                walk(at[key])

    walk(document)
    for _ in range(random_.randint(1, 2)):
        holder, key = random_.choice(places)
        if isinstance(holder, dict) and key not in holder:
            continue
        if random_.randrange(8) == 0 and isinstance(holder, dict):
            del holder[key]
        elif isinstance(holder, dict) or key < len(holder):
            like = [each for each in values if each[0] == json.dumps(holder[key])[0]]
            holder[key] = json.loads(random_.choice(like if random_.randrange(3) else values))
    return json.dumps(document).encode()


def resigned(random_: random.Random, maker: Maker, data: bytes) -> bytes:
    """A file whose block was rewritten by somebody with a key of his own, and the number too."""
    document = json.loads(data)
    for batch in document["batches"]:
        block = json.loads(spoilt_value(random_, batch["blocks"][0].encode()))
        line = json.dumps(block)
        header = maker.sealer.seal(line.encode()).split(b"\n")
        batch.update(header=header[0].decode(), signature=header[-1].decode(), blocks=[line])
    if random_.randrange(2):
        message = spoilt_value(random_, document["number"]["message"].encode())
        digest = hashlib.sha256(message).hexdigest()
        document["number"] = {"message": message.decode(), "sha256": digest}
    return json.dumps(document).encode()


def restepped(random_: random.Random) -> tuple[bytes, frozenset[str]]:
    """Readings among steps from key to key that may fit or not, and fingerprints of some keys."""
    maker = Maker()
    keys = [maker.sealer.key, generate_key(), generate_key()]
    stream = maker.sealer.stream
    readings: list[Reading] = []
    raws = sorted(random_.randrange(10**6) for _ in range(2))
    while len(readings) < 2:
        if random_.randrange(6) == 0:  # another gateway, or numbers that come again
            maker.sealer = Sealer(random_.choice(("gw-a", "gw-b")), maker.sealer.key, stream)
        if random_.randrange(4) == 0:
            maker.sealer.key = random_.choice(keys)
        if random_.randrange(3) == 0:
            maker.name_next(random_.choice(keys))
        else:
            at = (START, END)[len(readings)]
            readings.append(maker.signed(at, raws[len(readings)]))
    maker.part(*readings)
    trusted = {fingerprint(key.public_key()) for key in keys if random_.randrange(3) == 0}
    return write_proof(maker.proof()), frozenset(trusted)


def test_the_page_follows_the_same_steps(node: NodePage) -> None:
    random_ = random.Random(1)
    states: dict[str, int] = {}
    for _ in range(SPOILT // 6):
        data, trusted = restepped(random_)
        told = python_answer(data, trusted)
        assert page_answer(node, data, trusted) == told, data
        states[told["state"]] = states.get(told["state"], 0) + 1
    assert min(states["tied"], states["untied"], states["spoilt"]) > 9, states


@pytest.mark.parametrize("kind", ["text", "value", "resigned"])
def test_the_page_says_the_same_of_what_is_spoilt(node: NodePage, kind: str) -> None:
    random_ = random.Random(f"{kind} 1")
    states: dict[str, int] = {}
    makers = []
    for make in CASES:
        maker = Maker()
        make(maker)
        makers.append((maker, write_proof(maker.proof())))
    for number in range(SPOILT // 3):
        maker, data = makers[number % len(makers)]
        if kind == "text":
            data = spoilt_text(random_, data)
        elif kind == "value":
            data = spoilt_value(random_, data)
        else:
            data = resigned(random_, maker, data)
        trusted = frozenset({"0" * 64}) if number % 5 == 0 else frozenset[str]()
        told = python_answer(data, trusted)
        assert page_answer(node, data, trusted) == told, data
        state = told.get("state", "refused")
        states[state] = states.get(state, 0) + 1
    assert states["spoilt"] > SPOILT // 60


HIDING = ("Lake\u202eView", "A\u200b-1\u00a0\u2028", "\u0915\u094d\u200d\u0937", "a\u200db\u200c",
          "\u0645\u200c\u0646", "\U000e0041\U0001f600\ue000", "\u0915\u200d")  # fmt: skip


@pytest.mark.parametrize("text", HIDING)
def test_the_page_shows_what_hides_as_the_command_does(node: NodePage, text: str) -> None:
    proof = case(CASES[0]).proof
    meter = proof.meters[0].model_copy(update={"meter": Meter(manufacturer=text, serial="1")})
    proof = proof.model_copy(update={"society": text, "meters": (meter,)})
    lines = [visible(each) for each in verdict_lines(proof, check(proof), frozenset())]
    told = node.answer(write_proof(proof))["words"]
    assert told["about"] == lines[0]
    assert f"  {told['meters'][0]}" in lines


def odd_zone(maker: Maker) -> None:
    maker.part(maker.signed(START - 24 * HOUR, 1000), maker.signed(END, 2000))


def two_spellings(maker: Maker) -> None:
    for serial in ("\u00e91", "e\u03011"):
        maker.part(maker.signed(START, 1000, serial), maker.signed(END, 2000, serial))


def two_channels(maker: Maker) -> None:
    maker.epoch(START - 1000 * HOUR, "500")
    opening = maker.signed(START, 1000).model_copy(update={"channel": 1})
    maker.part(opening, maker.signed(END, 2000, adds="500"))


@pytest.mark.parametrize("make", [odd_zone, two_spellings, two_channels])
def test_the_page_sees_the_same_tricks(node: NodePage, make: Callable[[Maker], None]) -> None:
    found = case(make)
    for zone in ("Asia/Kolkata", "Mars/Phobos"):
        data = write_proof(found.proof.model_copy(update={"zone": zone}))
        told = python_answer(data, found.fingerprints)
        assert page_answer(node, data, found.fingerprints) == told
        assert told["state"] == "spoilt" or told["claims"]


@pytest.mark.parametrize("digits", [4300, 4301])
def test_the_page_reads_integers_of_the_same_length(node: NodePage, digits: int) -> None:
    maker = Maker()
    plain(maker)
    document = json.loads(write_proof(maker.proof()))
    line = document["number"]["message"].replace("{", '{"note":' + "1" * digits + ",", 1)
    number = {"message": line, "sha256": hashlib.sha256(line.encode()).hexdigest()}
    data = json.dumps(document | {"number": number}).encode()
    told = python_answer(data, frozenset())
    assert page_answer(node, data, frozenset()) == told
    assert told["state"] == ("consistent" if digits == 4300 else "spoilt")


@pytest.mark.parametrize("name", ["register", "schema"])
def test_the_page_takes_the_same_names_of_fields(node: NodePage, name: str) -> None:
    maker = Maker()
    plain(maker)
    data = write_proof(maker.proof())
    other = {"register": "register_value", "schema": "schema_name"}[name]
    spoilt = data.replace(f'"{name}"'.encode(), f'"{other}"'.encode())
    assert page_answer(node, spoilt, frozenset()) == {"refused": True}
    assert python_answer(spoilt, frozenset()) == {"refused": True}

    document = json.loads(data)
    line = document["number"]["message"].replace(f'"{name}"', f'"{other}"')
    number = {"message": line, "sha256": hashlib.sha256(line.encode()).hexdigest()}
    spoilt = json.dumps(document | {"number": number}).encode()
    told = python_answer(spoilt, frozenset())
    assert page_answer(node, spoilt, frozenset()) == told
    assert told["state"] == "spoilt"


EDGES = (
    b'{"schema": NaN}',
    b'{"a": 1, "a": 2}',
    b'["\\ud800"]',
    b'"\xed\xa0\x80"',
    b"\xef\xbb\xbf{}",
    b"01",
    b"{} {}",
    b"[" * 300 + b"]" * 300,
    b'"\t"',
    b"1" * 5000,
    b"",
)


@pytest.mark.parametrize("data", EDGES, ids=lambda each: repr(each[:12]))
def test_the_page_refuses_the_same_garbage(node: NodePage, data: bytes) -> None:
    assert page_answer(node, data, frozenset()) == {"refused": True}
    assert python_answer(data, frozenset()) == {"refused": True}


def test_the_page_is_made_of_its_parts() -> None:
    assert PAGE.read_text("utf-8") == page(), "run make docs"


def test_the_page_loads_nothing_and_runs_its_own_script_alone() -> None:
    text = page()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "default-src 'none'" in policy[1]
    assert f"script-src 'sha256-{digest}'" in policy[1]
    assert not re.search(r"\b(src|href|action)=|https?:|//[a-z]+\.|innerHTML|eval\(", text)
