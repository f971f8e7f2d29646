# SPDX-License-Identifier: GPL-2.0-only
"""Whether the agent can start with its settings: every file that they name, and the spool's place.

`run`, `doctor` and `commission` ask here, so that none takes what another refuses.

In: the settings. Out: what was looked at, each with what is wrong; or one error of all that is.
Never: a byte on a line or to a broker; a change; a secret in an error.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from edge_agent.errors import ConfigurationError
from edge_agent.meters.credentials import setter_of
from edge_agent.meters.model import load
from edge_agent.poll.sessions import peer
from edge_agent.publish.tls import tls_context
from edge_agent.settings.bus import MeterConfig
from edge_agent.settings.gateway import AgentSettings
from edge_agent.spool.file import check_place
from edge_agent.spool.succession import keys_in_turn


@dataclass(frozen=True, slots=True)
class Examined:
    """One thing that the agent needs, and why it cannot be used, if so."""

    name: str
    """``gateway's key``, ``meter A-1204 water``."""
    error: ConfigurationError | None


def require_ready(settings: AgentSettings) -> None:
    """Make sure that the agent can start.

    Raises:
        ConfigurationError: it cannot; all that keeps it from starting.
    """
    looked_at = (
        *examine_files(settings),
        _examined("spool", partial(check_place, settings.spool)),
        *examine_meters(settings),
    )
    found = [each.error for each in looked_at if each.error is not None]
    if not found:
        return
    if len(found) == 1:
        raise found[0]
    from edge_agent.install.advice import for_error  # noqa: PLC0415 - not for a sound gateway

    error = ConfigurationError(f"{len(found)} things keep the agent from starting", of=found[0].of)
    error.detailed([f"{each}; try: {for_error(each)}" for each in found])
    raise error.advised("mend what each line names, and run it again")


def examine_files(settings: AgentSettings) -> Iterator[Examined]:
    """Look at the keys, and at what the broker asks for."""
    keys = [_examined("gateway's key", settings.signing_key)]
    if settings.next_key_file.exists():
        keys.append(_examined("gateway's next key", settings.next_key))
    yield from keys
    turn = "turn of the gateway's keys"
    if (
        not any(each.error for each in keys)
        and (found := _examined(turn, partial(keys_in_turn, settings))).error
    ):
        yield found
    yield _examined("cloud's key", settings.cloud_key)
    broker = settings.broker
    if broker.password_file is not None:
        yield _examined("broker's password", broker.password)
    if broker.tls is not None:
        yield _examined("broker's certificates", partial(tls_context, broker.tls))


def examine_meters(settings: AgentSettings) -> Iterator[Examined]:
    """Look at the model, passwords and keys of each meter."""
    for bus in settings.buses:
        for meter in bus.meters:
            yield _examined(f"meter {meter.label}", partial(_read_secrets, meter))


def _examined(name: str, look: Callable[[], object]) -> Examined:
    try:
        look()
    except ConfigurationError as error:
        return Examined(name, error)
    return Examined(name, None)


def _read_secrets(meter: MeterConfig) -> None:
    model = load(meter.model, meter.models_dir)
    peer(meter, model)
    if meter.setter is not None:
        peer(setter_of(meter), model)
