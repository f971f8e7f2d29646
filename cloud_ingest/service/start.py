# SPDX-License-Identifier: MIT
"""The start of the ingest: from a person's settings to a running service.

In: settings as a person gave them. Out: the service, until it is stopped, or one line that says
whether it could run. Never: an error that is not one of ours.
"""

import asyncio
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

from cloud_ingest import logs
from cloud_ingest.core.door import Limits
from cloud_ingest.core.quota import Quotas
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.deliver.mail import mailboxes
from cloud_ingest.deliver.webhook import receiver_from_settings
from cloud_ingest.errors import BrokerLost, ConfigurationError, StoreUnavailable
from cloud_ingest.ingest.broker import MEMBER_EXPIRY_S, broker_from_settings
from cloud_ingest.month.run import RunSettings
from cloud_ingest.month.self_read_due import DueRules
from cloud_ingest.operate.keys import read_key
from cloud_ingest.service.loops import ServiceSettings
from cloud_ingest.service.serve import Service
from cloud_ingest.service.service_manager import ServiceManager
from cloud_ingest.settings import CloudSettings, QuotaSettings
from shared_schema.signing import fingerprint

Say = Callable[[str], None]


def service_settings(
    settings: CloudSettings,
    dsn: str,
    *,
    client_id: str | None,
    rules_every_s: float,
    group: str | None = None,
) -> ServiceSettings:
    """Gather what the service needs, with its secrets read from their files.

    Raises:
        ConfigurationError: a file is missing, others than its owner may read it, or it holds no
            key.
    """
    if settings.cloud_key_file is None:
        raise ConfigurationError(
            "no key signs the receipts: make one with cloud-ingest keygen cloud.pem, "
            "then give --key cloud.pem"
        )
    own = "cloud-ingest" if group is None else f"cloud-ingest-{secrets.token_hex(4)}"
    broker = broker_from_settings(settings, client_id or own)
    if group is not None:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", group):
            raise ConfigurationError(f"--group wants letters, digits, '_' and '-', not {group!r}")
        broker = replace(broker, group=group, session_expiry_s=MEMBER_EXPIRY_S)
    return ServiceSettings(
        dsn=dsn,
        broker=broker,
        key=read_key(settings.cloud_key_file),
        zone=settings.zone,
        water_point=Point(settings.water_point),
        unit_lists=settings.unit_lists,
        unique_labels=settings.unique_labels,
        rules_every_s=rules_every_s,
        months=run_settings(settings),
        receivers=(*map(receiver_from_settings, settings.webhook), *mailboxes(settings)),
        morning=settings.morning,
        quotas=_quotas(settings.quota or QuotaSettings()),
        due_rules=partial(_due_rules, settings),
        photos_kept=timedelta(days=31 * settings.self_read_photo_months),
        metrics_address=settings.metrics_address,
        manager=ServiceManager.of(os.environ, os.getpid()),
    )


def _due_rules(settings: CloudSettings, society: str) -> DueRules:
    return DueRules(settings.self_read_window(society), settings.self_reads_due(society))


def run_settings(settings: CloudSettings) -> RunSettings:
    """Return how the run closes months."""
    limits = Limits(settings.change_percent, settings.change_kwh, settings.change_kl)
    return RunSettings(settings.run_rules, settings.self_read_window, limits)


def _quotas(quota: QuotaSettings) -> Quotas:
    given = quota.model_dump(exclude={"quarantine_mb"})
    return Quotas(**given, quarantine_bytes=quota.quarantine_mb * 1024 * 1024)


def run_service(
    settings: ServiceSettings,
    *,
    check: bool,
    say: Say,
    log_format: logs.LogFormat = "text",
    verbose: bool = False,
) -> None:
    """Run the ingest, or only see whether it could run.

    Raises:
        IngestError: at the start a server cannot be reached, or refuses.
    """
    logs.set_up(log_format, verbose=verbose)

    async def run() -> None:
        service = Service(settings)
        if check:
            store = await service.check()
            say(
                f"The store {store.store_id} ({store.zone.key}) and the broker at "
                f"{settings.broker} are ready; receipts are signed by "
                f"{fingerprint(settings.key.public_key())}."
            )
        else:
            await service.run()

    try:
        asyncio.run(run())
    except (BrokerLost, StoreUnavailable) as error:
        raise ConfigurationError(str(error)) from None
