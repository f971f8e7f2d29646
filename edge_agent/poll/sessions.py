# SPDX-License-Identifier: GPL-2.0-only
"""How a session with a configured meter is opened: as which client, with which secrets.

`peer` joins the settings of one meter with what its model says of its kind. `sessions` returns a
function that opens a session over one bus, in the clear or ciphered, as the settings ask.

In: settings, a model, a transport, invocation counters. Out: sessions that are not yet open.
Never: a byte on the line before the session is entered.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from edge_agent.dlms.association import CipheredSession
from edge_agent.dlms.exchange import Traffic, Transport
from edge_agent.dlms.invocation_counter import Counters, by_hand
from edge_agent.dlms.peer import Peer
from edge_agent.dlms.security import LONGEST_PASSWORD, Ciphering, Mode, client_title
from edge_agent.dlms.session import Session
from edge_agent.errors import AccessDenied, ConfigurationError
from edge_agent.meters.credentials import hls_of, keys_of, mode_of
from edge_agent.meters.model import Model
from edge_agent.settings.bus import MeterConfig
from shared_schema.obis import Obis

Wanted = tuple[Obis, int, int]
"""A code, its class, the attribute."""
Answer = bytes | AccessDenied


class Reader(Protocol):
    """An open association; `session.Session` is one."""

    @property
    def takes_lists(self) -> bool:
        """Whether several attributes may be asked for at once."""
        ...

    def get(self, obis: Obis, class_id: int, attribute: int) -> bytes:
        """Return the A-XDR bytes of one attribute."""
        ...

    def get_list(self, wanted: list[Wanted], selector: bytes = b"") -> list[Answer]:
        """Return several attributes by one request; the selector is for the last of them."""
        ...

    def get_range(self, profile: Obis, start: bytes, end: bytes) -> bytes:
        """Return the rows of a range."""
        ...

    def get_entries(self, profile: Obis, first: int, last: int) -> bytes:
        """Return rows by their place."""
        ...


SessionFactory = Callable[[MeterConfig, Model, Traffic], AbstractContextManager[Reader]]


def peer(meter: MeterConfig, model: Model, title: bytes | None = None) -> Peer:
    """Join where a meter answers with how its model is spoken to.

    Args:
        meter: where it answers.
        model: its kind.
        title: the client's system title, where the settings name none.

    Raises:
        ConfigurationError: a password or key is missing, or its file cannot be used; or the
            model has no data port.
    """
    if not model.data_port:
        raise ConfigurationError(
            f"{meter.label}: a meter of model {meter.model} has no data port: it is a self-read "
            f"unit. Leave it out here, import it with legacy = yes (cloud-ingest units import), "
            f"and enter what its dial shows (cloud-ingest self-read)"
        )
    client = meter.client or model.client
    mode = mode_of(meter, client)
    hls = hls_of(meter, mode)
    password = meter.password() if mode.has_password and hls is None else None
    ciphering = None
    named = None if meter.system_title is None else bytes.fromhex(meter.system_title)
    title = named or title or client_title(meter.label)
    if mode.has_keys and (keys := keys_of(meter)) is not None:
        if password is not None and len(password) > LONGEST_PASSWORD:
            raise ConfigurationError(
                f"{meter.label}: with {mode} a password has at most {LONGEST_PASSWORD} characters"
            )
        gmac = mode in (Mode.HLS_GMAC, Mode.HLS_GMAC_PLAIN)
        ciphering = Ciphering(keys, title, gmac=gmac, plain=not mode.ciphered)
    return Peer(
        label=meter.label,
        physical=meter.address,
        logical=meter.logical_address,
        client=client,
        password=password,
        max_info=model.max_info_length,
        address_bytes=model.address_bytes if meter.address_bytes is None else meter.address_bytes,
        ciphering=ciphering,
        hls=hls,
        title=title if mode is Mode.HLS_SHA256_PLAIN else b"",
        release=model.release,
        inter_frame_s=model.inter_frame_s,
    )


def sessions(
    transport: Transport,
    counters: Counters | None = None,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Callable[[MeterConfig, Model, Traffic], AbstractContextManager[Session]]:
    """Return what opens sessions over one bus.

    Args:
        transport: the bus.
        counters: the invocation counters of its meters; None: of one visit by hand.
        sleep: waits so many seconds, between a public and a ciphered association.
    """
    kept = counters or by_hand("hand")

    def open_session(
        meter: MeterConfig, model: Model, traffic: Traffic
    ) -> AbstractContextManager[Session]:
        client = meter.client or model.client
        if not mode_of(meter, client).has_keys:
            return Session(transport, peer(meter, model), traffic)
        counter = kept.of(meter.logical_address, meter.address, client)
        return CipheredSession(
            transport,
            peer(meter, model, counter.title),
            traffic,
            counter,
            pause_s=model.public_pause_s,
            sleep=sleep,
        )

    return open_session
