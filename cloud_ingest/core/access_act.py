# SPDX-License-Identifier: MIT
"""What can be done about people and their access to a society's pages and numbers.

Pure.
"""

from enum import StrEnum


class AccessAct(StrEnum):
    """One kind of act, as the audit log keeps it."""

    ADDED = "added"
    """The operator of the server let a person in."""
    INVITED = "invited"
    INVITATION_WITHDRAWN = "invitation_withdrawn"
    JOINED = "joined"
    ROLE_ENDED = "role_ended"
    ERASED = "erased"
    """A person's name and login went; what the person said stays under a pseudonym."""
    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGN_IN_LINKED = "sign_in_linked"
    """With another service."""
    SIGN_IN_UNLINKED = "sign_in_unlinked"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - no password
    PASSWORD_RESET = "password_reset"  # noqa: S105 - no password
    TOKEN_MADE = "token_made"  # noqa: S105 - no password
    TOKEN_ENDED = "token_ended"  # noqa: S105 - no password
