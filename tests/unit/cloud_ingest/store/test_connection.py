# SPDX-License-Identifier: MIT
"""What the driver's errors mean to the caller: again, never again, or a person."""

import psycopg
import pytest
from psycopg import errors as pg

from cloud_ingest.errors import (
    ConfigurationError,
    IngestError,
    NotMigrated,
    NotStorable,
    StoreError,
    StoreUnavailable,
)
from cloud_ingest.store.connection import translate


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (pg.ProgramLimitExceeded(), NotStorable),
        (pg.StatementTooComplex(), NotStorable),
        (pg.ConfigurationLimitExceeded(), NotStorable),
        (pg.UntranslatableCharacter(), NotStorable),
        (pg.UniqueViolation(), NotStorable),
        (pg.DiskFull(), StoreUnavailable),
        (pg.TooManyConnections(), StoreUnavailable),
        (pg.AdminShutdown(), StoreUnavailable),
        (pg.DeadlockDetected(), StoreUnavailable),
        (psycopg.OperationalError("the connection is lost"), StoreUnavailable),
        (pg.UndefinedTable(), NotMigrated),
        (pg.InsufficientPrivilege(), ConfigurationError),
        (pg.SyntaxError(), StoreError),
    ],
)
def test_each_driver_error_says_whether_to_retry(
    error: psycopg.Error, ours: type[IngestError]
) -> None:
    assert type(translate(error)) is ours
