# SPDX-License-Identifier: GPL-2.0-only
"""The meaning of a meter's frame to the exchange that waits for one: its event, by its control.

An I-frame carries N(S), the number of its own, and N(R), the number that it expects next. The
answer to the frame sent last has the N(S) that was asked for and acknowledges that frame. A
repeated or late frame has another number.

Source: ISO/IEC 13239 (control fields, supervisory frames), IEC 62056-46.

In: control fields. Out: an `Event`, or None for what follows from no frame that was sent.
Never: a state, a line.
"""

from typing import Final

from edge_agent.dlms.hdlc import Frame
from edge_agent.dlms.states import Event

LLC: Final = b"\xe6\xe7\x00"
"""What stands before an APDU of a meter."""
FINAL: Final = 0x10
"""The bit that gives the turn back."""
_GET_RESPONSE: Final = b"\xc4"
_UNNUMBERED: Final = {0x73: Event.UA, 0x1F: Event.DM, 0x97: Event.FRMR}
"""Control fields of a meter's unnumbered frames, with the final bit."""
_READY, _NOT_READY = 0x01, 0x05
"""The low half of a control field: receive-ready, receive-not-ready."""


def unnumbered(control: int) -> Event | None:
    """Tell what an unnumbered frame is, whether it has the final bit or not; None for others."""
    return _UNNUMBERED.get(control | FINAL)


def event_of(control: int, sent: int, *, whole: bool) -> Event | None:
    """Tell what a frame is, whether it has the final bit or not; None: not what follows.

    Args:
        control: its control field.
        sent: the N(S) and the N(R) that were sent last, as a control field.
        whole: whether a whole request is out, so that receive-ready is no answer to it.
    """
    if (found := unnumbered(control)) is not None:
        return found
    if control | FINAL == _expected(sent):
        return Event.ANSWER
    kind, took = control & 0x0F, control >> 5
    if kind in {_READY, _NOT_READY} and took == _after(sent):
        return Event.BUSY if whole or kind == _NOT_READY else Event.READY
    if kind == _NOT_READY and took == (sent >> 1) & 0x07:
        return Event.AGAIN
    return None


def contradict(one: Frame, other: Frame) -> bool:
    """Tell whether two frames answer one request and differ.

    Only GET responses tell which request they answer: by the invoke id. What else differs may
    be a late frame of an earlier session.
    """
    if one == other or one.control != other.control:
        return False
    heads = {each.information[:4] for each in (one, other)}
    invoke_ids = {each.information[5:6] for each in (one, other)}
    return heads == {LLC + _GET_RESPONSE} and len(invoke_ids) == 1


def _after(sent: int) -> int:
    """Return the N(R) that acknowledges the I-frame sent last."""
    return ((sent >> 1) + 1) & 0x07


def _expected(sent: int) -> int:
    """Return the control field of the next I-frame: it follows from the one sent last.

    The meter's N(S) is the N(R) that we sent; its N(R) is our N(S) plus one; the window is one
    frame, so its final bit is set. A repeated or late frame has another N(S).
    """
    return _after(sent) << 5 | FINAL | (sent >> 5 & 0x07) << 1
