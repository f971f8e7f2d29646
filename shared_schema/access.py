# SPDX-License-Identifier: MIT
"""Who may speak and listen on the broker: the rights of each role, and how mosquitto is told.

mosquitto's ACL file lets everybody subscribe to everything and only looks at what is delivered, so
that a gateway could take the workers' share of a stream. Its dynamic security plugin refuses a
subscription; it knows no pattern of the user's name, so that each login has a role of its own.

In: logins. Out: the plugin's file, and the commands that turn what a broker knows into what is
wanted. Pure.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shared_schema.topics import (
    GatewayTopic,
    SocietyTopic,
    billing_ack_topic,
    gateway_topic,
    society_topics,
    units_result_topic,
    units_topic,
)

CONTROL_TOPIC = "$CONTROL/dynamic-security/v1"
"""Where the plugin takes commands."""
CONTROL_ANSWERS = f"{CONTROL_TOPIC}/response"
Grants = frozenset[tuple[str, str, bool]]
"""What a role is granted: the kind, the topic, whether it may."""
_SHARED = "$share/+/"
_LOGIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_NOT_GRANTED = {
    "publishClientSend": False,
    "publishClientReceive": False,
    "subscribe": False,
    "unsubscribe": True,
}
"""What somebody may whom no role grants it."""
_FROM_GATEWAY = (GatewayTopic.READINGS, GatewayTopic.STATUS, GatewayTopic.RESULTS)
_TO_GATEWAY = (GatewayTopic.COMMANDS, GatewayTopic.RECEIPTS)


class Consumer(StrEnum):
    """Who reads the cloud's side, each of his own societies."""

    BILLING = "billing"
    HELPDESK = "helpdesk"
    ACCOUNTING = "accounting"
    CONSUMER = "consumer"
    """One program that is all three."""
    OPERATOR = "operator"
    UNIT_MANAGEMENT = "unit-management"
    """It writes the list of units, and reads what became of it."""


@dataclass(frozen=True, slots=True)
class Rights:
    """The topics that a login may write, and those that it may subscribe to and be given."""

    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    shares: bool = False
    """It may read them in a group of workers too."""


def is_login_name(name: str) -> bool:
    """Say whether a login may have a name: none is a pattern of topics, or a path."""
    return _LOGIN_NAME.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Login:
    """A login of the broker: its name is the common name of its certificate."""

    name: str
    rights: Rights
    password: str = field(default="", repr=False)
    """Only where a listener takes passwords; empty: a certificate alone."""

    def __post_init__(self) -> None:
        """Refuse a name that would be a pattern of topics."""
        if not is_login_name(self.name):
            raise ValueError(f"not a login's name: {self.name!r}")


def gateway_rights(gateway: str) -> Rights:
    """A gateway: its own topics alone, each one way."""
    return Rights(
        writes=tuple(gateway_topic(gateway, kind) for kind in _FROM_GATEWAY),
        reads=tuple(gateway_topic(gateway, kind) for kind in _TO_GATEWAY),
    )


def ingest_rights() -> Rights:
    """The ingest and each of its workers: every gateway, every society."""
    return Rights(
        writes=(
            *(gateway_topic("+", kind) for kind in _TO_GATEWAY),
            *(society_topics("+", kind) for kind in SocietyTopic),
            units_result_topic("+"),
        ),
        reads=(
            *(gateway_topic("+", kind) for kind in _FROM_GATEWAY),
            billing_ack_topic("+"),
            units_topic("+"),
        ),
        shares=True,
    )


_READS: dict[Consumer, tuple[SocietyTopic, ...]] = {
    Consumer.BILLING: (SocietyTopic.BILLING,),
    Consumer.HELPDESK: (SocietyTopic.EVENTS,),
    Consumer.ACCOUNTING: (SocietyTopic.RECONCILIATION,),
    Consumer.CONSUMER: (SocietyTopic.BILLING, SocietyTopic.EVENTS, SocietyTopic.RECONCILIATION),
    Consumer.OPERATOR: tuple(SocietyTopic),
}


_ACKNOWLEDGES = (Consumer.BILLING, Consumer.CONSUMER)


