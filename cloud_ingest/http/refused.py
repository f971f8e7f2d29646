# SPDX-License-Identifier: MIT
"""What is answered to a request that is refused, and to one that met an error of ours.

In: an error. Out: a status with its title, which an application writes in its own way.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from starlette.exceptions import HTTPException

from cloud_ingest.errors import (
    AcknowledgementRefused,
    ApprovalRefused,
    BindingRefused,
    BrokerLost,
    CloseRefused,
    ConfigurationError,
    IngestError,
    LeadLost,
    LinkRefused,
    NotFound,
    NotStorable,
    NumberRefused,
    PreviewOutdated,
    QuotaReached,
    ResendRefused,
    StoreUnavailable,
    SubmissionRefused,
    TakeBackRefused,
    TokenRefused,
    UserError,
)

_BY_ERROR: Final[Sequence[tuple[type[IngestError], int, str]]] = (
    (NotFound, 404, "not found"),
    (CloseRefused, 409, "not now"),
    (TakeBackRefused, 409, "not so"),
    (BindingRefused, 409, "not so"),
    (NumberRefused, 409, "not so"),
    (AcknowledgementRefused, 409, "not so"),
    (ApprovalRefused, 409, "not so"),
    (ResendRefused, 429, "too often"),
    (TokenRefused, 409, "not so"),
    (SubmissionRefused, 409, "not so"),
    (LinkRefused, 401, "no link"),
    (QuotaReached, 429, "too often"),
    (ConfigurationError, 503, "not ready"),
    (StoreUnavailable, 503, "not now"),
    (LeadLost, 503, "not now"),
    (BrokerLost, 503, "not now"),
    (PreviewOutdated, 409, "outdated"),
    (UserError, 422, "refused"),
    (NotStorable, 422, "refused"),
)
"""The first that fits holds."""


class Refused(HTTPException):
    """A request that is refused before its route has it."""

    def __init__(
        self, status: int, title: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, detail, headers)
        self.title = title


def status_of(error: IngestError) -> tuple[int, str] | None:
    """Return the status and the title of an error; None: it is a fault of this program."""
    for kind, status, title in _BY_ERROR:
        if isinstance(error, kind):
            return status, title
    return None
