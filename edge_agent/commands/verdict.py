# SPDX-License-Identifier: GPL-2.0-only
"""The verdict on a command from the cloud: run, refused or expired; and how results add up.

The desk judges a command when it comes. It expires if no meter began with it in time. The desk
notes its id before it runs (`commands.log`), so that it never runs twice, even if the power fails
in between.

In: a command whose signature was verified, what the configuration allows, the time where the
gateway has one. Out: a verdict; later one `Result`, made of the outcome at each meter. Pure.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared_schema.gateway import (
    LONGEST_LIFE,
    Command,
    CommandKind,
    MeterOutcome,
    Outcome,
    Result,
)

LONGEST_WINDOW = timedelta(days=62)
"""More than meters keep; a back-fill of the whole life of a meter is not asked by mistake."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a command is not run."""

    outcome: Outcome
    reason: str


def judge(
    command: Command,
    *,
    gateway: str,
    allowed: Collection[CommandKind],
    now: datetime | None,
) -> Verdict | None:
    """Return why a command must not be run, or None when it may.

    Args:
        command: what the cloud asks, verified.
        gateway: the name of this one.
        allowed: what the configuration allows.
        now: the time; None while the gateway has none that may be believed.
    """
    if now is not None and command.expired(now):
        return expiry(command)
    reason = _objection(command, gateway, allowed, now)
    return Verdict(Outcome.REFUSED, reason) if reason else None


def expiry(command: Command) -> Verdict:
    """Return the verdict on a command that was not begun in time."""
    return Verdict(Outcome.EXPIRED, f"it expired at {command.expires_at:%Y-%m-%d %H:%M:%S} UTC")


def _objection(
    command: Command, gateway: str, allowed: Collection[CommandKind], now: datetime | None
) -> str:
    since, until = command.arguments.since, command.arguments.until
    too_wide = since is not None and until is not None and until - since > LONGEST_WINDOW
    objections = (
        (command.gateway != gateway, f"it is for gateway {command.gateway}"),
        (now is None, "the gateway's clock is not synchronised: nobody knows if it expired"),
        (
            now is not None and command.expires_at - now > LONGEST_LIFE,
            f"it may live for {LONGEST_LIFE.days} days at most",
        ),
        (
            command.kind not in allowed,
            f"the gateway's configuration does not allow {command.kind}",
        ),
        (too_wide, f"a window has at most {LONGEST_WINDOW.days} days"),
    )
    return next((reason for objects, reason in objections if objects), "")


def refusal(command: Command, verdict: Verdict, now: datetime) -> Result:
    """Make the answer to a command that is not run."""
    return Result(
        gateway=command.gateway,
        command=command.id,
        outcome=verdict.outcome,
        reason=verdict.reason,
        at=now,
    )


def diagnosed(
    command: Command, diagnose: Callable[[], str] | None, now: Callable[[], datetime]
) -> Result:
    """Make the answer to a command that asks for a diagnosis; one that breaks is told as failed."""
    text, reason = None, "this gateway makes no diagnosis"
    if diagnose is not None:
        try:
            text, reason = diagnose(), ""
        except Exception as error:
            reason = f"the diagnosis failed: {type(error).__name__}"
    return Result(
        gateway=command.gateway,
        command=command.id,
        outcome=Outcome.FAILED if text is None else Outcome.DONE,
        reason=reason,
        at=now(),
        diagnosis=text,
    )


def result(command: Command, meters: Sequence[MeterOutcome], now: datetime) -> Result:
    """Make the answer to a command that was run: done where every meter was."""
    failed = [each for each in meters if not each.done]
    if not meters:
        reason = "none of the meters named is on this gateway"
    elif failed:
        reason = f"{len(failed)} of {len(meters)} meters: {failed[0].label}: {failed[0].detail}"
    else:
        reason = ""
    return Result(
        gateway=command.gateway,
        command=command.id,
        outcome=Outcome.DONE if meters and not failed else Outcome.FAILED,
        reason=reason[:300],
        at=now,
        meters=tuple(meters),
    )
