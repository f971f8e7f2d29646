# SPDX-License-Identifier: MIT
"""Signing in by another service: an account is who an issuer calls by a subject.

A person links the own account, signed in by its password; a mail address links nobody.

In: an issuer and a subject that it vouched for. Out: what the person may sign in as. Each act is
kept.

Raises: SignInRefused, PersonRefused.
"""

from datetime import datetime

from cloud_ingest.core.access_act import AccessAct
from cloud_ingest.entries.sign_in import Visitor
from cloud_ingest.errors import PersonRefused, SignInRefused
from cloud_ingest.store.access_acts import note_act
from cloud_ingest.store.account_identities import add_identity, end_identities, linked_account
from cloud_ingest.store.accounts import Membership, memberships_of
from cloud_ingest.store.connection import Connection


def sign_in_as(conn: Connection, issuer: str, subject: str, now: datetime) -> list[Membership]:
    """Return what a person may sign in as; that they do is kept.

    Raises:
        SignInRefused: no account is linked with the subject, or it has no role now.
    """
    found = linked_account(conn, issuer, subject)
    memberships = [] if found is None else memberships_of(conn, found.account_id)
    if found is None or not memberships:
        raise SignInRefused("no account with a role is linked with that sign-in")
    societies = {each.society_id for each in memberships}
    note_act(conn, societies, AccessAct.SIGNED_IN, author=found.login, about=found.login, now=now)
    return memberships


def link_account(
    conn: Connection, visitor: Visitor, issuer: str, subject: str, now: datetime
) -> None:
    """Link the visitor's account with who the issuer says that the visitor is.

    Raises:
        PersonRefused: another account is linked with that subject.
    """
    with conn.transaction():
        found = linked_account(conn, issuer, subject)
        if found is not None and found.account_id == visitor.account_id:
            return
        end_identities(conn, visitor.account_id, issuer, now)
        if not add_identity(conn, visitor.account_id, issuer, subject, now):
            raise PersonRefused("another account is linked with that sign-in: unlink it there")
        _note(conn, visitor, AccessAct.SIGN_IN_LINKED, now)


def unlink_account(conn: Connection, visitor: Visitor, issuer: str, now: datetime) -> None:
    """Link the visitor's account with the issuer no longer."""
    with conn.transaction():
        if end_identities(conn, visitor.account_id, issuer, now):
            _note(conn, visitor, AccessAct.SIGN_IN_UNLINKED, now)


def _note(conn: Connection, visitor: Visitor, act: AccessAct, now: datetime) -> None:
    societies = {each.society_id for each in memberships_of(conn, visitor.account_id)}
    note_act(conn, societies, act, author=visitor.login, about=visitor.login, now=now)
