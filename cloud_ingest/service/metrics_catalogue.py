# SPDX-License-Identifier: MIT
"""The metrics that a worker shows, by name: what each counts, in which unit, with which labels.

The reference is generated from this list, and nothing is shown that is not in it. Labels name
gateways and societies alone: a unit or a meter is nobody's series, for the number of them, and
because they are people.

In: nothing. Out: `WORKER`, which each worker shows, and `STORE`, which the leader reads from the
database and alone shows.
"""

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Family:
    """A metric: all of its series have one name, one meaning and the same labels."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    about: str
    labels: tuple[str, ...] = ()


COMMIT_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

WORKER: Final = (
    Family("metering_build_info", "gauge", "1; the version of the program", ("version",)),
    Family("metering_ready", "gauge", "1 while /readyz says yes, else 0"),
    Family("metering_database_up", "gauge", "1 while the database answers as a store of ours"),
    Family("metering_broker_up", "gauge", "1 while the link to the broker stands, subscribed"),
    Family("metering_leader", "gauge", "1 in the worker that leads, else 0"),
    Family(
        "metering_messages_total",
        "counter",
        "messages from the broker, after their commit: signed batches that were taken (accepted), "
        "what went to quarantine as a whole (refused), statuses, results and acknowledgements "
        "(other)",
        ("outcome",),
    ),
    Family(
        "metering_readings_total",
        "counter",
        "readings of batches: stored, there already (duplicate), or a rival claim (conflict)",
        ("outcome",),
    ),
    Family(
        "metering_quarantined_total",
        "counter",
        "messages, blocks and rows that went to quarantine, also again, by reason",
        ("reason",),
    ),
    Family("metering_receipts_total", "counter", "receipts that the broker took"),
    Family("metering_published_total", "counter", "messages of the outbox that the broker took"),
    Family("metering_commit_seconds", "histogram", "how long a batch of messages took to commit"),
    Family(
        "metering_waiting_bytes",
        "gauge",
        "what came from the broker and waits in this worker; above 16 MiB it stops reading",
    ),
    Family(
        "metering_loop_last_success_timestamp_seconds",
        "gauge",
        "when a loop of this worker last did its work, or first began with it; those of the leader "
        "stand still elsewhere",
        ("loop",),
    ),
    Family("metering_loop_failing", "gauge", "1 while a loop fails and tries again", ("loop",)),
    Family(
        "metering_certificate_end_timestamp_seconds",
        "gauge",
        "when a certificate of this worker ends, by the setting that names its file",
        ("setting",),
    ),
)

_GATEWAY: Final = ("society", "gateway")
STORE: Final = (
    Family("metering_store_read_timestamp_seconds", "gauge", "when the leader read all of this"),
    Family("metering_store_read_seconds", "gauge", "how long it took to read"),
    Family("metering_store_bytes", "gauge", "the size of the database, read hourly"),
    Family(
        "metering_gateway_heard_timestamp_seconds",
        "gauge",
        "when a gateway last told its status; enrolled and never heard: when it was enrolled",
        _GATEWAY,
    ),
    Family("metering_gateway_online", "gauge", "1 while its session at the broker lives", _GATEWAY),
    Family(
        "metering_gateway_waiting_batches",
        "gauge",
        "batches in the gateway's spool without a receipt",
        _GATEWAY,
    ),
    Family(
        "metering_gateway_oldest_waiting_timestamp_seconds",
        "gauge",
        "when the oldest of them was read; none while nothing waits",
        _GATEWAY,
    ),
    Family("metering_gateway_disk_free_bytes", "gauge", "free on the spool's disk", _GATEWAY),
    Family("metering_gateway_disk_bytes", "gauge", "the size of the spool's disk", _GATEWAY),
    Family("metering_gateway_spool_bytes", "gauge", "the size of its spool", _GATEWAY),
    Family("metering_gateway_memory_bytes", "gauge", "resident memory of its agent", _GATEWAY),
    Family("metering_gateway_agent_up_seconds", "gauge", "since its agent started", _GATEWAY),
    Family(
        "metering_gateway_clock_synchronised",
        "gauge",
        "1 where a time service vouches for its clock, 0 where none does",
        _GATEWAY,
    ),
    Family(
        "metering_gateway_clock_jump_seconds",
        "gauge",
        "how far its clock is from where it was believed; 0: nothing is wrong",
        _GATEWAY,
    ),
    Family(
        "metering_gateway_certificate_end_timestamp_seconds",
        "gauge",
        "when its certificate ends: its own word, else what was issued last",
        _GATEWAY,
    ),
    Family("metering_gateway_meters", "gauge", "meters in its settings", _GATEWAY),
    Family("metering_gateway_meters_answering", "gauge", "of them, those that answer", _GATEWAY),
    Family(
        "metering_meters", "gauge", "meters with a data port that serve somebody now", ("society",)
    ),
    Family(
        "metering_meters_silent",
        "gauge",
        "of them, those whose newest reading is older than 1h or 1d",
        ("society", "longer_than"),
    ),
    Family(
        "metering_newest_reading_timestamp_seconds",
        "gauge",
        "the time of the newest reading of a society",
        ("society",),
    ),
    Family(
        "metering_completeness_ratio",
        "gauge",
        "intervals of yesterday that are there, of those that are due; read hourly",
        ("society",),
    ),
    Family("metering_flags_open", "gauge", "flags that are open", ("society", "kind", "severity")),
    Family(
        "metering_month_open_since_timestamp_seconds",
        "gauge",
        "the end of the oldest month that is over and not closed; none where all are closed",
        ("society",),
    ),
    Family(
        "metering_month_numbers_waiting",
        "gauge",
        "numbers of closed months that wait for a person: published ones that would change (held), "
        "and those that are withheld (doubted)",
        ("society", "kind"),
    ),
    Family("metering_quarantine_entries", "gauge", "entries that wait for a person", ("society",)),
    Family("metering_quarantine_bytes", "gauge", "bytes that they keep", ("society",)),
    Family(
        "metering_quarantine_dropped_total",
        "counter",
        "unverified messages that had no room in the quarantine",
    ),
    Family(
        "metering_outbox_messages",
        "gauge",
        "messages that the broker has not taken (unsent), or their consumer not acknowledged",
        ("state",),
    ),
    Family(
        "metering_outbox_oldest_timestamp_seconds",
        "gauge",
        "when the oldest of them was made; none where there is none",
        ("state",),
    ),
    Family("metering_webhook_messages", "gauge", "messages that no webhook took yet"),
    Family(
        "metering_webhook_oldest_timestamp_seconds", "gauge", "when the oldest of them was made"
    ),
    Family("metering_rollup_waiting", "gauge", "days of channels that wait for a rollup"),
    Family(
        "metering_rollup_oldest_timestamp_seconds", "gauge", "since when the oldest of them waits"
    ),
    Family(
        "metering_wal_archived_timestamp_seconds",
        "gauge",
        "when the server last archived its log; none where it archives none",
    ),
    Family(
        "metering_wal_archive_failing",
        "gauge",
        "1 while the newest try to archive failed; none where it archives none",
    ),
)

CATALOGUE: Final = {family.name: family for family in (*WORKER, *STORE)}
