# SPDX-License-Identifier: MIT
"""Options, environment and file: what each says is what is read, and mistakes are told at once."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.errors import ConfigurationError, SettingsRefused
from cloud_ingest.settings import CloudSettings
from cloud_ingest.settings_file import PREFIX, load_settings, read_settings
from tests.support.settings_text import toml_of, variables_of

TEXTS = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=20)
LOGINS = st.one_of(
    st.fixed_dictionaries({"role": st.sampled_from(["ingest", "keeper", "monitor"])}),
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["billing", "operator"]),
            "societies": st.lists(TEXTS.filter(lambda text: text != "+"), min_size=1, max_size=2),
        }
    ),
)
WEBHOOKS = st.fixed_dictionaries(
    {"secret_file": TEXTS},
    optional={
        "kinds": st.lists(st.sampled_from(["leak", "burst"]), min_size=1, max_size=2),
        "societies": st.lists(TEXTS, min_size=1, max_size=2),
        "ca_file": TEXTS,
    },
)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "dsn": TEXTS,
        "broker_host": TEXTS,
        "broker_port": st.integers(1, 65535),
        "broker_tls": st.booleans(),
        "broker_password_file": TEXTS,
        "self_read_days": st.integers(0, 10),
        "zone": TEXTS,
        "estimates": st.sampled_from(["shown", "sent"]),
        "unique_labels": st.booleans(),
        "change_kwh": st.integers(0, 1000) | st.decimals(0, 9, places=2).map(float),
        "metrics_address": st.just("127.0.0.1:9464"),
        "quota": st.fixed_dictionaries(
            {}, optional={"messages_an_hour": st.integers(1, 99), "quarantine_mb": st.just(4)}
        ),
        "webhook": st.lists(WEBHOOKS, min_size=1, max_size=3).map(
            lambda many: [
                {"url": f"https://{number}.example", **one} for number, one in enumerate(many)
            ]
        ),
        "broker_login": st.lists(LOGINS, min_size=1, max_size=3).map(
            lambda many: [{"name": f"login-{number}", **one} for number, one in enumerate(many)]
        ),
    },
)


@given(DOCUMENTS, st.randoms())
def test_file_and_environment_say_the_same(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, object], random: Random
) -> None:
    expected = CloudSettings.model_validate(document)
    file = tmp_path_factory.getbasetemp() / "same.toml"
    file.write_text(toml_of(document), encoding="utf-8")
    assert read_settings(file, {}, {}).settings == expected
    single = dict(variables_of(document, PREFIX))
    assert read_settings(None, single, {}).settings == expected
    whole = dict(variables_of(document, PREFIX, whole=True))
    assert read_settings(None, whole, {}).settings == expected
    some = {name: value for name, value in single.items() if random.random() < 0.5}
    assert read_settings(file, some, {}).settings == expected


NAMES = st.sampled_from(
    [
        "IOT_UTILITY_BROKER_PORT",
        "IOT_UTILITY_DSN",
        "IOT_UTILITY_QUOTA",
        "IOT_UTILITY_QUOTA__STREAMS_AN_HOUR",
        "IOT_UTILITY_WEBHOOK",
        "IOT_UTILITY_WEBHOOK__0__URL",
        "IOT_UTILITY_WEBHOOK__0",
        "IOT_UTILITY_BROKER_LOGIN__0__SOCIETIES",
        "IOT_UTILITY_ESTIMATES",
        "IOT_UTILITY_CHANGE_KL",
    ]
)


@given(st.dictionaries(NAMES, st.text(max_size=30) | st.sampled_from(["{}", "[]", "[{}]", "1"])))
def test_any_variables_are_settings_or_explained(environment: dict[str, str]) -> None:
    said: tuple[str, ...] = ("settings",)
    try:
        read_settings(None, environment, {})
    except SettingsRefused as error:
        said = (*error.lines, str(error))
    assert all(said)


def test_the_nearest_says_what_holds(tmp_path: Path) -> None:
    file = tmp_path / "cloud.toml"
    file.write_text('broker_host = "file"\nzone = "UTC"\n[quota]\nstreams_an_hour = 5\n')
    environment = {
        "IOT_UTILITY_BROKER_HOST": "environment",
        "IOT_UTILITY_QUOTA__CHANNELS_A_METER": "7",
        "IOT_UTILITY_ZONE": "",
    }
    found = read_settings(file, environment, {"broker_host": "option", "dsn": None})
    assert found.settings.broker_host == "option"
    assert found.settings.zone == "UTC"
    assert found.settings.quota is not None
    assert (found.settings.quota.streams_an_hour, found.settings.quota.channels_a_meter) == (5, 7)
    assert found.said.variables == {
        ("quota", "channels_a_meter"): "IOT_UTILITY_QUOTA__CHANNELS_A_METER"
    }


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("IOT_UTILITY_BROKER_HSOT", "IOT_UTILITY_BROKER_HOST"),
        ("IOT_UTILITY_BROKER__HOST", "IOT_UTILITY_BROKER_HOST"),
        ("iot_utility_dsn", "IOT_UTILITY_DSN"),
        ("IOT_UTILITY_QUOTA_STREAMS_AN_HOUR", "IOT_UTILITY_QUOTA__STREAMS_AN_HOUR"),
        ("IOT_UTILITY_WEBHOOK__7__URL", "IOT_UTILITY_WEBHOOK__0__URL"),
    ],
)
def test_a_variable_that_is_no_setting_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, meant: str
) -> None:
    monkeypatch.setenv(name, "hidden")
    load_settings()
    assert f"the variable {name} is no setting; did you mean {meant}?" in caplog.text
    assert "hidden" not in caplog.text


BAD = """\
dns = "postgresql://someone:hidden@db/metering"
Broker-Host = "mqtt.example"
broker_port = 0
broker_tls = "maybe"
broker_cert_file = "ingest.pem"
[quotas]
streams_an_hour = 5
[[webhook]]
url = "http://helpdesk.example"
secret = "w"
zone = "Asia/Kolkata"
messages_an_hour = 5
[broker_login]
name = "ingest"
"""


def test_every_mistake_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "cloud.toml"
    file.write_text(BAD)
    with pytest.raises(SettingsRefused) as caught:
        read_settings(file, {"IOT_UTILITY_CLOSE_GRACE_MINUTES": "soon"}, {})
    said = caught.value.lines
    assert str(caught.value) == f"{file}: {len(said)} mistakes"
    assert [line.split(" allowed: ")[0].rstrip(";") for line in said] == [
        "IOT_UTILITY_CLOSE_GRACE_MINUTES: Input should be a valid integer, unable to parse string "
        "as an integer, not 'soon'",
        "broker_cert_file and broker_key_file go together",
        "line 1: dns: no such key; did you mean dsn?",
        "line 2: Broker-Host: no such key; did you mean broker_host?",
        "line 3: broker_port: Input should be greater than or equal to 1, not 0",
        "line 4: broker_tls: Input should be a valid boolean, unable to interpret input, "
        "not 'maybe'",
        "line 6: [quotas]: no such table; did you mean quota?",
        "line 9: [[webhook]] 1, url: it wants https: plain http goes to this machine itself alone",
        "line 10: [[webhook]] 1, secret: no such key; did you mean secret_file?",
        "line 11: [[webhook]] 1, zone: no such key here; it belongs before the first table",
        "line 12: [[webhook]] 1, messages_an_hour: no such key here; it belongs into [quota]",
        "line 13: [broker_login]: is no such table: begin it with [[broker_login]]",
    ]
    assert "hidden" not in "".join(said)
    assert sum("allowed: dsn, broker_host" in line for line in said) == 1


def test_a_secret_in_a_variable_is_never_shown() -> None:
    environment = {"IOT_UTILITY_DSN": "hidden\0", "IOT_UTILITY_BROKER_PORT": "x"}
    with pytest.raises(SettingsRefused) as caught:
        read_settings(None, environment, {})
    assert "hidden" not in "".join(caught.value.lines)
    assert any("IOT_UTILITY_DSN: the character NUL" in line for line in caught.value.lines)


def test_a_key_that_stands_twice_names_both_lines(tmp_path: Path) -> None:
    file = tmp_path / "cloud.toml"
    file.write_text("[quota]\nstreams_an_hour = 1\nquarantine_mb = 1\nstreams_an_hour = 2\n")
    with pytest.raises(ConfigurationError, match=r"line 4: .* stands in line 2 already"):
        read_settings(file, {}, {})
