# SPDX-License-Identifier: MIT
"""The rights of the roles, and what the broker is told of them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_schema.access import (
    Consumer,
    Login,
    Rights,
    changes,
    consumer_rights,
    gateway_rights,
    grants,
    grants_told,
    ingest_rights,
    keeper_rights,
    plugin_file,
)
from shared_schema.catalogue import Service
from shared_schema.events import EventKind, Subject
from shared_schema.topics import billing_ack_topic, billing_manifest_topic, event_topic

TOPICS = st.sampled_from(["a/b", "a/+/c", "a/#", "metering/v1/gw/gw-1/readings"])
RIGHTS = st.builds(
    Rights,
    st.lists(TOPICS, unique=True).map(tuple),
    st.lists(TOPICS, unique=True).map(tuple),
    st.booleans(),
)
LOGINS = st.dictionaries(st.sampled_from("abcd"), RIGHTS).map(
    lambda found: [Login(name, rights) for name, rights in found.items()]
)


def matches(pattern: str, topic: str) -> bool:
    expression = re.escape(pattern).replace(r"\+", "[^/]+").replace(r"/\#", "(/.*)?")
    return re.fullmatch(expression, topic) is not None


def run(commands: list[dict[str, object]], known: dict[str, object]) -> dict[str, object]:
    """What a broker grants after commands."""
    roles, clients = dict(known), set(known)
    for each in commands:
        match each["command"]:
            case "deleteClient":
                clients.remove(str(each["username"]))
            case "deleteRole":
                del roles[str(each["rolename"])]
            case "createRole":
                assert each["rolename"] not in roles
                roles.update(grants_told([each]))
            case "createClient":
                assert each["username"] not in clients
                assert each["roles"] == [{"rolename": each["username"]}]
                assert each["username"] in roles
                clients.add(str(each["username"]))
    assert clients == set(roles)
    return roles


def test_a_gateway_has_no_wildcard_and_no_share() -> None:
    rights = gateway_rights("gw-1")
    assert all(re.fullmatch(r"metering/v1/gw/gw-1/[a-z]+", topic) for topic in rights.writes)
    assert all(re.fullmatch(r"metering/v1/gw/gw-1/[a-z]+", topic) for topic in rights.reads)
    assert not set(rights.writes) & set(rights.reads)
    assert not any("$share" in topic for _, topic, _ in grants(rights))


def test_the_ingest_may_share_what_it_reads() -> None:
    topics = {topic for kind, topic, _ in grants(ingest_rights()) if kind == "subscribePattern"}
    assert "$share/+/metering/v1/gw/+/readings" in topics
    assert "metering/v1/gw/+/readings" in topics


@pytest.mark.parametrize("role", Consumer)
def test_a_consumer_reads_its_societies_alone(role: Consumer) -> None:
    rights = consumer_rights(role, ["Lake View"])
    topics = (*rights.reads, *rights.writes)
    assert all(topic.startswith("metering/v1/society/Lake%20View/") for topic in topics)


@pytest.mark.parametrize(
    ("role", "reads"),
    [
        (Consumer.BILLING, {"manifest"}),
        (Consumer.HELPDESK, {"event"}),
        (Consumer.ACCOUNTING, set()),
        (Consumer.CONSUMER, {"manifest", "event"}),
        (Consumer.OPERATOR, {"manifest", "event"}),
    ],
)
def test_a_consumer_reads_its_own_part(role: Consumer, reads: set[str]) -> None:
    subject = Subject(type="unit", id="A-1204")
    told = {
        "manifest": billing_manifest_topic("Lake View", "2026-10"),
        "event": event_topic("Lake View", EventKind.LEAK, subject, Service.WATER),
    }
    rights = consumer_rights(role, ["Lake View"])
    assert {
        name for name, topic in told.items() if any(matches(each, topic) for each in rights.reads)
    } == reads


def test_only_who_keeps_numbers_acknowledges() -> None:
    may = {
        role
        for role in Consumer
        if billing_ack_topic("Lake View") in consumer_rights(role, ["Lake View"]).writes
    }
    assert may == {Consumer.BILLING, Consumer.CONSUMER}


def test_a_society_called_plus_is_not_all_of_them() -> None:
    with pytest.raises(ValueError, match="all of them"):
        consumer_rights(Consumer.OPERATOR, ["+"])


def test_the_keeper_touches_no_reading() -> None:
    assert all(topic.startswith("$CONTROL/") for _, topic, _ in grants(keeper_rights()))


def test_what_is_not_granted_is_refused() -> None:
    access = plugin_file([])["defaultACLAccess"]
    assert [name for name, allowed in access.items() if allowed] == ["unsubscribe"]


def test_a_password_is_in_no_file_of_the_plugin() -> None:
    login = Login("gw-1", gateway_rights("gw-1"), "the word")
    assert "the word" not in f"{plugin_file([login])}{login!r}"


@given(before=LOGINS, after=LOGINS)
def test_changes_make_the_broker_grant_what_is_wanted(
    before: list[Login], after: list[Login]
) -> None:
    known = {each.name: grants(each.rights) for each in before}
    wanted = {each.name: grants(each.rights) for each in after}
    assert run(changes(after, known), dict(known)) == wanted
    assert changes(after, wanted) == []


@given(LOGINS)
def test_a_changed_password_makes_its_login_anew(logins: list[Login]) -> None:
    known = {each.name: grants(each.rights) for each in logins}
    told = changes(logins, known, anew=list(known)[:1])
    assert len(told) == (4 if logins else 0)
    assert run(told, dict(known)) == known


@given(LOGINS)
def test_the_file_tells_what_the_commands_tell(logins: list[Login]) -> None:
    assert grants_told(plugin_file(logins)["roles"]) == run(changes(logins, {}), {})


@pytest.mark.parametrize("name", ["gw/a", "gw a", "+", "gw#", "a\nb", "", "a:b"])
def test_a_name_that_would_widen_rights_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="login's name"):
        Login(name, Rights())
