# SPDX-License-Identifier: MIT
"""The logins of the broker: who there is, and how the broker is told.

The gateways that are enrolled, and the logins that the settings name. `shared_schema.access` has
what each role may.

In: settings, the names of the gateways, a broker. Out: logins; what a broker was told. Never: a
gateway that was taken back keeps its login; another's login goes unasked.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from cloud_ingest.core.known import KnownGateway
from cloud_ingest.errors import BrokerLost, BrokerRefused, ConfigurationError
from cloud_ingest.ingest.broker import Broker
from cloud_ingest.ingest.subscribe import Delivery, Link
from cloud_ingest.settings import BrokerLogin
from shared_schema.access import (
    CLOSED,
    CONTROL_ANSWERS,
    CONTROL_TOPIC,
    Consumer,
    Grants,
    Login,
    Rights,
    changes,
    consumer_rights,
    gateway_rights,
    grants,
    grants_told,
    ingest_rights,
    keeper_rights,
    monitor_rights,
)

PAGE = 200
"""How many roles the broker tells at once: its answer has to fit into a packet."""
ANSWER_TIMEOUT_S = 30.0
Answers = AsyncGenerator[tuple[Delivery, ...], None]


@dataclass(frozen=True, slots=True)
class Difference:
    """What a broker has to learn, by the names of logins."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    gone: tuple[str, ...]
    unnamed: tuple[str, ...]
    """Those that it keeps, though neither the settings nor the store name them."""


def wanted_logins(named: Collection[BrokerLogin], known: Mapping[str, KnownGateway]) -> list[Login]:
    """Return every login that the broker should know: no gateway whose keys were taken back.

    Raises:
        ConfigurationError: no login takes the readings, or one has the name of a gateway.
    """
    if not any(each.role == "ingest" for each in named):
        raise ConfigurationError(
            "no login of the broker takes the readings: name one in the settings, as in "
            '[[broker_login]] name = "ingest" role = "ingest"'
        )
    gateways = {name for name, gateway in known.items() if gateway.may_connect}
    if doubled := sorted({each.name for each in named} & set(known)):
        raise ConfigurationError(
            f"{doubled[0]} is a gateway and a [[broker_login]]: give the login another name"
        )
    own = [Login(each.name, _rights(each)) for each in named]
    return own + [Login(name, gateway_rights(name)) for name in sorted(gateways)]


def _rights(login: BrokerLogin) -> Rights:
    if login.role == "ingest":
        return ingest_rights()
    if login.role == "keeper":
        return keeper_rights()
    if login.role == "monitor":
        return monitor_rights()
    return consumer_rights(Consumer(login.role), login.societies)


def taken_back(known: Mapping[str, KnownGateway]) -> frozenset[str]:
    """Return the gateways that may not connect any more."""
    return frozenset(name for name, gateway in known.items() if not gateway.may_connect)


def difference(
    logins: Collection[Login],
    known: Mapping[str, Grants],
    unwanted: Collection[str] | None,
) -> Difference:
    """Compare what is wanted with what a broker knows.

    Args:
        logins: what is wanted.
        known: what the broker knows.
        unwanted: which others go; None: all of them.
    """
    wanted = {each.name: grants(each.rights) for each in logins}
    others = [name for name in known if name not in wanted]
    return Difference(
        new=tuple(name for name in wanted if name not in known),
        changed=tuple(name for name in wanted if name in known and known[name] != wanted[name]),
        gone=tuple(name for name in others if unwanted is None or name in unwanted),
        unnamed=tuple(name for name in others if unwanted is not None and name not in unwanted),
    )


def tell_broker(
    broker: Broker,
    logins: Collection[Login],
    unwanted: Collection[str] | None,
    *,
    planned: bool,
) -> Difference:
    """Make a running broker's logins those that are wanted, and return what differed.

    A login that changed loses its link once; one that is gone loses it for good.

    Args:
        broker: the broker.
        logins: those that are wanted.
        unwanted: which others go; None: all of them.
        planned: change nothing.

    Raises:
        ConfigurationError: nobody could tell it of logins after that, or it refused a change.
        BrokerRefused: we may not change logins there.
        BrokerLost: there is no link, or no answer.
    """
    if keeper_rights() not in (each.rights for each in logins):
        raise ConfigurationError(
            "no login could tell the broker of others any more: name one in the settings, as in "
            '[[broker_login]] name = "keeper" role = "keeper"'
        )
    try:
        own = replace(broker, session_expiry_s=0)
        return asyncio.run(_tell(own, logins, unwanted, planned=planned))
    except BrokerRefused:
        raise BrokerRefused(
            f"the broker at {broker} takes no commands from us: give --cert and --cert-key of a "
            "login of the role keeper; if it knows none, write its file anew (cloud-ingest broker "
            "access) and restart it"
        ) from None


async def _tell(
    broker: Broker,
    logins: Collection[Login],
    unwanted: Collection[str] | None,
    *,
    planned: bool,
) -> Difference:
    async with Link(broker, (CONTROL_ANSWERS,)) as link, aclosing(link.batches()) as answers:
        known = await _known(link, answers)
        found = difference(logins, known, unwanted)
        if not planned:
            for name in found.unnamed:
                del known[name]
            for command in (CLOSED, *changes(logins, known)):
                await _ask(link, answers, command)
    return found


async def _known(link: Link, answers: Answers) -> dict[str, Grants]:
    known: dict[str, Grants] = {}
    offset = 0
    while True:
        page = {"command": "listRoles", "verbose": True, "count": PAGE, "offset": offset}
        told = (await _ask(link, answers, page))["data"]
        known |= grants_told(told["roles"])
        offset += len(told["roles"])
        if not told["roles"] or offset >= told["totalCount"]:
            return known


async def _ask(link: Link, answers: Answers, command: Mapping[str, Any]) -> dict[str, Any]:
    await link.publish(CONTROL_TOPIC, json.dumps({"commands": [command]}).encode())
    try:
        batch = await asyncio.wait_for(anext(answers), ANSWER_TIMEOUT_S)
    except TimeoutError:
        raise BrokerLost(
            f"the broker at {link.broker} answers no command: does it have the plugin "
            "mosquitto_dynamic_security.so? docs/howto/broker.md has its configuration"
        ) from None
    answer: dict[str, Any] = json.loads(batch[0].payload)["responses"][0]
    if "error" in answer:
        what = command.get("username") or command.get("rolename") or "its defaults"
        raise ConfigurationError(
            f"the broker refuses {command['command']} of {what}: {answer['error']}; "
            "write its file anew: cloud-ingest broker access"
        )
    return answer
