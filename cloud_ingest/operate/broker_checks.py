# SPDX-License-Identifier: MIT
"""The doctor's look at the broker: our certificates, and whether it takes us.

With a certificate the ingest has one session at the broker, which belongs to the service: the
broker is only asked whether it takes the certificate.

In: the settings, the time. Out: a `Check` for each. Never: a session that the broker keeps, or a
message taken from the service.
"""

import asyncio
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from cloud_ingest.errors import BrokerLost, BrokerRefused, ConfigurationError
from cloud_ingest.ingest.broker import Broker, broker_from_settings, tls_files
from cloud_ingest.ingest.reach import knock
from cloud_ingest.ingest.subscribe import Link
from cloud_ingest.ingest.topics import SUBSCRIPTIONS
from cloud_ingest.operate.checks import Check
from cloud_ingest.settings import CloudSettings
from cloud_ingest.store.gateway_keys import LastCertificate
from shared_schema.tls import TlsFault, client_context, examine
from shared_schema.topics import GatewayTopic, gateway_topic

CLIENT = "cloud-ingest-doctor"
NEW_CERTIFICATE: Final = {
    "ok": "",
    "warn": "have a new one issued: docs/howto/broker.md",
    "fail": "have a new one issued: docs/howto/broker.md; look at this machine's clock",
}
BEYOND_OUR_ROLE: Final = gateway_topic("+", GatewayTopic.COMMANDS)
"""The ingest writes commands, and reads none."""


def check_certificates(settings: CloudSettings, now: datetime) -> Iterator[Check]:
    """Look at each file of certificates: whether it can be read and the key fits, and its dates."""
    if not settings.broker_tls:
        return
    try:
        files = tls_files(settings)
    except ConfigurationError as error:
        yield Check("fail", "certificate", str(error), "the service does not start without it")
        return
    found = list(examine(files, None, now))
    for each in found:
        yield Check(each.level, each.name, each.said, NEW_CERTIFICATE[each.level])
    if all(each.level != "fail" for each in found):
        try:
            client_context(files)
        except TlsFault as fault:
            yield Check("fail", "certificate", str(fault), "the service does not start with it")


def check_gateways(ending: Iterable[LastCertificate], now: datetime) -> Iterator[Check]:
    """Tell of each gateway whose certificate ends soon, or has ended."""
    advice = "on the gateway edge-agent request, here cloud-ingest enrol: docs/howto/enrol.md"
    for each in ending:
        over = each.expires_at <= now
        said = f"its certificate {'expired' if over else 'ends'} on {each.expires_at:%Y-%m-%d}"
        yield Check("fail" if over else "warn", f"gateway {each.gateway}", said, advice)


def check_broker(settings: CloudSettings) -> Iterator[Check]:
    """Try the broker as the service would, and whether it holds us to our role."""
    advice = "look at the network (ping), the name, the login, the broker's roles and its log"
    try:
        # With its own client id and no kept session it disturbs no service.
        client_id = f"{CLIENT}-{secrets.token_hex(4)}"
        own = replace(broker_from_settings(settings, client_id), session_expiry_s=0)
        if own.tls is not None and own.tls.cert is not None:
            knock(own)
            yield Check("ok", "broker", f"{own} takes the certificate")
            return
        asyncio.run(_subscribe(own, SUBSCRIPTIONS))
        yield Check("ok", "broker", f"{own} takes the login and lets us subscribe")
        yield _check_role(own)
    except (BrokerLost, ConfigurationError) as error:
        yield Check("fail", "broker", str(error), advice)


def _check_role(broker: Broker) -> Check:
    try:
        asyncio.run(_subscribe(broker, (BEYOND_OUR_ROLE,)))
    except BrokerRefused:
        return Check("ok", "broker roles", f"{broker} refuses what is not ours")
    said = f"{broker} grants {BEYOND_OUR_ROLE}, which is not for the ingest"
    advice = "where it grants all to all, a gateway can take the workers' messages: broker.md"
    return Check("warn", "broker roles", said, advice)


async def _subscribe(broker: Broker, topics: Sequence[str]) -> None:
    async with Link(broker, topics):
        pass
