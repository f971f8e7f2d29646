# SPDX-License-Identifier: MIT
"""Tokens of programs that use the API: made once, shown once, looked up at each request.

In: a society, a name, what it may do, who says so. Out: the token's text, at its making alone.
Never: a token in a log or in an error.

Raises: TokenRefused, NotFound, TextRefused.
"""

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from cloud_ingest.core.access_act import AccessAct
from cloud_ingest.core.api_token import (
    SECRET_BYTES,
    SELECTOR_BYTES,
    Scope,
    is_same,
    read_token,
    token_text,
)
from cloud_ingest.core.typed_text import own_label, remark
from cloud_ingest.errors import NotFound, TokenRefused
from cloud_ingest.store import api_tokens
from cloud_ingest.store.access_acts import note_act
from cloud_ingest.store.api_tokens import ApiToken
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.registry import find_society

_NOBODY = bytes(32)
"""Compared with where no token has that selector, so that the answer takes as long."""


def issue_token(
    conn: Connection,
    society: str,
    name: str,
    scopes: Collection[Scope],
    *,
    by: str,
    now: datetime,
    good_for: timedelta,
) -> str:
    """Make a token and return its text: nobody can see it again."""
    named, author = own_label(name, "the name"), remark(by, "--by")
    if not scopes:
        raise TokenRefused(f"a token that may do nothing: give --scope {', '.join(Scope)}")
    text = token_text(secrets.token_bytes(SELECTOR_BYTES), secrets.token_bytes(SECRET_BYTES))
    presented = read_token(text)
    assert presented is not None  # noqa: S101
    society_id = find_society(conn, society)
    with conn.transaction():
        added = api_tokens.add_token(
            conn,
            society_id,
            named,
            selector=presented.selector,
            digest=presented.digest,
            scopes=sorted(set(scopes)),
            by=author,
            now=now,
            expires_at=now + good_for,
        )
        if added:
            detail, act = ", ".join(sorted(set(scopes))), AccessAct.TOKEN_MADE
            note_act(conn, [society_id], act, author=author, about=named, detail=detail, now=now)
    if not added:
        raise TokenRefused(
            f"a token of {society} is called {named!r} already: give another name, or end that "
            f"one by cloud-ingest token revoke {named}"
        )
    return text


def revoke_token(conn: Connection, society: str, name: str, *, by: str, now: datetime) -> None:
    """End a token: its next request is refused."""
    author, society_id = remark(by, "--by"), find_society(conn, society)
    with conn.transaction():
        if not api_tokens.revoke_token(conn, society_id, name, by=author, now=now):
            raise NotFound(
                f"no token of {society} that lives is called {name!r}: token list shows all"
            )
        act = AccessAct.TOKEN_ENDED
        note_act(conn, [society_id], act, author=author, about=name, now=now)


def recognise(conn: Connection, text: str, now: datetime) -> ApiToken | None:
    """Return the token that somebody presents, and note its use; None: it is none, or is over."""
    presented = read_token(text)
    if presented is None:
        return None
    found = api_tokens.find_token(conn, presented.selector)
    holds = is_same(presented.digest, _NOBODY if found is None else found.digest)
    if found is None or not holds or not found.lives(now):
        return None
    api_tokens.note_use(conn, found, now)
    return found
