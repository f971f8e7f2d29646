# SPDX-License-Identifier: MIT
"""One message to a real receiver on loopback, which answers well, badly or not at all."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from cloud_ingest.deliver import webhook
from cloud_ingest.deliver.webhook import NotTaken, Receiver, post, receiver_from_settings
from cloud_ingest.errors import ConfigurationError
from cloud_ingest.settings_file import load_settings
from cloud_ingest.settings_receivers import WebhookSettings
from tests.support import receiver as support
from tests.support.receiver import SECRET, a_certificate, receiving, status

ID = UUID(int=7)


@pytest.fixture
def there() -> Iterator[support.Receiver]:
    with receiving() as receiver:
        yield receiver


def send(there: support.Receiver, ca_file: Path | None = None) -> None:
    receiver = Receiver(there.url, SECRET, ca_file=ca_file)
    post(receiver, ID, 3, b'{"a": 1}', sent_s=int(time.time()))


def test_a_message_is_signed_and_named(there: support.Receiver) -> None:
    send(there)
    (request,) = there.requests
    assert request.is_signed
    assert request.body == b'{"a": 1}'
    assert request.headers["Idempotency-Key"] == f"{ID}/3"
    assert request.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("code", [400, 404, 410, 429, 500, 503])
def test_an_answer_that_is_no_success_is_told(there: support.Receiver, code: int) -> None:
    there.answer = status(code)
    with pytest.raises(NotTaken, match=f"answers {code}") as refused:
        send(there)
    assert refused.value.answered


def test_a_redirection_is_not_followed(there: support.Receiver) -> None:
    there.answer = status(307, Location=there.url)
    with pytest.raises(NotTaken, match=r"redirects \(307\)"):
        send(there)
    assert len(there.requests) == 1


def test_no_more_than_a_part_of_a_huge_answer_is_read(there: support.Receiver) -> None:
    there.answer = support.huge
    send(there)


@pytest.mark.parametrize("answer", [support.reset, support.garbage])
def test_what_is_no_answer_is_told(there: support.Receiver, answer: support.Answer) -> None:
    there.answer = answer
    with pytest.raises(NotTaken) as failed:
        send(there)
    assert not failed.value.answered


def test_an_answer_that_drips_is_cut(
    there: support.Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "TIMEOUT_S", 0.3)
    there.answer = support.drip
    with pytest.raises(NotTaken, match="no answer within"):
        send(there)


def test_nobody_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NotTaken, match="refused"):
        send(support.Receiver(f"http://127.0.0.1:{port}/"))


def test_a_certificate_of_nobody_is_refused(tmp_path: Path) -> None:
    with receiving(a_certificate(tmp_path)) as there:
        with pytest.raises(NotTaken, match="its certificate is refused"):
            send(there)
        assert there.requests == []


def test_a_certificate_of_another_host_is_refused(tmp_path: Path) -> None:
    certificate, key = a_certificate(tmp_path, "127.0.0.9")
    with (
        receiving((certificate, key)) as there,
        pytest.raises(NotTaken, match="its certificate is refused"),
    ):
        send(there, certificate)


def test_a_certificate_of_the_named_authority_is_taken(tmp_path: Path) -> None:
    certificate, key = a_certificate(tmp_path)
    with receiving((certificate, key)) as there:
        send(there, certificate)
        assert there.requests[0].is_signed


@pytest.mark.parametrize(
    "url",
    [
        "http://helpdesk.example/flags",
        "https://",
        "https://user:secret@helpdesk.example/",
        "https://helpdesk.example/#part",
        "https://helpdesk.example/a b",
        "https://helpdesk.example\r\nX: y/",
        "ftp://helpdesk.example/",
        "flags",
    ],
)
def test_an_unsafe_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"\[\[webhook\]\] 1, url: "):
        load_settings(webhook=[{"url": url, "secret_file": "secret"}])


@pytest.mark.parametrize("names", ["kinds", "societies"])
def test_a_webhook_that_gets_nothing_is_refused(names: str) -> None:
    one = {"url": "https://helpdesk.example/flags", "secret_file": "secret", names: []}
    with pytest.raises(ConfigurationError, match=rf"\[\[webhook\]\] 1, {names}: .*leave it out"):
        load_settings(webhook=[one])


def test_one_address_is_one_webhook() -> None:
    one = {"url": "http://[::1]:8080/flags", "secret_file": "secret"}
    assert load_settings(webhook=[one]).webhook[0].kinds is None
    with pytest.raises(ConfigurationError, match="same url"):
        load_settings(webhook=[one, one])


def test_a_secret_stays_one(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(SECRET + b"\n")
    file.chmod(0o600)
    settings = WebhookSettings(url="https://helpdesk.example/hook/4711", secret_file=file)
    receiver = receiver_from_settings(settings)
    assert receiver.secret == SECRET
    for text in (repr(receiver), str(receiver)):
        assert SECRET.decode() not in text
        assert "4711" not in text
    file.write_bytes(b"short")
    with pytest.raises(ConfigurationError, match="16 or more"):
        receiver_from_settings(settings)
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="others may read"):
        receiver_from_settings(settings)
