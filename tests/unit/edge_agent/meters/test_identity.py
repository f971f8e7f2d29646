# SPDX-License-Identifier: GPL-2.0-only
"""The serial number from its bytes: each form is read, and no two meters are one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import SerialUnreadable
from edge_agent.install import advice
from edge_agent.meters.identity import Decoding, Identity, keys_for
from edge_agent.meters.model_check import mistakes
from shared_schema.catalogue import ACTIVE_IMPORT, SERIAL_NUMBER
from shared_schema.obis import Obis
from tests.unit.edge_agent.fakes import SIMPLE, fake, visit

DEVICE_NAME = Obis.parse("0.0.42.0.0.255")


def octets(content: bytes, tag: int = 9) -> bytes:
    return bytes((tag, len(content))) + content


@pytest.mark.parametrize(
    ("answer", "keys", "serial"),
    [
        ("0904 41313233", {}, "A123"),
        ("0A04 41313233", {}, "A123"),
        ("0908 4131323300002020", {}, "A123"),
        ("0906 41313233FFFF", {"trim": ("ff",)}, "A123"),
        ("0908 413132332000FFFF", {"trim": ("space", "nul", "ff")}, "A123"),
        ("0904 12345678", {"decoding": "bcd"}, "12345678"),
        ("0904 1234567F", {"decoding": "bcd"}, "1234567"),
        ("0906 12345678FFFF", {"decoding": "bcd", "trim": ("ff",)}, "12345678"),
        ("0904 00345678", {"decoding": "bcd"}, "00345678"),
        ("06 12345678", {"decoding": "bcd"}, "12345678"),
        ("0904 DEAD00EF", {"decoding": "hex"}, "DEAD00EF"),
        ("06 00BC614E", {"decoding": "number"}, "12345678"),
        ("06 00BC614E", {}, "12345678"),
        ("12 3039", {"decoding": "number"}, "12345"),
    ],
)
def test_each_form_is_read(answer: str, keys: dict[str, object], serial: str) -> None:
    assert Identity.model_validate(keys).serial(bytes.fromhex(answer)) == serial


@pytest.mark.parametrize("decoding", ["text", "hex", "bcd", "number"])
@pytest.mark.parametrize(
    "answer",
    [
        "0900",
        "00",
        "0904FFFFFFFF",
        "090400000000",
        "090420202020",
        "06FFFFFFFF",
        "0600000000",
        "0904000020FF",
        "0201090141",
        "0304",
        "170000803F",
        "0404F0",
        "09044131323300",  # a byte is left
        "",
    ],
)
def test_what_is_no_serial_is_refused(decoding: Decoding, answer: str) -> None:
    with pytest.raises(SerialUnreadable):
        Identity(decoding=decoding).serial(bytes.fromhex(answer))


def test_a_text_of_zeros_is_no_serial() -> None:
    with pytest.raises(SerialUnreadable):
        Identity().serial(octets(b"00000000"))


@given(
    decoding=st.sampled_from(("text", "hex", "bcd", "number")),
    one=st.binary(max_size=32),
    other=st.binary(max_size=32),
    trim=st.sampled_from(((), ("ff",), ("nul", "space"), None)),
)
def test_two_byte_strings_never_give_one_serial(
    decoding: Decoding, one: bytes, other: bytes, trim: tuple[str, ...] | None
) -> None:
    identity = Identity.model_validate({"decoding": decoding, "trim": trim})
    found = [_read(identity, octets(each)) for each in (one, one, other)]
    assert found[0] == found[1]
    if found[0] is not None and found[0] == found[2]:
        pads = {"ff": b"\xff", "nul": b"\0", "space": b" \t\r\n", None: b"\0 \t\r\n"}
        usual = (None,) if decoding == "text" else ()
        said = b"".join(pads[each] for each in (usual if trim is None else trim))
        assert one.strip(said) == other.strip(said)


@given(
    one=st.text("0123456789", min_size=1, max_size=8),
    other=st.text("0123456789", min_size=1, max_size=8),
)
def test_bcd_is_told_apart_by_its_digits(one: str, other: str) -> None:
    identity = Identity(decoding="bcd")
    packed = [bytes.fromhex(each + "f" * (len(each) % 2)) for each in (one, other)]
    found = [_read(identity, octets(each)) for each in packed]
    if None not in found:
        assert (found[0] == found[1]) == (one == other)
        assert found == [one, other]


def _read(identity: Identity, answer: bytes) -> str | None:
    try:
        return identity.serial(answer)
    except SerialUnreadable:
        return None


@pytest.mark.parametrize(
    ("answer", "keys"),
    [
        ("090641313233FFFF", 'decoding = "text", trim = ["space", "nul", "ff"] reads it as A123'),
        ("090412345698", 'decoding = "bcd" reads it as 12345698'),
        ("0904DEADBEEF", 'decoding = "hex" reads it as DEADBEEF'),
    ],
)
def test_the_keys_that_would_read_it_are_named(answer: str, keys: str) -> None:
    data = bytes.fromhex(answer)
    with pytest.raises(SerialUnreadable) as refused:
        Identity().serial(data)
    assert f"[identity] {keys}" in str(refused.value)
    assert data.hex(" ") in str(refused.value)
    assert "[identity]" in advice.for_error(refused.value)
    assert "manufacturer" not in advice.for_error(refused.value)


def test_nothing_is_named_for_an_empty_entry() -> None:
    assert keys_for(bytes.fromhex("0904FFFFFFFF")) == ""


@pytest.mark.parametrize(
    ("keys", "answer", "serial"),
    [
        ({"decoding": "bcd"}, "0904 12345678", "12345678"),
        ({"code": DEVICE_NAME}, "0906 4B464D313233", "KFM123"),
        ({"code": Obis.parse("0.0.96.1.1.255"), "decoding": "hex"}, "0902 DEAD", "DEAD"),
    ],
)
def test_such_a_meter_is_polled(
    keys: dict[str, object], answer: str, serial: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = Identity.model_validate(keys)
    reader = fake()
    del reader.attributes[SERIAL_NUMBER, 1, 2]
    reader.attributes[identity.wanted] = bytes.fromhex(answer)
    reader.attributes[ACTIVE_IMPORT, 3, 2] = b"\x06\x00\x00\x00\x07"
    kind = SIMPLE.model_copy(
        update={"identity": identity, "registers": (ACTIVE_IMPORT,), "manufacturer": "Fake"}
    )
    found = visit(reader, monkeypatch, {}, kind=kind)
    assert str(found.meter) == f"Fake {serial}"
    assert found.live != ()


def test_a_meter_without_a_serial_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = fake()
    del reader.attributes[SERIAL_NUMBER, 1, 2]
    with pytest.raises(SerialUnreadable, match="does not tell its serial number"):
        visit(reader, monkeypatch, {})


def test_the_check_of_a_model_teaches_the_keys() -> None:
    text = 'title = "x"\nclient = 32\n[identity]\ncod = "0.0.42.0.0.255"\ndecoding = "ascii"\n'
    said = [str(each) for each in mistakes(text)]
    assert any("did you mean code" in each for each in said)
    assert any('"bcd"' in each or "'bcd'" in each for each in said)
