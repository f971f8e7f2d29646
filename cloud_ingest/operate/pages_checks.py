# SPDX-License-Identifier: MIT
"""The doctor's judgement of the pages: do they have the address that people open, does one answer?

In: the settings. Out: a `Check` for each thing. Never: a session; more than one question.
"""

import contextlib
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from typing import Final

from cloud_ingest.operate.checks import Check
from cloud_ingest.settings import CloudSettings

NAME: Final = "pages"
PATIENCE_S: Final = 5.0


def check_pages(settings: CloudSettings) -> Iterator[Check]:
    """Look at what the settings say of the pages, if anything."""
    if settings.web_address is None:
        return
    if settings.public_url is None:
        said = "the pages do not know which address people open: their cookies may go without TLS"
        yield Check("warn", NAME, said, "set public_url, as in https://meters.example: web.md")
    if not settings.trusted_proxies:
        said = "no proxy is believed: wrong tries from one address hold a login up everywhere"
        yield Check("warn", NAME, said, 'set trusted_proxies, as in ["127.0.0.1"]: web.md')


def check_pages_answer(settings: CloudSettings) -> Iterator[Check]:
    """Ask the pages of the workers whether they and their store answer."""
    at = settings.web_address
    if at is None:
        return
    try:
        with contextlib.closing(HTTPConnection(at, timeout=PATIENCE_S)) as connection:
            connection.request("GET", "/healthz")
            status = connection.getresponse().status
    except (OSError, HTTPException):
        advice = "see that a worker runs on this machine, and what its log says"
        yield Check("warn", NAME, f"nobody answers at {at}", advice)
        return
    if status == 200:
        yield Check("ok", NAME, f"they and their store answer at {at}")
    else:
        yield Check("fail", NAME, f"they answer {status} at {at}", "see the log of the workers")
