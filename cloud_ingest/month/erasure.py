# SPDX-License-Identifier: MIT
"""A person is erased, and the months that the person approved say so by the pseudonym.

A month's manifest names who approved it. Its next version names the pseudonym, and says the same
of everything else; no number is sent again.

In: a person, the time. Out: the pseudonym. Never: another approval, a number.

Raises: PersonRefused, NotFound, SignInRefused.
"""

from datetime import datetime

from cloud_ingest.core.typed_text import label
from cloud_ingest.entries.personal_data import erase_account
from cloud_ingest.entries.sign_in import Visitor, sign_in
from cloud_ingest.errors import NotFound
from cloud_ingest.month.manifest import approval, send_manifest
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.locks import Lock, advisory_lock
from cloud_ingest.store.manifests import heard_by_manifest, manifest_of
from cloud_ingest.store.month_locks import lock_of
from cloud_ingest.store.personal_data import approved_by, own_account


def erase_own(conn: Connection, visitor: Visitor, password: str, now: datetime) -> str:
    """Erase the visitor, who gives the password once more.

    Raises:
        SignInRefused: the password is wrong.
        PersonRefused: a society would have no manager.
    """
    sign_in(conn, visitor.login, password, now)
    return _erase(conn, visitor.account_id, None, now)


def erase_person(conn: Connection, login: str, *, by: str, now: datetime) -> str:
    """Erase the person of a login.

    Raises:
        NotFound: nobody has the login.
        PersonRefused: a society would have no manager.
    """
    found = own_account(conn, login.strip().lower())
    if found is None or found.erased_at is not None:
        raise NotFound(f"nobody signs in as {login[:64]!r}: look at how it is written")
    return _erase(conn, found.account_id, label(by, "by"), now)


@translating
def _erase(conn: Connection, account_id: int, teller: str | None, now: datetime) -> str:
    with advisory_lock(conn, Lock.CLOSING), conn.transaction():
        alias = erase_account(conn, account_id, teller, now)
        for society_id, month in approved_by(conn, alias):
            _say_again(conn, society_id, month)
    return alias


def _say_again(conn: Connection, society_id: int, month: str) -> None:
    """Send the manifest of an approved month with who approved it as it is called now."""
    former, lock = manifest_of(conn, society_id, month), lock_of(conn, society_id, month)
    if former is None or former.approved is None or lock is None:
        return
    heard = heard_by_manifest(conn, society_id, month) or 0
    made = former.model_copy(update={"approved": approval(lock)})
    send_manifest(conn, society_id, former, made, heard)
