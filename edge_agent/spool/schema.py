# SPDX-License-Identifier: GPL-2.0-only
"""The tables of the spool's file, and the marks by which the file is known as ours.

A table has one owner, which alone writes it: `stream` the tables ``spool`` and
``left_stream``, `batches` ``batch`` and
``waiting``, `unsealed` ``gathered``, `watermarks` ``watermark`` and ``captured``, `known_meters`
``known_meter``, `counters` ``invocation_counter``, `refused_secrets` ``refusal``, `read_failures`
``reason``, `gateway_events` ``observed``, `own_clock` ``own_clock``, `succession`
``took_over``, `clock.samples` ``clock_sample``, `commands.log` ``command``.

Never: a table changed or dropped. A file of an earlier program gets the tables that it lacks.
"""

APPLICATION_ID = 0x494F5455
"""``IOTU``: in the file's header, so that another program's file is never taken for ours."""
VERSION = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS spool (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    stream TEXT NOT NULL,
    last_seq INTEGER NOT NULL,
    last_hash TEXT,
    store TEXT,
    store_at TEXT,
    superseded INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS left_stream (
    stream TEXT PRIMARY KEY,
    last_seq INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batch (
    seq INTEGER PRIMARY KEY,
    created_at INTEGER NOT NULL,
    historical INTEGER NOT NULL,
    payload BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS batch_age ON batch (created_at);
CREATE TABLE IF NOT EXISTS waiting (
    seq INTEGER PRIMARY KEY REFERENCES batch,
    historical INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS waiting_order ON waiting (historical, seq);
CREATE TABLE IF NOT EXISTS gathered (
    place INTEGER PRIMARY KEY,
    historical INTEGER NOT NULL,
    at INTEGER NOT NULL,
    line BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS watermark (
    manufacturer TEXT NOT NULL,
    serial TEXT NOT NULL,
    profile TEXT NOT NULL,
    ts INTEGER NOT NULL,
    PRIMARY KEY (manufacturer, serial, profile)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS captured (
    manufacturer TEXT NOT NULL,
    serial TEXT NOT NULL,
    profile TEXT NOT NULL,
    digest TEXT NOT NULL,
    columns TEXT NOT NULL,
    PRIMARY KEY (manufacturer, serial, profile)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS known_meter (
    bus TEXT NOT NULL,
    address INTEGER NOT NULL,
    logical_address INTEGER NOT NULL,
    manufacturer TEXT NOT NULL,
    serial TEXT NOT NULL,
    PRIMARY KEY (bus, address, logical_address)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS invocation_counter (
    bus TEXT NOT NULL,
    logical_address INTEGER NOT NULL,
    address INTEGER NOT NULL,
    client INTEGER NOT NULL,
    next INTEGER NOT NULL,
    sure INTEGER NOT NULL,
    PRIMARY KEY (bus, logical_address, address, client)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refusal (
    bus TEXT NOT NULL,
    logical_address INTEGER NOT NULL,
    address INTEGER NOT NULL,
    salt BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (bus, logical_address, address)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reason (
    bus TEXT NOT NULL,
    logical_address INTEGER NOT NULL,
    address INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (bus, logical_address, address)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS clock_sample (
    manufacturer TEXT NOT NULL,
    serial TEXT NOT NULL,
    at INTEGER NOT NULL,
    offset_s REAL NOT NULL,
    PRIMARY KEY (manufacturer, serial, at)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS observed (
    manufacturer TEXT NOT NULL,
    serial TEXT NOT NULL,
    code INTEGER NOT NULL,
    since INTEGER NOT NULL,
    noted INTEGER NOT NULL,
    left_out INTEGER NOT NULL,
    stands INTEGER NOT NULL,
    PRIMARY KEY (manufacturer, serial, code)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS own_clock (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    boot TEXT NOT NULL,
    ahead_s REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS took_over (
    key TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS command (
    id TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL,
    result BLOB,
    sent INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
"""
