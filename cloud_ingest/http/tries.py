# SPDX-License-Identifier: MIT
"""How often somebody may try to sign in, so that wrong tries hold up nobody else.

Where a proxy that is believed tells the address, a login is tried as often as one may from each
address; all addresses together may try it more often. Where nobody knows the address, the login
alone is bounded.

In: a request, a login as it was typed. Never: whether somebody has that login.

Raises: Refused.
"""

from typing import Final

from fastapi import Request

from cloud_ingest.http.peer import address_of
from cloud_ingest.http.resources import resources_of

LONGEST_LOGIN: Final = 128


def require_try(request: Request, login: str) -> None:
    """Let somebody try a password once more.

    Raises:
        Refused: it was tried too often.
    """
    resources = resources_of(request)
    login = login.strip().lower()[:LONGEST_LOGIN]
    address = address_of(request.scope, resources.settings.trusted_proxies)
    if address is None:
        resources.require_rate(("login", login), "this login")
        return
    require_address(request)
    resources.require_rate(("login", f"{address} {login}"), "this login")
    resources.require_rate(("login everywhere", login), "this login")


def require_address(request: Request) -> None:
    """Let an address try once more, whoever it says it is; one that nobody knows is let in.

    Raises:
        Refused: it tried too often.
    """
    resources = resources_of(request)
    address = address_of(request.scope, resources.settings.trusted_proxies)
    if address is not None:
        resources.require_rate(("address", address), "this address")
