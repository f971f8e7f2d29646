# SPDX-License-Identifier: MIT
"""What the doctor says of the secrets of webhooks."""

from pathlib import Path

from cloud_ingest.operate.webhook_checks import check_secrets
from cloud_ingest.settings_receivers import WebhookSettings


def webhook(secret_file: Path) -> WebhookSettings:
    return WebhookSettings(url="https://helpdesk.example/flags", secret_file=secret_file)


def test_a_secret_that_is_not_there_fails(tmp_path: Path) -> None:
    [found] = check_secrets([webhook(tmp_path / "webhook.secret")])
    assert (found.level, found.name) == ("fail", "webhook helpdesk.example")
    assert "webhook.secret" in found.said
    assert "as the service's user" in found.advice


def test_a_secret_that_can_be_read_is_not_mentioned(tmp_path: Path) -> None:
    secret = tmp_path / "webhook.secret"
    secret.touch(mode=0o600)
    secret.write_text("0123456789abcdef\n")
    assert list(check_secrets([webhook(secret)])) == []
