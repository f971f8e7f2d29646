# SPDX-License-Identifier: GPL-2.0-only
"""By hand, a secret that a meter refused is not sent again: by any command, in any later run."""

from pathlib import Path

import pytest

from edge_agent.dlms.security import Mode
from edge_agent.errors import ConfigurationError, PasswordRefused, RefusedBefore, Unexplained
from edge_agent.install.lockout import Lockout
from edge_agent.settings.bus import MeterConfig

PORT = Path("/dev/serial/by-id/usb-1")


@pytest.fixture
def meter(tmp_path: Path) -> MeterConfig:
    return with_secret(tmp_path, "wrong-one")


def with_secret(folder: Path, secret: str, **changes: object) -> MeterConfig:
    file = folder / "pw"
    file.write_text(secret)
    file.chmod(0o600)
    return MeterConfig.model_validate(
        {"label": "A-1", "address": 17, "model": "is16444", "password_file": file, **changes}
    )


def lockout(folder: Path, port: Path = PORT, *, again: bool = False) -> Lockout:
    return Lockout(folder / "state" / "refused.jsonl", port, again=again)


def refuse(folder: Path, meter: MeterConfig, serial: str | None = None, port: Path = PORT) -> None:
    with pytest.raises(PasswordRefused), lockout(folder, port).guard(meter, serial):
        raise PasswordRefused("A-1 refuses the password of client 32")


def is_sent(
    folder: Path,
    meter: MeterConfig,
    serial: str | None = None,
    port: Path = PORT,
    *,
    again: bool = False,
) -> bool:
    sent = False
    try:
        with lockout(folder, port, again=again).guard(meter, serial):
            sent = True
    except RefusedBefore as error:
        assert "nothing was sent" in str(error)  # noqa: PT017
    return sent


def test_a_later_run_sends_no_refused_secret(tmp_path: Path, meter: MeterConfig) -> None:
    assert is_sent(tmp_path, meter)
    refuse(tmp_path, meter)
    assert not is_sent(tmp_path, meter)
    assert is_sent(tmp_path, with_secret(tmp_path, "another"))
    assert not is_sent(tmp_path, with_secret(tmp_path, "wrong-one"))
    (file,) = (tmp_path / "state").iterdir()
    assert "wrong-one" not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


def test_keys_refused_without_a_reason_count(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("0" * 32)
    file.chmod(0o600)
    keys = MeterConfig(
        label="A-1", address=17, client=48, encryption_key_file=file, authentication_key_file=file
    )
    with pytest.raises(Unexplained), lockout(tmp_path).guard(keys):
        raise Unexplained("without a reason")
    assert not is_sent(tmp_path, keys)


def test_a_refusal_follows_a_known_serial_number(tmp_path: Path, meter: MeterConfig) -> None:
    refuse(tmp_path, meter, "LNT E1")
    elsewhere = Path("/dev/serial/by-id/usb-2")
    assert not is_sent(tmp_path, meter, "LNT E1", elsewhere)
    assert is_sent(tmp_path, meter, "LNT E2"), "another meter on the same desk"
    assert not is_sent(tmp_path, meter), "by its place, where it does not say who it is"
    assert is_sent(tmp_path, meter, None, elsewhere)
    assert is_sent(tmp_path, meter.model_copy(update={"address": 18}))


def test_a_meter_alone_may_have_any_address(tmp_path: Path, meter: MeterConfig) -> None:
    refuse(tmp_path, meter.model_copy(update={"address": 1, "address_bytes": 1}), "LNT E1")
    assert not is_sent(tmp_path, meter)
    assert not is_sent(tmp_path, meter, "LNT E1")
    assert is_sent(tmp_path, meter, "LNT E2")
    assert is_sent(tmp_path, meter.model_copy(update={"logical_address": 2}))


def test_the_client_counts_however_it_is_written(tmp_path: Path, meter: MeterConfig) -> None:
    refuse(tmp_path, meter)
    assert not is_sent(tmp_path, meter.model_copy(update={"client": 32, "security": Mode.LLS}))


def test_again_sends_a_refused_secret(tmp_path: Path, meter: MeterConfig) -> None:
    refuse(tmp_path, meter)
    assert is_sent(tmp_path, meter, again=True)
    assert is_sent(tmp_path, meter), "it took the secret since"
    refuse(tmp_path, meter)
    assert not is_sent(tmp_path, meter)


def test_only_a_refusal_is_recorded(tmp_path: Path, meter: MeterConfig) -> None:
    with pytest.raises(ConfigurationError), lockout(tmp_path).guard(meter):
        raise ConfigurationError("x")
    public = MeterConfig(label="A-1", address=17, client=16)
    refuse(tmp_path, public)
    assert is_sent(tmp_path, public)
    assert is_sent(tmp_path, meter)
    assert (tmp_path / "state" / "refused.jsonl").read_text() == ""


def test_a_cut_line_is_passed_over(tmp_path: Path, meter: MeterConfig) -> None:
    refuse(tmp_path, meter)
    file = tmp_path / "state" / "refused.jsonl"
    file.write_text('[1]\n{"at"\n' + file.read_text().strip()[:-9])
    assert is_sent(tmp_path, meter)
    refuse(tmp_path, meter)
    assert not is_sent(tmp_path, meter)


def test_without_a_record_nothing_is_sent(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file, no folder")
    with pytest.raises(ConfigurationError, match="XDG_STATE_HOME"):
        lockout(tmp_path)


def test_each_user_has_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    Lockout.of_user(PORT)
    assert (tmp_path / "edge-agent" / "refused.jsonl").exists()
    monkeypatch.setenv("XDG_STATE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    Lockout.of_user(PORT)
    assert (tmp_path / "home/.local/state/edge-agent/refused.jsonl").exists()
