# SPDX-License-Identifier: MIT
"""The erasure of a person: what the law lets go, at once; what the accounts need, without the name.

Login, name, password, sessions and the unit go. What the person said stays, under a pseudonym that
is drawn by lot and kept nowhere beside the name: a number whose author is gone would be nobody's.
No number, no time and no signed byte changes. `month.erasure` is the door: it takes the name out of
what months say of their approval, too.

In: an account, the time. Out: the pseudonym. Never: a society without a manager.

Raises: PersonRefused.
"""

import secrets
from datetime import datetime

from cloud_ingest.core.access_act import AccessAct
from cloud_ingest.errors import PersonRefused
from cloud_ingest.store.access_acts import note_act
from cloud_ingest.store.accounts import lock_people
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.personal_data import erase, managed_alone, readings_of, societies_of
from cloud_ingest.store.self_read_photos import forget_pictures_of_erased


def erase_account(conn: Connection, account_id: int, teller: str | None, now: datetime) -> str:
    """Put a pseudonym in the place of a person.

    Args:
        conn: The store, within a transaction.
        account_id: Whose account.
        teller: Who erases; None: the person.
        now: The time.

    Raises:
        PersonRefused: a society would have no manager.
    """
    societies = societies_of(conn, account_id)
    for society_id in societies:
        lock_people(conn, society_id)
    if alone := managed_alone(conn, account_id):
        raise PersonRefused(
            f"nobody else manages {', '.join(alone)}: let somebody else in as manager first "
            "(cloud-ingest people invite), then erase"
        )
    alias = f"person {secrets.token_hex(4)}"
    sent = [each.submission_id for each in readings_of(conn, account_id)]
    erase(conn, account_id, alias, teller, now)
    forget_pictures_of_erased(conn, sent)
    by = alias if teller is None else teller
    note_act(conn, societies, AccessAct.ERASED, author=by, about=alias, now=now)
    return alias
