# SPDX-License-Identifier: GPL-2.0-only
"""The installer's table of advice, as texts by kind.

``docs/howto/install-gateway.md`` has the same table, and a test compares them.

Out: constants. Never: a guess that could lock a meter.
"""

from typing import Final

from edge_agent.dlms.security import Mode
from edge_agent.errors import (
    AccessDenied,
    AddressShared,
    AgentError,
    AssociationRefused,
    Breach,
    BusLost,
    BusTimeout,
    FloatRefused,
    MeterBusy,
    MeterError,
    NoCounter,
    PasswordRefused,
    ProtocolViolation,
    PublishError,
    Refusal,
    RefusedBefore,
    SerialUnreadable,
    SessionLost,
    Setup,
    SpoolError,
    SpoolFull,
    ValueRefused,
    WrongIdentity,
)
from edge_agent.poll.finding import FindingKind

SILENCE: Final = (
    "swap A and B; check that the meter has power and that its port is RS-485; give its own "
    "address (display or name plate) and other speeds"
)
UNASKED: Final = (
    "the line speaks before anybody is asked: swap A and B, fit the bias resistors, "
    "or take the other master off the line"
)
CONFLICT: Final = (
    "two meters have this address, or the line is noisy: leave one of them connected, give it "
    "another address, and scan again"
)
CHOOSE: Final = (
    "choose one of them: --baud and --address as listed, and --logical-address where it is not 1"
)
NO_TIME: Final = (
    "switch the time service on (timedatectl set-ntp true), wait until timedatectl says that the "
    "clock is synchronised, and run it again"
)
_REFUSED_FLOAT: Final = (
    "a float cannot be billed: ask the maker for a whole-number register, or leave this one out of "
    "the model"
)
_REFUSED_VALUE: Final = (
    "the meter writes this object in a way that is not read here: leave it out of the model, and "
    "send us what came"
)
OTHER_RESULT: Final = "the client may not read it, or the meter does not have it: leave it out"
AGAIN: Final = "read it again; where it fails again, look with --trace or edge-agent trace"
BY_KIND: Final[tuple[tuple[type[AgentError], str], ...]] = (
    (
        RefusedBefore,
        "put another password or key into its file; where the meter itself was changed since: "
        "--again",
    ),
    (
        PasswordRefused,
        "ask the maker or the utility for the meter reader's password; do not try others: many "
        "meters lock after three",
    ),
    (
        AssociationRefused,
        "the meter does not speak with this client, or not at these terms: ask the maker which "
        "client and which security it wants, then --client and --security",
    ),
    (AddressShared, CONFLICT),
    (
        NoCounter,
        "make room on the disk; a counter that is used up needs new keys from the maker",
    ),
    (
        SerialUnreadable,
        "put the [identity] keys that the line names into a model of its own (begin with "
        "`edge-agent models show`); where it names none, look with `edge-agent read` for the "
        "object that holds the serial number (0.0.96.1.1, 0.0.96.1.2, 0.0.42.0.0) and give its "
        "code",
    ),
    (WrongIdentity, "choose a model that names its manufacturer; the serial number must be there"),
    (AccessDenied, OTHER_RESULT),
    (FloatRefused, _REFUSED_FLOAT),
    (ValueRefused, _REFUSED_VALUE),
    (
        ProtocolViolation,
        "its frames are sound, so noise is not the cause: see that no second meter has its "
        "address, then look with --trace and show that to its maker",
    ),
    (SessionLost, "another master may be on the line; try again, then look with --trace"),
    (
        MeterBusy,
        "the meter is there and at work: wait two minutes and try again; where it stays so, switch "
        "it off and on or ask its maker",
    ),
    (BusTimeout, SILENCE),
    (BusLost, "put the adapter back and use its name under /dev/serial/by-id"),
    (SpoolFull, "make room on the disk, or raise spool_max_mb in agent.toml"),
    (
        SpoolError,
        "make room on the disk; where the file is damaged, copy it away first: the next start "
        "begins a new one",
    ),
    (PublishError, "look at the network (ping), the login and the broker's log"),
    (MeterError, AGAIN),
    (AgentError, "edge-agent doctor checks everything that a gateway needs"),
)
OF_SETUP: Final = {
    Setup.OPTION: "correct it; the same command with --help explains each option",
    Setup.SETTINGS: "correct the file, and look at it again with edge-agent doctor",
    Setup.PORT_MISSING: "plug the adapter in; a port is seen with: ls -l /dev/serial/by-id",
    Setup.PORT_DENIED: "sudo usermod -aG dialout USER, then log in again",
    Setup.PORT_IN_USE: "sudo systemctl stop edge-agent, and start it again afterwards",
    Setup.PORT_UNFIT: (
        "choose the serial adapter (ls -l /dev/serial/by-id) and a speed and direction control "
        "that it has"
    ),
    Setup.SECRET_FILE: (
        "correct the path; the file belongs to who runs the command, and has mode 0600: "
        "chmod 600 FILE"
    ),
    Setup.SECRET: "write the password or key into its file again, as the delivery sheet has it",
    Setup.MISSING_SECRET: (
        "by hand give --password-file, or --encryption-key-file and --authentication-key-file; in "
        "agent.toml and in the list these are keys and columns of the same names, with _"
    ),
    Setup.GATEWAY_KEY: (
        "edge-agent keygen makes a key: give it to the agent's user; the .pub beside it is its own"
    ),
    Setup.CLOUD_KEY: "copy the .pub that cloud-ingest keygen wrote to cloud_key_file",
    Setup.MODEL: "see: edge-agent models list; edge-agent models check FILE",
    Setup.NO_SETTINGS: "name them with --config, or write them: edge-agent commission",
    Setup.FILE: "correct the path, let this user read and write there, or make room on its disk",
    Setup.SPOOL: "run it as the agent's user (sudo -u edge-agent), or choose another spool",
    Setup.BROKER: "correct [broker] in agent.toml; then edge-agent doctor tries it",
    Setup.ESTATE: "correct the file; every key: docs/reference/estate-toml.md",
    Setup.RECORDING: (
        "take the file as edge-agent trace --save wrote it, or correct the field: "
        "docs/reference/recording.md"
    ),
}
"""What was set up wrongly, by what it is."""
OF_REFUSAL: Final = {
    Refusal.KEYS: (
        "compare EK and AK with the delivery sheet: they may be swapped, or those of another "
        "client or another meter; do not try others: many meters lock after three"
    ),
    Refusal.SECURITY: (
        "the meter wants the other of lls and lls-ae: with EK and AK from its maker give "
        "--security lls-ae, --encryption-key-file and --authentication-key-file; where these were "
        "given, leave them out"
    ),
    Refusal.HIGH_LEVEL: (
        "give --client 48 with --encryption-key-file and --authentication-key-file from the maker, "
        "or ask for a client that reads with a password"
    ),
}
"""A refused association, by what the meter did not take."""
_TWO_ZONES: Final = (
    "where deviation_sign = 0 at the meter (local time as it stands) reads both, set it; rows in "
    "UTC beside a clock in local time are not read: tell its maker"
)
OF_BREACH: Final = {
    Breach.ZONE: _TWO_ZONES,
    Breach.TERMS: (
        "the meter associates at terms that this agent cannot read it by: ask its maker for a "
        "client that reads by logical names (LN), then --client; show it a --trace"
    ),
    Breach.OTHER_KEY: (
        "this agent reads under the global key alone (glo- and general-glo-ciphering): have the "
        "maker switch dedicated keys off for this client, or name a client that needs none; the "
        "password and keys are right, try no others"
    ),
    Breach.PROTECTION: (
        "the meter does not protect its answers as asked: compare EK, AK and --security with the "
        "delivery sheet; do not try others: many meters lock after three"
    ),
    Breach.SIZE: (
        "in a model of its own ask this profile for less at once: a smaller window_h, "
        'access = "entry" with every = "hour", or no whole = true; or have its maker let it '
        "capture less"
    ),
}
"""An answer that is not as the standard has it, by what is wrong."""
_OTHER_SIGN: Final = (
    "the meter writes its time zone in another way: commission sets "
    "deviation_sign for it; by hand, set the one that fits at the meter in agent.toml"
)
_NO_UNIT: Final = "the meter does not say its unit: such a register cannot be billed"
OF_FINDING: Final = {
    FindingKind.WRONG_DEVIATION_SIGN: _OTHER_SIGN,
    FindingKind.NEWEST_ROW_IS_OLD: _OTHER_SIGN,
    FindingKind.ROWS_NOT_BY_CLOCK: _TWO_ZONES,
    FindingKind.ROWS_IN_OTHER_ZONE: _TWO_ZONES,
    FindingKind.NO_SCALER: _NO_UNIT,
    FindingKind.COLUMN_WITHOUT_SCALER: _NO_UNIT,
    FindingKind.NO_VALUE: (
        "see whether the display shows this value; where it does, choose the model of this meter, "
        "for its maker may keep it under another code; where it does not, leave it out"
    ),
    FindingKind.NOTHING_BILLED: (
        "choose the model of this meter: edge-agent models list; edge-agent read with a code shows "
        "what the meter holds there: until then no month of it can be billed"
    ),
    FindingKind.NO_UNIT: (
        "give the weight of a pulse in a model of its own, with [[scaling]]: until then no month "
        "of it can be billed"
    ),
    FindingKind.NOT_A_DIAL: (
        "compare it with the display; where that shows another number, the maker sets the scaler "
        "or the type of this register: until then no month of it can be billed"
    ),
    FindingKind.UNIT_NOT_BILLED: (
        "energy is billed in Wh, water in m³ or litres: another model, or the maker sets it"
    ),
    FindingKind.STATUS_BIT_SET: (
        "mend the cable between the meter and its module: no pulse is counted; then compare the "
        "dial with the register"
    ),
    FindingKind.CLOCK_OFF: (
        "find the cause, then `edge-agent set-clock`, beyond 600 s with `--force` (it needs "
        "[bus.meter.setter]; without such keys its maker's tool): a month closes at the meter's "
        "midnight"
    ),
    FindingKind.CLOCK_SHOWS_NO_TIME: (
        "compare the bytes that came with its display: where that shows the right time, do not "
        "set it, and send us the bytes; else `edge-agent set-clock --force`, which needs "
        "[bus.meter.setter], or its maker's tool: without a time no profile counts"
    ),
    FindingKind.CLOCK_IN_OTHER_ZONE: (
        "look at its display: where that shows the right local time, do not set it: give "
        "zone_offset_min in a model of its own, and have a meter that follows summer time state "
        "its deviation, or stop following; only where it is wrong, `edge-agent set-clock --force`"
    ),
    FindingKind.OBJECT_REFUSED: _REFUSED_VALUE,
    FindingKind.REGISTER_OF_FLOATS: _REFUSED_FLOAT,
    FindingKind.TOO_LONG: OF_BREACH[Breach.SIZE],
    FindingKind.PERIOD_IMPOSSIBLE: (
        "give the true one as period_s at the profile in a model of its own, or have the maker "
        "set it"
    ),
    FindingKind.ROWS_TIME_TAKEN: (
        "compare the profile's capture period with the times of its rows; where it states another "
        "one: period_s at the profile in a model of its own"
    ),
    FindingKind.ROWS_CONTRADICT: (
        "where its clock was set back, or goes over to winter time without stating it, this "
        "passes; else show its maker what `edge-agent read` says of this profile"
    ),
    FindingKind.VALUES_REFUSED: (
        "the meter writes this column in a way that is not read here: send us what came"
    ),
    FindingKind.FLOATS_BILLED: (
        "a float cannot be billed: ask the maker for whole numbers, and bill by another register"
    ),
    FindingKind.CLOCK_UNREADABLE: (
        "do not set the clock: look with --trace, and show the bytes to its maker; registers are "
        "stamped by the gateway"
    ),
    FindingKind.ANOTHER_METER: (
        "a meter was exchanged, or has another's address: commission the line again"
    ),
    FindingKind.CAPTURES_CHANGED: (
        "somebody changed what the profile captures: commission it again"
    ),
}
"""What a poll or an examination found, by its kind."""
_ASK_FOR_CLIENT: Final = (
    "the client that was used may not read it: ask the maker which client does, then --client with "
    "its secret; or leave it out with a model of its own"
)
_LATER: Final = (
    "the meter could not give it just now, nor when asked once more: read it again in some "
    "minutes; where it stays so, leave it out and tell its maker"
)
_TOO_LONG: Final = (
    "the meter broke off a long answer, twice: read again; where it stays so, a model of its own "
    'with a smaller max_info_length, or rows by their place with access = "entry"'
)
_OTHER_CLASS: Final = (
    "the meter has this code as an object of another class or type: choose another model, or leave "
    "it out"
)
OF_RESULT: Final = {
    1: "the meter reports a fault of its own hardware: leave it out, and have the meter checked",
    2: _LATER,
    3: "this client may not read it: give the reader's --password-file",
    4: "the meter does not have it: choose another model, or leave it out",
    9: _OTHER_CLASS,
    11: "the meter knows the object and does not give it in its state now: read it again later",
    12: _OTHER_CLASS,
    13: (
        "this client may not read it: give the reader's --password-file; a profile that refuses a "
        "range: a model of its own with range_deviation = true, or that reads it by place, with "
        'access = "entry" and every = "hour"'
    ),
    14: _TOO_LONG,
    15: _TOO_LONG,
    16: _TOO_LONG,
    250: (
        "the meter says no reason: most often this client may not read it, or the range is one "
        "that it does not take: try the reader's --client, then a model with range_deviation = true"
    ),
}
"""An object that the meter refused, by the data-access-result."""
WITH_SECRET: Final = {
    3: _ASK_FOR_CLIENT,
    13: (
        "a profile that refuses a range: a model of its own with range_deviation = true, or that "
        'reads it by place, with access = "entry" and every = "hour"; anything else this client '
        "may not read: ask the maker which client does"
    ),
}
"""The same where a password or key was given: the advice to give one would be wrong."""
OF_SECURITY: Final = {
    Mode.NONE: (
        "the meter tells nothing to the public client: give the reader's --password-file, or "
        "--client 32 with EK and AK"
    ),
    Mode.LLS_AE: "the meter wants the password alone: leave EK and AK out, with --security lls",
}
"""A meter that wants another kind of security, by the one that was tried."""
OTHER_HIGH_LEVEL: Final = (
    "the meter wants another kind of high-level security: ask the maker which, then --security "
    "hls-gmac, hls, hls-md5, hls-sha1 or hls-sha256"
)
