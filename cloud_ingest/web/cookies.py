# SPDX-License-Identifier: MIT
"""The cookies of the pages, and how each is kept.

In: an answer, a value. Out: the answer with its cookie.
"""

from typing import Final

from starlette.responses import Response

SESSION: Final = "session"
FORM: Final = "form"
"""Of a browser that is not signed in: what its forms have to bring back."""
LINK: Final = "link"
"""Of a browser in which somebody opened a personal link: its text."""
LANGUAGE: Final = "language"
THEME: Final = "theme"
A_YEAR_S: Final = 365 * 86400


def named(name: str, *, secure: bool) -> str:
    """Return a cookie's name; behind TLS no other host may set it."""
    return f"__Host-{name}" if secure else name


def keep(
    answer: Response, name: str, value: str, *, secure: bool, max_age: int | None = None
) -> None:
    """Let a browser keep a cookie; without an age until it is closed."""
    answer.set_cookie(
        named(name, secure=secure),
        value,
        max_age=max_age,
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def forget(answer: Response, name: str, *, secure: bool) -> None:
    """Let a browser drop a cookie."""
    answer.delete_cookie(
        named(name, secure=secure), path="/", secure=secure, httponly=True, samesite="lax"
    )
