# SPDX-License-Identifier: GPL-2.0-only
"""How a register is scaled: by its own word, by that of a sibling, or by its model.

In: a link to a meter, a code. Out: the power of ten, the unit and the weight of a pulse.
Never: a scaler that nobody stated; one made of a refusal that says nothing of the meter.
"""

from collections.abc import Mapping
from typing import Final

from edge_agent.dlms import axdr
from edge_agent.dlms.axdr import Scale
from edge_agent.errors import AccessDenied, ProtocolViolation
from edge_agent.poll.meter_link import MeterLink
from edge_agent.poll.sessions import Wanted
from shared_schema.catalogue import Unit
from shared_schema.obis import Obis

OTHER_CLASSES: Final = (4, 5)
"""Of a register that is none of class 3: an extended register, a demand register."""
_DEMAND: Final = 5
_LAST_AVERAGE: Final = frozenset((5, 15, 25))
"""Value group D of the average of a demand over the last period; else it is the current one."""
HAS_NONE: Final = frozenset((3, 4, 9, 11))
"""Data-access-results that mean that there is no such thing: denied, undefined, of another
class, unavailable. Any other, such as a temporary failure, says nothing of the meter."""


def value_of(obis: Obis, class_id: int) -> Wanted:
    """Return the attribute that holds the value of a register of a class."""
    is_last = class_id == _DEMAND and obis.d in _LAST_AVERAGE
    return (obis, class_id, 3 if is_last else 2)


def scaler_of(
    link: MeterLink, obis: Obis, class_id: int, known: Mapping[Obis, Scale]
) -> Scale | None:
    """Return a register's scaler and unit: by its own word, else by a sibling's.

    What the model states stands in for a meter that says neither, or counts without a unit.

    Args:
        link: the meter.
        obis: the register.
        class_id: 3 register, 4 extended register, 5 demand register.
        known: scalers that are known already, by code.

    Returns:
        The power of ten, the COSEM unit, the pulse weight; None when nobody says.

    Raises:
        AccessDenied: it is refused for another reason than that there is none.
        BusError, MeterError: there is no answer.
    """
    stated = link.model.stated(obis)
    told = _told_by_meter(link, obis, class_id, known)
    tells_no_unit = told is None or told[1] == Unit.COUNT
    return stated if stated is not None and tells_no_unit else told


def _told_by_meter(
    link: MeterLink, obis: Obis, class_id: int, known: Mapping[Obis, Scale]
) -> Scale | None:
    for code in (obis, *_siblings(obis)):
        if code in known:
            return known[code]
        own = (obis, class_id, 4 if class_id == _DEMAND else 3)
        wanted = own if code == obis else (code, 3, 3)
        answer = link.read_one(wanted)
        if isinstance(answer, AccessDenied):
            if answer.result not in HAS_NONE:
                raise answer
            continue
        try:
            told = axdr.value(answer)
            if told is None:
                continue
            return axdr.scaler_unit(told)
        except ProtocolViolation:
            return None  # a sibling's would be a guess: this one says something else
    return None


def _siblings(obis: Obis) -> tuple[Obis, ...]:
    """Return the codes that are scaled alike, by the habit of Indian meters.

    The cumulative register of an interval energy, the total of a tariff zone, the momentary
    value of an average.
    """
    if obis.d == 29:
        return (obis._replace(d=8),)
    if obis.d == 27:
        return (obis._replace(d=7),)
    if obis.d in (6, 8) and obis.e != 0:
        return (obis._replace(e=0),)
    return ()
