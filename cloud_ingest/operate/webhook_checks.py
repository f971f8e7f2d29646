# SPDX-License-Identifier: MIT
"""The doctor's judgement of webhooks: can messages be signed, does each receiver take them?

In: the webhooks of the settings; how each one does, the time. Out: a `Check` for each.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from cloud_ingest.deliver.mail import mailboxes
from cloud_ingest.deliver.webhook import receiver_from_settings
from cloud_ingest.errors import ConfigurationError
from cloud_ingest.operate.checks import Check
from cloud_ingest.settings import CloudSettings
from cloud_ingest.settings_receivers import WebhookSettings
from cloud_ingest.store.webhooks import KEPT_FOR, WebhookState

IS_LATE: Final = timedelta(minutes=15)
IS_DEAD: Final = timedelta(days=1)
TOLD_FOR: Final = timedelta(days=30)
"""How long it is told that messages were given up."""


def check_secrets(webhooks: Sequence[WebhookSettings]) -> Iterator[Check]:
    """Name each webhook whose secret cannot be used: the service does not start with it."""
    for webhook in webhooks:
        try:
            receiver_from_settings(webhook)
        except ConfigurationError as error:
            advice = "write the secret as the service's user, or take the webhook out; see flags.md"
            yield Check("fail", _name(webhook.url), str(error), advice)


def check_mail(settings: CloudSettings) -> Iterator[Check]:
    """Say where a password or a secret of mail cannot be used: the service does not start."""
    try:
        mailboxes(settings)
    except ConfigurationError as error:
        yield Check("fail", "mail", str(error), "write it as the service's user; see mail.md")


def check_webhooks(states: Sequence[WebhookState], now: datetime) -> Iterator[Check]:
    """Judge each webhook of the settings."""
    for state in states:
        yield _check(state, now)


def _check(state: WebhookState, now: datetime) -> Check:
    name = _name(state.url)
    if state.unknown:
        said = f"no society is called {', '.join(map(repr, state.unknown))}: it gets no flag of it"
        return Check("warn", name, said, "correct societies in the settings")
    age = timedelta() if state.oldest is None else now - state.oldest
    said = f"{state.waiting} messages wait, {state.delivered} were taken"
    if state.failure is not None:
        said += f"; the newest try: {state.failure}"
    advice = (
        f"mend the receiver: what waits longer than {KEPT_FOR.days} days is given up; then "
        "compare its flags with cloud-ingest events list, and have numbers sent again (webhooks.md)"
    )
    if state.dropped_at is not None and now - state.dropped_at < TOLD_FOR:
        return Check("fail", name, f"{state.dropped} messages were given up; {said}", advice)
    if age > IS_DEAD:
        return Check("fail", name, said, advice)
    if age > IS_LATE:
        return Check("warn", name, said, advice)
    return Check("ok", name, said)


def _name(url: str) -> str:
    if url.startswith("mailto:"):
        return f"mail to {url.removeprefix('mailto:')}"
    return f"webhook {urlsplit(url).hostname}"
