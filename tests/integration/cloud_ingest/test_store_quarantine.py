# SPDX-License-Identifier: MIT
"""What a replay from quarantine stores, and what it never will."""

from datetime import timedelta

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.errors import UserError
from cloud_ingest.store.commit import commit
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.quarantine import (
    QuarantineState,
    Replay,
    dismiss,
    list_entries,
    replay,
    show,
)
from cloud_ingest.store.registry import load_registry
from tests.support.gateway import Sealer, block_line
from tests.support.store import Site, local, unit_line

START = local("2026-07-01 00:00")
HOUR = timedelta(hours=1)
MUCH_LATER = START + timedelta(days=60)


@pytest.fixture
def flat(site: Site) -> Site:
    site.units(unit_line("A-1204", "1"))
    return site


def again(conn: Connection, reason: str) -> Replay:
    (entry,) = list_entries(conn, reason=reason)
    return replay(conn, load_registry(conn), entry.quarantine_id, MUCH_LATER)


def run(dsn: str, *words: str) -> tuple[int, list[str], str]:
    done = CliRunner().invoke(app, ["quarantine", *words, "--dsn", dsn])
    return done.exit_code, done.stdout.splitlines(), done.stderr


def test_rows_of_the_future_stay_out_when_their_time_has_come(flat: Site, store_dsn: str) -> None:
    rows = [(START, 100), (START + timedelta(days=30), 999)]
    payload = flat.gateway.seal(block_line("1", rows))
    commit(flat.conn, [flat.verdict(payload, START + HOUR)])
    done = again(flat.conn, "future")
    assert (done.state, done.new_readings) == (QuarantineState.OPEN, 0)
    assert done.reason.startswith("future: ")
    assert flat.all("SELECT ts, raw FROM reading") == [(START, 100)]
    assert run(store_dsn, "replay", "--all") == (0, ["Nothing can be replayed."], "")


def test_a_block_is_judged_by_the_receipt_of_its_batch(flat: Site) -> None:
    rows = [(START, 100), (START + timedelta(days=30), 999)]
    payload = flat.gateway.seal(block_line("2", rows))
    commit(flat.conn, [flat.verdict(payload, START + HOUR)])
    flat.units(unit_line("A-1204", "1"), unit_line("A-1205", "2"))
    done = again(flat.conn, "unknown_meter")
    assert (done.state, done.new_readings) == (QuarantineState.OPEN, 1)
    assert flat.all("SELECT ts, raw FROM reading") == [(START, 100)]
    assert len(list_entries(flat.conn, reason="future")) == 0


def test_a_message_is_judged_by_its_first_receipt(flat: Site) -> None:
    stranger = Sealer("gw-b")
    payload = stranger.seal(block_line("1", [(START, 100), (START + timedelta(days=30), 999)]))
    for at in (START + HOUR, START + 2 * HOUR):
        flat.gateway, kept = stranger, flat.gateway
        commit(flat.conn, [flat.verdict(payload, at)])
        flat.gateway = kept
    flat.enrol(stranger)
    done = again(flat.conn, "unknown_gateway")
    assert (done.state, done.new_readings) == (QuarantineState.REPLAYED, 1)
    assert flat.all("SELECT ts, raw FROM reading") == [(START, 100)]
    assert flat.one("SELECT received_at FROM batch") == START + HOUR
    assert len(list_entries(flat.conn, reason="future")) == 1


def test_one_bad_entry_does_not_stop_the_others(flat: Site, store_dsn: str) -> None:
    payload = flat.gateway.seal(block_line("2", [(START, 5)]))
    fork = Sealer("gw-a", flat.gateway.key)
    fork.stream = flat.gateway.stream
    other = fork.seal(block_line("1", [(START, 6)]))
    commit(flat.conn, [flat.verdict(each, START + HOUR) for each in (payload, other)])
    (forked,) = list_entries(flat.conn, reason="fork")
    (unknown,) = list_entries(flat.conn, reason="unknown_meter")
    flat.units(unit_line("A-1204", "1"), unit_line("A-1205", "2"))
    dismiss(flat.conn, forked.quarantine_id, MUCH_LATER)
    with pytest.raises(UserError, match="dismissed already"):
        replay(flat.conn, load_registry(flat.conn), forked.quarantine_id, MUCH_LATER)
    code, lines, error = run(
        store_dsn, "replay", str(forked.quarantine_id), str(unknown.quarantine_id)
    )
    assert code == 2
    assert lines[0].startswith(f"{forked.quarantine_id}: still open: ")
    assert lines[1] == f"{unknown.quarantine_id}: replayed, 1 new readings"
    assert "1 of 2 entries could not be tried" in error


def test_many_blocks_of_a_batch_are_one_entry(flat: Site, store_dsn: str) -> None:
    """A signed message of 200 unknown meters took 72 kB of the quarantine for ever."""
    strangers = [block_line(str(number), [(START, 5)]) for number in range(2, 202)]
    future = block_line("1", [(START, 5), (START + timedelta(days=30), 9)])
    payload = flat.gateway.seal(future, *strangers)
    commit(flat.conn, [flat.verdict(payload, START + HOUR)])
    (entry,) = list_entries(flat.conn, reason="unknown_meter")
    assert (entry.ordinal, entry.detail.split(":")[0]) == (None, "200 blocks of the batch, first")
    units = [unit_line(f"A-{number + 1203}", str(number)) for number in range(1, 202)]
    flat.units(*units[:-1])
    _code, lines, _ = run(store_dsn, "replay", "--all")
    assert lines[0].startswith(f"{entry.quarantine_id}: still open: unknown_meter: "), lines
    flat.units(*units)
    assert again(flat.conn, "unknown_meter").state is QuarantineState.REPLAYED
    assert flat.one("SELECT count(*) FROM reading") == 201
    assert len(list_entries(flat.conn, reason="future")) == 1


def test_an_entry_of_a_damaged_batch_can_be_dismissed(flat: Site) -> None:
    commit(flat.conn, [flat.verdict(flat.gateway.seal(block_line("2", [(START, 5)])), START)])
    flat.conn.execute("UPDATE evidence SET evidence = 'x'")
    (entry,) = list_entries(flat.conn)
    assert show(flat.conn, entry.quarantine_id) == (entry, None)
    with pytest.raises(UserError, match="batch 1 is damaged in the store"):
        again(flat.conn, "unknown_meter")
    dismiss(flat.conn, entry.quarantine_id, MUCH_LATER)
    assert list_entries(flat.conn) == []
