# SPDX-License-Identifier: GPL-2.0-only
"""The ladder of errors of a bus: what each error means for the bus and its meter."""

from collections.abc import Callable

import pytest

from edge_agent.errors import (
    AddressShared,
    BusLost,
    BusTimeout,
    ConfigurationError,
    MeterBusy,
    PasswordRefused,
    SpoolError,
    SpoolFull,
    Unexplained,
)
from edge_agent.worker.attempt import Done, End, Ended, attempt
from shared_schema.gateway import PollFailure


def failing(error: Exception) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def ended(error: Exception, *, is_stopping: bool = False) -> Done[None] | Ended:
    return attempt(failing(error), is_stopping=lambda: is_stopping, mistake=lambda: None)


def test_an_attempt_that_succeeds_has_its_value() -> None:
    assert attempt(lambda: 7, is_stopping=lambda: False, mistake=lambda: None) == Done(7)


@pytest.mark.parametrize(
    ("error", "end", "why"),
    [
        (BusLost("x"), End.LOST, PollFailure.ADAPTER_AWAY),
        (PasswordRefused("x"), End.REFUSED, PollFailure.PASSWORD_REFUSED),
        (Unexplained("x"), End.REFUSED, PollFailure.PASSWORD_REFUSED),
        (BusTimeout("x"), End.FAILED, PollFailure.NO_ANSWER),
        (MeterBusy("x"), End.FAILED, PollFailure.NO_ANSWER),
        (AddressShared("x"), End.FAILED, PollFailure.UNREADABLE),
        (ConfigurationError("x"), End.FAILED, PollFailure.UNREADABLE),
        (SpoolFull("x"), End.FAILED, PollFailure.UNREADABLE),
    ],
)
def test_an_error_ends_an_attempt_with_its_reason(
    error: Exception, end: End, why: PollFailure
) -> None:
    assert ended(error) == Ended(end, "x", why)


@pytest.mark.parametrize("error", [BusLost("x"), BusTimeout("x"), AddressShared("x")])
def test_a_stop_says_nothing_of_the_meter(error: Exception) -> None:
    assert ended(error, is_stopping=True) == Ended(End.STOPPED, "x")


def test_a_refusal_counts_at_a_stop_too() -> None:
    assert ended(PasswordRefused("x"), is_stopping=True) == Ended(
        End.REFUSED, "x", PollFailure.PASSWORD_REFUSED
    )


def test_a_spool_that_fails_ends_the_bus() -> None:
    with pytest.raises(SpoolError):
        ended(SpoolError("x"))


def test_a_mistake_is_logged_and_names_no_value() -> None:
    logged: list[str] = []
    found = attempt(
        failing(ZeroDivisionError("secret")),
        is_stopping=lambda: False,
        mistake=lambda: logged.append("told"),
    )
    assert (found, logged) == (Ended(End.MISTAKE, "ZeroDivisionError in edge-agent"), ["told"])
