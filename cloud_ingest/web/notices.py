# SPDX-License-Identifier: MIT
"""What a page says after a form was taken: a known sentence by its key, ``?said=saved``.

Never: a text that came in the address.
"""

from collections.abc import Mapping
from typing import Final


def _(text: str) -> str:
    """Mark a sentence for translation."""
    return text


NOTICES: Final[Mapping[str, str]] = {
    "photo-refused": _("The number is kept. The photo could not be read: take it again."),
    "photo-kept": _("The photo is kept with your number."),
    "links-revoked": _("The links of this unit open nothing any more."),
    "read-approved": _("The reading is taken."),
    "read-refused": _("The reading is refused; its sender sees why."),
    "link-left": _("This page is closed. Open your link again when you need it."),
    "flag-seen": _("It is noted that you look into it."),
    "flag-handed": _("The helpdesk is told, with your reason."),
    "flag-muted": _("It is muted: nobody is told of it until that day is over."),
    "flag-unmuted": _("The mute is over: what is still there is told again."),
    "approved": _("The month is approved: nothing of it changes until somebody opens it again."),
    "reopened": _("The month is open again: closing it once more may change its numbers."),
    "invitation-withdrawn": _("The invitation is withdrawn: its link opens nothing any more."),
    "role-ended": _("The role is ended; whoever was signed in by it is signed out."),
    "token-ended": _("The token is ended: the next request with it is refused."),
    "joined": _("You are in."),
    "password-changed": _("Your password is changed, and you are signed out everywhere else."),
    "erased": _("Your account is erased: nothing leads from here to you any more."),
    "issuer-away": _("The other service cannot be reached: use your password, or try again later."),
    "issuer-refused": _("The other service did not sign you in: try again, or use your password."),
    "issuer-unknown": _(
        "No account here is linked with that sign-in: use your password, and link your account."
    ),
    "issuer-password": _("The password is wrong: nothing was linked."),
    "issuer-taken": _("Another account is linked with that sign-in: unlink it there first."),
    "issuer-linked": _("Your account is linked: from now on you may sign in there."),
    "issuer-unlinked": _("Your account is not linked any more: sign in by your password."),
    "signed-out": _("You are signed out."),
}
