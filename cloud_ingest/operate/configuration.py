# SPDX-License-Identifier: MIT
"""The check of the settings alone: no server is asked.

What the file and the environment say; each file that they name: whether it is there, who may read
it, whether a key fits its certificate, and until when that is good. The doctor looks at the same
files.

In: a file of settings, the environment, the time. Out: a `Check` for each thing.
Never: a connection; a secret.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from zoneinfo import available_timezones

from cloud_ingest.errors import ConfigurationError, SettingsRefused
from cloud_ingest.operate.broker_checks import check_certificates
from cloud_ingest.operate.checks import Check
from cloud_ingest.operate.issuer_checks import check_issuer_secret
from cloud_ingest.operate.keys import read_key
from cloud_ingest.operate.pages_checks import check_pages
from cloud_ingest.operate.webhook_checks import check_mail, check_secrets
from cloud_ingest.settings import CloudSettings, read_secret
from cloud_ingest.settings_file import read_settings
from cloud_ingest.store.connection import describe
from shared_schema.tls import TlsFiles, examine

_AS_SERVICE = "write the file as the service's user, or correct its name in the settings"


def examine_configuration(
    config: Path | None, environment: Mapping[str, str], now: datetime
) -> Iterator[Check]:
    """Look at the settings and at each file that they name.

    Args:
        config: the file; None: the one that the environment names, if any.
        environment: its variables.
        now: this moment, aware.
    """
    try:
        found = read_settings(config, environment, {})
    except SettingsRefused as error:
        for line in error.lines or (str(error),):
            yield Check("fail", "settings", line)
        return
    except ConfigurationError as error:
        yield Check("fail", "settings", str(error), "name the file, or correct it there")
        return
    where = "the environment alone" if found.file is None else str(found.file)
    yield Check("ok", "settings", f"{where}: every key and value can be right")
    for line in found.said.unknown:
        yield Check("warn", "environment", line, "correct its name, or unset it")
    yield from _check_words(found.settings)
    yield from check_files(found.settings, now)


def check_files(settings: CloudSettings, now: datetime) -> Iterator[Check]:
    """Look at each file that the settings name."""
    if (password := settings.broker_password_file) is not None:
        what = "the broker's password"
        yield _check(what, partial(read_secret, password, what))
    if (key := settings.cloud_key_file) is not None:
        yield _check("the cloud's key", partial(read_key, key))
    yield from check_certificates(settings, now)
    yield from check_secrets(settings.webhook)
    yield from check_mail(settings)
    yield from check_pages(settings)
    yield from check_issuer_secret(settings)
    for webhook in settings.webhook:
        called = "ca_file of [[webhook]]"
        files = TlsFiles(webhook.ca_file, None, None, (called, "", ""))
        for each in examine(files, None, now):
            yield Check(each.level, "webhook", each.said, "" if each.level == "ok" else _AS_SERVICE)


def _check_words(settings: CloudSettings) -> Iterator[Check]:
    """Look at what only this machine can judge."""
    if settings.dsn is None:
        advice = "give --dsn to each command, or set dsn or IOT_UTILITY_DSN"
        yield Check("warn", "database", "no database is named", advice)
    else:
        dsn = settings.dsn.get_secret_value()
        yield _check("database", partial(describe, dsn), "correct dsn")
    if settings.zone is not None and settings.zone not in available_timezones():
        advice = "correct zone; it is a name such as Asia/Kolkata"
        yield Check("fail", "zone", f"this machine knows no {settings.zone!r}", advice)


def _check(name: str, look: Callable[[], object], advice: str = _AS_SERVICE) -> Check:
    try:
        found = look()
    except ConfigurationError as error:
        return Check("fail", name, str(error), advice)
    return Check("ok", name, found if isinstance(found, str) else "can be used")
