# SPDX-License-Identifier: MIT
"""What a flag is called on a page, and what it may be: sentences for translation.

In: a kind, a change, a state. Out: an English sentence that the template translates. Pure.
"""

from collections.abc import Mapping
from typing import Final

from cloud_ingest.core.flag import Change
from shared_schema.events import EventKind


def _(text: str) -> str:
    """Mark a sentence for translation."""
    return text


KINDS: Final[Mapping[EventKind, str]] = {
    EventKind.LEAK: _("Leak"),
    EventKind.BURST: _("Burst pipe"),
    EventKind.REVERSE_FLOW: _("Water runs back"),
    EventKind.STUCK_REGISTER: _("Meter stands still"),
    EventKind.TAMPER: _("Meter was touched"),
    EventKind.DRY_PIPE: _("Pipe without water"),
    EventKind.NO_LOAD: _("No electricity used"),
    EventKind.LOAD_JUMP: _("Unusual use"),
    EventKind.PHASE_LOSS: _("Phase missing"),
    EventKind.REVERSE_ENERGY: _("Energy given back"),
    EventKind.NEUTRAL: _("Neutral disturbed"),
    EventKind.TOWER_LOSS: _("Loss in a tower"),
    EventKind.STOPPED_METER: _("Meter stopped"),
    EventKind.BYPASS: _("Water passes by the meter"),
    EventKind.CROSSED_METERS: _("Meters exchanged"),
    EventKind.READ_FAILURE: _("Not read"),
    EventKind.EVIDENCE: _("Evidence contradicts itself"),
    EventKind.MISSING_BATCHES: _("Messages missing"),
    EventKind.QUOTA: _("Too much data"),
    EventKind.FALSE_ACKNOWLEDGEMENT: _("Wrong acknowledgement"),
    EventKind.NOT_BOUND: _("Foreign meters"),
    EventKind.EXPIRING_CERTIFICATE: _("Certificate ends soon"),
    EventKind.GATEWAY_DISK: _("Gateway disk full"),
    EventKind.GATEWAY_CLOCK: _("Gateway clock wrong"),
    EventKind.HELD_CHANGE: _("Change held back"),
    EventKind.PROLONGED_ESTIMATE: _("Estimated for months"),
    EventKind.SELF_READ_DUE: _("Dial not read"),
}
CAUSES: Final[Mapping[EventKind, tuple[str, ...]]] = {
    EventKind.LEAK: (
        _("A toilet cistern that does not close: put a drop of colour into the tank and wait."),
        _("A tap, or the overflow of a tank or a filter, that runs unseen."),
        _("A pipe behind a wall: shut the unit's valve; if the meter stops, it is inside."),
    ),
    EventKind.BURST: (
        _("A burst pipe or hose: shut the unit's valve first, then look."),
        _("A tap that was left open, or a tank that overflows."),
    ),
    EventKind.REVERSE_FLOW: (
        _("The non-return valve at the meter does not close."),
        _("A pump of the unit presses water back into the riser."),
    ),
    EventKind.STUCK_REGISTER: (
        _("The meter is blocked or worn: compare it with a bucket test."),
        _("Water reaches the unit by another pipe."),
        _("Somebody is at home and really uses no water."),
    ),
    EventKind.TAMPER: (
        _("Somebody worked at the meter: ask who did, and compare the seals."),
        _("A magnet lies beside it, or its cable was cut."),
    ),
    EventKind.DRY_PIPE: (
        _("The supply was shut for a repair."),
        _("The tank above is empty, or its pump does not run."),
    ),
    EventKind.NO_LOAD: (
        _("The unit is empty, or its main switch is off."),
        _("The supply is taken from before the meter."),
    ),
    EventKind.LOAD_JUMP: (
        _("A heater or a cooler is new in the unit."),
        _("An appliance is faulty and never stops."),
        _("Somebody moved in, or out."),
    ),
    EventKind.PHASE_LOSS: (
        _("A fuse of this phase is blown, or its wire is loose."),
        _("The voltage wire of the meter was opened."),
    ),
    EventKind.REVERSE_ENERGY: (
        _("A solar plant or an inverter feeds in."),
        _("The wires of the meter are exchanged."),
    ),
    EventKind.NEUTRAL: (_("The neutral is loose or taken from elsewhere: call an electrician."),),
    EventKind.TOWER_LOSS: (
        _("What no meter counts: a garden tap, a tank that overflows, a leak in the riser."),
        _("A meter below counts too little or stands still."),
        _("A unit hangs on another tower's pipe."),
    ),
    EventKind.STOPPED_METER: (_("The meter is blocked, worn or without current: look at it."),),
    EventKind.BYPASS: (_("A pipe goes around the meter, or its bypass valve is open."),),
    EventKind.CROSSED_METERS: (
        _("The meters of two units were exchanged when they were fitted: shut one and look."),
    ),
    EventKind.READ_FAILURE: (
        _("The gateway has no power or no network."),
        _("The bus cable or its adapter is loose."),
        _("The meter has no power, or its address or password was changed."),
    ),
    EventKind.GATEWAY_CLOCK: (_("The gateway cannot reach a time server."),),
    EventKind.EXPIRING_CERTIFICATE: (_("The gateway has to be enrolled again in time."),),
}
CHANGES: Final[Mapping[Change, str]] = {
    Change.RAISED: _("It was noticed"),
    Change.UPDATED: _("There is news of it"),
    Change.ACKNOWLEDGED: _("Somebody looks into it"),
    Change.HANDED: _("It was handed to the helpdesk"),
    Change.MUTED: _("It was muted"),
    Change.UNMUTED: _("The mute ended"),
    Change.CLEARED: _("It is over"),
    Change.RAISED_AGAIN: _("It is there again"),
    Change.RECLASSIFIED: _("Late readings told otherwise"),
}
STATES: Final[Mapping[str, str]] = {
    "open": _("Open"),
    "unseen": _("Seen by nobody"),
    "muted": _("Muted"),
    "cleared": _("Over"),
    "all": _("All"),
}
SEVERITIES: Final[Mapping[str, str]] = {"alarm": _("Look now"), "watch": _("Look when you come by")}
FACTS: Final[Mapping[str, str]] = {
    "manufacturer": _("Manufacturer"),
    "serial": _("Serial number"),
    "lowest_hour_litres": _("Litres in the lowest hour"),
    "nights": _("Nights in a row with flow"),
    "rate_l_per_h": _("Litres an hour now"),
    "litres_so_far": _("Litres so far"),
    "litres_a_month": _("Litres in 30 days, if it goes on"),
    "litres_a_day": _("Litres a day"),
    "least_litres_a_day": _("Litres a day, at least"),
    "most_litres_a_day": _("Litres a day, at most"),
    "litres_missed": _("Litres not counted"),
    "kwh_a_day": _("kWh a day"),
    "least_kwh_a_day": _("kWh a day, at least"),
    "most_kwh_a_day": _("kWh a day, at most"),
    "kwh_a_day_before": _("kWh a day before"),
    "kwh_a_day_now": _("kWh a day now"),
    "kwh_so_far": _("kWh so far"),
    "kwh_missed": _("kWh not counted"),
    "phases": _("Phases"),
    "noted": _("The meter noted"),
    "gateway": _("Gateway"),
    "buses": _("Buses"),
    "meters": _("Meters"),
    "supply_hours": _("Hours with water"),
}
"""What is not named here is for programs."""
