# SPDX-License-Identifier: MIT
"""What roles and acts about people are called on pages."""

from collections.abc import Mapping
from typing import Final

from cloud_ingest.core.access_act import AccessAct
from cloud_ingest.core.role import Role


def _(text: str) -> str:
    """Mark a sentence for translation."""
    return text


ROLES: Final[Mapping[Role, str]] = {
    Role.MANAGER: _("manager"),
    Role.TREASURER: _("treasurer"),
    Role.HELPDESK: _("helpdesk"),
    Role.OPERATOR: _("operator"),
    Role.RESIDENT: _("resident"),
}
MAY: Final[Mapping[Role, str]] = {
    Role.MANAGER: _("sees and decides everything, and lets people in"),
    Role.TREASURER: _("sees numbers and approves months"),
    Role.HELPDESK: _("sees units and flags, and attends to flags"),
    Role.OPERATOR: _("sees gateways and meters, and who did what"),
    Role.RESIDENT: _("sees one unit"),
}
ACTS: Final[Mapping[AccessAct, str]] = {
    AccessAct.ADDED: _("was let in by the operator of the server"),
    AccessAct.INVITED: _("was invited"),
    AccessAct.INVITATION_WITHDRAWN: _("the invitation was withdrawn"),
    AccessAct.JOINED: _("took the invitation"),
    AccessAct.ROLE_ENDED: _("the role was ended"),
    AccessAct.ERASED: _("was erased: login and name are gone"),
    AccessAct.SIGNED_IN: _("signed in"),
    AccessAct.SIGN_IN_REFUSED: _("a sign-in was refused"),
    AccessAct.SIGN_IN_LINKED: _("linked the account with another service"),
    AccessAct.SIGN_IN_UNLINKED: _("linked the account with another service no longer"),
    AccessAct.PASSWORD_CHANGED: _("changed the password"),
    AccessAct.PASSWORD_RESET: _("got a new password from the operator of the server"),
    AccessAct.TOKEN_MADE: _("a token was made"),
    AccessAct.TOKEN_ENDED: _("the token was ended"),
}
