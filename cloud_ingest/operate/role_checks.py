# SPDX-License-Identifier: MIT
"""The doctor's judgement of the role that it logs in as: the owner's, the service's or another.

In: values of `store.server_facts` and `store.roles`. Out: a `Check`. Never: a question to a server.
"""

from typing import Final

from cloud_ingest.operate.checks import Check
from cloud_ingest.store.roles import LockHolder, Service
from cloud_ingest.store.server_facts import Role

SHOWN: Final = 3
"""Of many missing rights."""


def check_role(role: Role) -> Check:
    """Judge what the service's user may do."""
    if role.read_only:
        advice = "give the DSN of the primary, and a role that may write"
        return Check("fail", "role", f"{role.name} can only read here", advice)
    if role.foreign:
        first = role.foreign[0]
        more = "" if len(role.foreign) == 1 else f" and {len(role.foreign) - 1} more"
        said = f"{first.name}{more} in schema metering belong to {first.owner}, not to {role.name}"
        advice = f"as {first.owner}: cloud-ingest migrate --role {role.name}, for rights on data"
        if first.of_superuser:  # it owns the server's own objects, too
            advice = f"docs/howto/own-database.md has the statement that gives all to {role.name}"
        return Check("fail", "role", said, advice)
    if role.superuser:
        advice = "make a role without SUPERUSER that owns the database"
        return Check("warn", "role", f"{role.name} is a superuser", advice)
    return Check("ok", "role", f"{role.name} owns the store and is no superuser")


def check_service(role: Role, service: Service) -> Check:
    """Judge the rights of the service's role, which owns nothing of the readings."""
    if service.missing:
        said = f"{role.name} lacks {', '.join(map(str, service.missing[:SHOWN]))}"
        if more := service.missing[SHOWN:]:
            said += f" and {len(more)} more"
        advice = f"as {service.owner}, who owns the store: cloud-ingest migrate --role {role.name}"
        return Check("fail", "role", said, advice)
    if service.makes_in:
        first = service.makes_in[0]
        advice = f"REVOKE CREATE ON SCHEMA {first} FROM {role.name}"
        return Check("warn", "role", f"{role.name} may make tables in schema {first}", advice)
    said = f"{role.name} has rights on data alone; {service.owner} owns the store"
    if service.of_superuser:
        advice = "give the store to a role without SUPERUSER: docs/howto/own-database.md"
        return Check("warn", "role", f"{said} and is a superuser", advice)
    return Check("ok", "role", said)


def check_stranger(role: str) -> Check:
    """Warn of a role that may look into tables of the store, where all societies are."""
    said = (
        f"{role} may look into tables of metering: those that name no society (readings, evidence, "
        "billing) show it all of them"
    )
    advice = (
        f"REVOKE ALL ON ALL TABLES IN SCHEMA metering FROM {role}, and the roles that it is a "
        f"member of; for reports, as the owner: cloud-ingest migrate --reader {role} --society NAME"
    )
    return Check("warn", f"role {role}", said, advice)


def check_holder(holder: LockHolder) -> Check:
    """Judge a session of another role that keeps the service waiting."""
    said = f"session {holder.pid} of {holder.role} holds a lock of the store: the service waits"
    advice = f"SELECT pg_terminate_backend({holder.pid}), and ask who it is"
    return Check("fail", f"locks of {holder.role}", said, advice)
