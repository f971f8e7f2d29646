# SPDX-License-Identifier: MIT
"""What a person is to which society.

In: an account. Out: its roles.
"""

from cloud_ingest.store.accounts import Membership, memberships_of
from cloud_ingest.store.connection import Connection


def own_roles(conn: Connection, account_id: int) -> list[Membership]:
    """Return what a person is now, the newest first."""
    return memberships_of(conn, account_id)
