# SPDX-License-Identifier: MIT
"""The doctor's judgement of another service that signs people in.

In: the settings. Out: a `Check` for each thing. Never: a secret; somebody who signs in.
"""

from collections.abc import Iterator
from typing import Final

from cloud_ingest.errors import ConfigurationError, IngestError
from cloud_ingest.operate.checks import Check
from cloud_ingest.settings import CloudSettings, read_secret

NAME: Final = "issuer"


def check_issuer_secret(settings: CloudSettings) -> Iterator[Check]:
    """Say whether the secret of ``[oidc]`` can be used, where there is one."""
    if settings.oidc is None:
        return
    try:
        read_secret(settings.oidc.client_secret_file, "the secret of [oidc]")
    except ConfigurationError as error:
        yield Check("fail", NAME, str(error), "write it as the service's user; see web.md")
    else:
        yield Check("ok", NAME, "the secret of [oidc] can be used")


def check_issuer(settings: CloudSettings) -> Iterator[Check]:
    """Ask the issuer who it is, where there is one."""
    if settings.oidc is None:
        return
    try:
        from cloud_ingest.entries import openid  # noqa: PLC0415 - of an extra, not always there
    except ModuleNotFoundError as error:
        advice = "install iot-utility[cloud,oidc]; the pages do not start without it"
        yield Check("fail", NAME, f"{error.name} is not installed", advice)
        return
    try:
        found = openid.learn(settings.oidc)
    except IngestError as error:
        advice = "correct [oidc], or mend the issuer; passwords go on"
        yield Check("warn", NAME, str(error), advice)
        return
    if found.algorithms:
        yield Check("ok", NAME, f"{settings.oidc.issuer} answers")
    else:
        said = f"{settings.oidc.issuer} signs by none of {', '.join(openid.ALGORITHMS)}"
        yield Check("fail", NAME, said, "let it sign with RS256 or ES256")