def consumer_rights(role: Consumer, societies: Iterable[str]) -> Rights:
    """A consumer: what its role reads, in its societies alone.

    Raises:
        ValueError: a society's name would be all of them.
    """
    named = tuple(societies)
    if "+" in named:
        raise ValueError("'+' is no name of a society: it would be all of them")
    if role is Consumer.UNIT_MANAGEMENT:
        return Rights(tuple(map(units_topic, named)), tuple(map(units_result_topic, named)))
    acks = tuple(map(billing_ack_topic, named)) if role in _ACKNOWLEDGES else ()
    reads = tuple(society_topics(society, kind) for society in named for kind in _READS[role])
    return Rights(writes=acks, reads=reads)


def keeper_rights() -> Rights:
    """The keeper of the logins: it changes them, and reads or writes nothing else."""
    return Rights(writes=(CONTROL_TOPIC,), reads=(CONTROL_ANSWERS,))


def monitor_rights() -> Rights:
    """Who watches the broker: its own figures, and no message."""
    return Rights(reads=("$SYS/broker/#",))


def plugin_file(logins: Iterable[Login]) -> dict[str, Any]:
    """Return what the plugin reads at its start; what is not granted is refused.

    A login has no password here: the broker hashes one itself when it is told by a command.
    """
    listed = list(logins)
    return {
        "defaultACLAccess": dict(_NOT_GRANTED),
        "roles": [{"rolename": each.name, "acls": _acls(each.rights)} for each in listed],
        "clients": [{"username": each.name, "roles": _own_role(each.name)} for each in listed],
        "groups": [],
    }


def changes(
    logins: Iterable[Login],
    known: Mapping[str, Grants],
    *,
    anew: Collection[str] = (),
) -> list[dict[str, Any]]:
    """Return the commands that make the broker's logins those that are wanted.

    Args:
        logins: All that are wanted.
        known: What the broker has, by name: `grants_told`.
        anew: Names that are made again though their rights are the same, as with a new password.
    """
    wanted = {each.name: each for each in logins}
    commands: list[dict[str, Any]] = []
    for name, login in wanted.items():
        if name not in known:
            commands += _made(login)
        elif name in anew or known[name] != grants(login.rights):
            commands += [*_taken_away(name), *_made(login)]
    for name in known:  # last: it may be the one who tells
        if name not in wanted:
            commands += _taken_away(name)
    return commands


def _made(login: Login) -> list[dict[str, Any]]:
    secret = {"password": login.password} if login.password else {}
    client = {"command": "createClient", "username": login.name, "roles": _own_role(login.name)}
    role = {"command": "createRole", "rolename": login.name, "acls": _acls(login.rights)}
    return [role, {**client, **secret}]


def _taken_away(name: str) -> list[dict[str, Any]]:
    return [
        {"command": "deleteClient", "username": name},
        {"command": "deleteRole", "rolename": name},
    ]


CLOSED: dict[str, Any] = {
    "command": "setDefaultACLAccess",
    "acls": [{"acltype": kind, "allow": allowed} for kind, allowed in _NOT_GRANTED.items()],
}
"""The command after which what no role grants is refused."""


def grants_told(roles: Iterable[Mapping[str, Any]]) -> dict[str, Grants]:
    """Return what a broker grants, by login, from the roles that it tells."""
    return {each["rolename"]: _grants(each["acls"]) for each in roles}


def grants(rights: Rights) -> Grants:
    """Return how a broker tells of these rights."""
    return _grants(_acls(rights))


def _grants(acls: Iterable[Mapping[str, Any]]) -> Grants:
    return frozenset((each["acltype"], each["topic"], bool(each["allow"])) for each in acls)


def _acls(rights: Rights) -> list[dict[str, Any]]:
    shared = tuple(f"{_SHARED}{topic}" for topic in rights.reads) if rights.shares else ()
    granted = (
        ("publishClientSend", rights.writes),
        ("publishClientReceive", rights.reads),
        ("subscribePattern", (*rights.reads, *shared)),
    )
    return [
        {"acltype": kind, "topic": topic, "priority": 0, "allow": True}
        for kind, topics in granted
        for topic in topics
    ]


def _own_role(name: str) -> list[dict[str, str]]:
    return [{"rolename": name}]
