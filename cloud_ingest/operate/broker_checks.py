# SPDX-License-Identifier: MIT
"""The doctor's look at the broker: our certificates, and whether it takes us.

With a certificate the ingest has one session at the broker, which belongs to the service: the
broker is only asked whether it takes the certificate.

In: the settings, the time. Out: a `Check` for each. Never: a session that the broker keeps, or a
message taken from the service.
"""

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from cloud_ingest.errors import BrokerLost, ConfigurationError
from cloud_ingest.ingest.broker import Broker, broker_from_settings, tls_files
from cloud_ingest.ingest.reach import knock
from cloud_ingest.ingest.subscribe import Link
from cloud_ingest.ingest.topics import SUBSCRIPTIONS
from cloud_ingest.operate.checks import Check
from cloud_ingest.settings import CloudSettings
from shared_schema.tls import examine

CLIENT = "cloud-ingest-doctor"
EXPIRES_SOON: Final = timedelta(days=30)


def check_certificates(settings: CloudSettings, now: datetime) -> Iterator[Check]:
    """Look at each file of certificates: whether it can be read, and its dates."""
    if not settings.broker_tls:
        return
    try:
        files = tls_files(settings)
    except ConfigurationError as error:
        yield Check("fail", "certificate", str(error), "the service does not start without it")
        return
    for each in examine(files, None, now):
        name = "certificate" if each.is_own else "ca"
        if each.fault is not None or each.ends is None:
            advice = "have a new one issued: docs/howto/broker.md; look at this machine's clock"
            yield Check("fail", name, each.fault or each.file, advice)
            continue
        said = f"{each.file} is valid until {each.ends:%Y-%m-%d}"
        if each.ends - now < EXPIRES_SOON:
            advice = "have a new one issued: docs/howto/broker.md"
            yield Check("warn", name, said, advice)
        else:
            yield Check("ok", name, said)


def check_broker(settings: CloudSettings) -> Check:
    """Try the broker as the service would."""
    advice = "look at the network (ping), the name, the login, the broker's roles and its log"
    try:
        # With its own client id and no kept session it disturbs no service.
        client_id = f"{CLIENT}-{secrets.token_hex(4)}"
        own = replace(broker_from_settings(settings, client_id), session_expiry_s=0)
        if own.tls is not None and own.tls.cert is not None:
            knock(own)
            return Check("ok", "broker", f"{own} takes the certificate")
        asyncio.run(_subscribe(own))
    except (BrokerLost, ConfigurationError) as error:
        return Check("fail", "broker", str(error), advice)
    return Check("ok", "broker", f"{own} takes the login and lets us subscribe")


async def _subscribe(broker: Broker) -> None:
    async with Link(broker, SUBSCRIPTIONS):
        pass
