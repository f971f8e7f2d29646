# SPDX-License-Identifier: MIT
"""By which other services a person may sign in.

In: an account. Out: its identities.
"""

from cloud_ingest.store.account_identities import Identity, identities_of
from cloud_ingest.store.connection import Connection


def linked_with(conn: Connection, account_id: int, issuer: str) -> Identity | None:
    """Return who an account is to an issuer; None: it is not linked."""
    found = (each for each in identities_of(conn, account_id) if each.issuer == issuer)
    return next(found, None)
