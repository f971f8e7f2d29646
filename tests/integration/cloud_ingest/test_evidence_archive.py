# SPDX-License-Identifier: MIT
"""A month of evidence in a file verifies without the store, and goes back into it."""

import lzma
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.core.evidence_file import ArchiveReader, archive_lines
from cloud_ingest.errors import ArchiveRefused, ArchiveSpoilt, StoreUnavailable, UserError
from cloud_ingest.operate.evidence import tend_evidence
from cloud_ingest.operate.evidence_archive import archive, restore, verify
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.commit import commit
from cloud_ingest.store.connection import connect
from cloud_ingest.store.evidence_months import make_evidence_months, month_states
from cloud_ingest.store.locks import Lock, advisory_lock
from shared_schema.signing import fingerprint
from tests.support.evidence import let_go, line_at
from tests.support.gateway import Sealer, block_line
from tests.support.proved import HALF, NOW, close, july, proved, quantity, send, units
from tests.support.store import Site, kwh, local, unit_line

ROWS = "SELECT gateway_id, received_at, batch_id, evidence FROM evidence ORDER BY batch_id"


@pytest.fixture
def flat(site: Site) -> Site:
    units(site, unit_line("A-1", "1"))
    send(site, "1", july())
    return site


def test_a_month_goes_out_and_comes_back(flat: Site, tmp_path: Path) -> None:
    kept = flat.all(ROWS)
    path, facts = archive(flat.conn, "2026-07", tmp_path, NOW)
    assert (path.name, list(tmp_path.glob("*.part"))) == ("evidence-2026-07.jsonl.xz", [])
    assert (facts.batches, facts.broken_links) == (
        flat.one("SELECT count(*) FROM evidence_2026_07"),
        0,
    )
    assert facts.by_key == {fingerprint(flat.gateway.key.public_key()): facts.batches}
    let_go(flat.conn, NOW)
    assert flat.all(ROWS) != kept
    for _ in range(2):
        assert restore(flat.conn, path, NOW).unknown == 0
        july_alone = [row for row in flat.all(ROWS) if row[1] < local("2026-08-01 00:00")]
        assert july_alone == [row for row in kept if row[1] < local("2026-08-01 00:00")]
    assert tend_evidence(flat.conn, NOW + timedelta(days=61)) == 0
    assert tend_evidence(flat.conn, NOW + timedelta(days=63)) > 0


def test_what_came_meanwhile_outlives_a_restoring(flat: Site, tmp_path: Path) -> None:
    path, facts = archive(flat.conn, "2026-07", tmp_path, NOW)
    late = flat.gateway.seal(block_line("1", [(HALF, 77)]))
    commit(flat.conn, [flat.verdict(late, HALF)])
    restore(flat.conn, path, NOW)
    assert flat.one("SELECT count(*) FROM evidence_2026_07") == facts.batches + 1


def test_a_file_without_every_batch_leaves_a_month_short(
    flat: Site, store_dsn: str, tmp_path: Path
) -> None:
    path, facts = archive(flat.conn, "2026-07", tmp_path, NOW)
    let_go(flat.conn, NOW)
    lines = lzma.decompress(path.read_bytes()).splitlines()
    reader = ArchiveReader(lines)
    first = next(reader.batches())
    part = b"".join(line + b"\n" for line in archive_lines(reader.facts.head, [first]))
    path.write_bytes(lzma.compress(part))
    done = CliRunner().invoke(app, ["evidence", "restore", str(path), "--dsn", store_dsn])
    assert f"{facts.batches - 1} others stay short" in done.output
    july = "SELECT shortened_at, restored_at FROM evidence_month WHERE month = '2026-07-01'"
    assert all(flat.one(july)), "it is listed as short, and is due again"
    assert tend_evidence(flat.conn, datetime.now(UTC) + timedelta(days=63)) > 0


def test_a_restoring_that_is_killed_leaves_nothing_behind(
    flat: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _facts = archive(flat.conn, "2026-07", tmp_path, NOW)
    monkeypatch.setattr("cloud_ingest.operate.evidence_archive.put_whole", _killed)
    with pytest.raises(KeyboardInterrupt):
        restore(flat.conn, path, NOW)
    assert flat.one("SELECT count(*) FROM evidence_anew") == 0, "shortening would go on behind it"


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_the_service_waits_for_no_restoring(flat: Site, store_dsn: str) -> None:
    line_at(flat.conn, date(2026, 10, 1))
    with connect(store_dsn) as other:
        with advisory_lock(other, Lock.EVIDENCE):
            assert tend_evidence(flat.conn, NOW) == 0
        assert tend_evidence(flat.conn, NOW) > 0


def test_a_backup_that_reads_puts_shortening_off(flat: Site, store_dsn: str) -> None:
    kept = flat.all(ROWS)
    with connect(store_dsn) as backup:
        with backup.transaction():
            backup.execute("LOCK TABLE evidence IN ACCESS SHARE MODE")
            with pytest.raises(StoreUnavailable, match="lock timeout"):
                let_go(flat.conn, NOW)
            assert flat.all(ROWS) == kept
        let_go(flat.conn, NOW)
    assert flat.all(ROWS) != kept


def test_two_who_archive_a_month_write_one_file(flat: Site, store_dsn: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        conns = [stack.enter_context(connect(store_dsn)) for _ in range(3)]
        pool = stack.enter_context(ThreadPoolExecutor(3))
        all_at_once = [pool.submit(archive, conn, "2026-07", tmp_path, NOW) for conn in conns]
        faults = [each.exception() for each in all_at_once]
    assert sorted(str(each).endswith("move it away") for each in faults) == [False, True, True]
    path = tmp_path / "evidence-2026-07.jsonl.xz"
    noted = flat.one("SELECT archive_sha256 FROM evidence_month WHERE month = '2026-07-01'")
    assert noted.hex() == verify(path).sha256
    assert not list(tmp_path.glob("*.part"))


def test_a_damaged_batch_is_named_and_stops_no_other(flat: Site, tmp_path: Path) -> None:
    flat.conn.execute("UPDATE evidence SET evidence = substr(evidence, 1, 40) WHERE batch_id = 1")
    kept = flat.all(ROWS)
    with pytest.raises(ArchiveRefused, match="batch 1 of 2026-07 is damaged"):
        archive(flat.conn, "2026-07", tmp_path, NOW)
    assert list(tmp_path.glob("evidence*")) == []
    let_go(flat.conn, NOW)
    now = flat.all(ROWS)
    assert (now[0] == kept[0], now[3] == kept[3]) == (True, False)
    close(flat)
    assert quantity(proved(flat)) == kwh(10 * 31 * 24)


def test_a_file_has_its_name_for_good_before_it_is_noted(
    flat: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[bool, int]] = []
    real = os.fsync

    def fsync(file: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(file).st_mode)
        synced.append((is_folder, len(list(tmp_path.glob("*.xz")))))
        real(file)

    monkeypatch.setattr("os.fsync", fsync)
    archive(flat.conn, "2026-07", tmp_path, NOW)
    assert synced == [(False, 0), (True, 1)]


def test_a_batch_of_another_store_is_left_out(flat: Site, tmp_path: Path) -> None:
    path, facts = archive(flat.conn, "2026-07", tmp_path, NOW)
    flat.conn.execute("UPDATE batch SET header_hash = 'x' WHERE batch_id = 1")
    assert restore(flat.conn, path, NOW).unknown == 1
    flat.conn.execute("UPDATE store SET store_id = gen_random_uuid()")
    assert restore(flat.conn, path, NOW).unknown == 1  # this store wrote it under its former id
    flat.conn.execute("DELETE FROM evidence_month")
    with pytest.raises(ArchiveRefused, match="not of this one"):
        restore(flat.conn, path, NOW)
    assert flat.one("SELECT count(*) FROM evidence_2026_07") == facts.batches


def test_a_month_that_is_not_whole_is_not_archived(flat: Site, tmp_path: Path) -> None:
    for month, at, why in (
        ("2026-08", NOW, "is not over"),
        ("2026-05", NOW, "nothing was received"),
    ):
        with pytest.raises(ArchiveRefused, match=why):
            archive(flat.conn, month, tmp_path, at)
    flat.conn.execute("UPDATE batch SET evidence = 'x' WHERE batch_id = 1")
    with pytest.raises(ArchiveRefused, match="moves it by itself"):
        archive(flat.conn, "2026-07", tmp_path, NOW)
    flat.conn.execute("UPDATE batch SET evidence = NULL")
    archive(flat.conn, "2026-07", tmp_path, NOW)
    with pytest.raises(UserError, match="there already"):
        archive(flat.conn, "2026-07", tmp_path, NOW)
    let_go(flat.conn, NOW)
    with pytest.raises(ArchiveRefused, match="is short since"):
        archive(flat.conn, "2026-07", tmp_path / "..", NOW)


def test_a_month_that_waits_for_batches_is_not_listed(flat: Site) -> None:
    make_evidence_months(flat.conn, StoreCache(), [local("2027-09-10 00:00")])
    months = {each.month for each in month_states(flat.conn)}
    assert (date(2026, 7, 1) in months, date(2027, 9, 1) in months) == (True, False)


def test_the_commands_say_what_they_did(flat: Site, store_dsn: str, tmp_path: Path) -> None:
    def run(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, ["evidence", *words])
        assert done.exit_code == code, done.output
        return done.output

    at = ("--dsn", store_dsn)
    path = tmp_path / "evidence-2026-07.jsonl.xz"
    assert "2026-07" in run("archive", "--month", "2026-07", "--out", str(tmp_path), *at)
    listed = run("list", *at)
    assert ("whole" in listed, path.name in listed) == (True, True)
    ours = fingerprint(flat.gateway.key.public_key())
    assert "all hold" in run("verify", str(path), "--trust", ours)
    as_typed = ":".join(ours[at : at + 2] for at in range(0, 64, 2)).upper()
    assert "all hold" in run("verify", str(path), "--trust", as_typed)
    assert "is no fingerprint" in run("verify", str(path), "--trust", ours[1:], code=2)
    other = fingerprint(Sealer("gw-b").key.public_key())
    assert "not by a key" in run("verify", str(path), "--trust", other, code=2)
    assert run("keep", *at) == "all evidence stays whole\n"
    assert "13 months" in run("keep", "13", *at)
    assert "too few" in run("keep", "12", *at, code=2)
    assert "whole again" in run("restore", str(path), *at)
    assert run("keep", "--all", *at) == "all evidence stays whole\n"


def test_a_file_that_is_cut_or_spoilt_is_told(flat: Site, tmp_path: Path) -> None:
    path, _facts = archive(flat.conn, "2026-07", tmp_path, NOW)
    packed = path.read_bytes()
    lines = lzma.decompress(packed).splitlines(keepends=True)
    for spoilt in (
        packed[:-1],
        packed + b"more",
        b"no xz",
        lzma.compress(b"".join(lines[:-1])),
        lzma.compress(b"".join(lines[:1] + lines[5:])),
        lzma.compress(b"".join([*lines, lines[-1]])),
        lzma.compress(b"".join(lines).replace(b"null,12", b"null,22", 1)),
        lzma.compress(b"{}\n"),
    ):
        path.write_bytes(spoilt)
        with pytest.raises(ArchiveSpoilt):
            verify(path)
        with pytest.raises(ArchiveSpoilt):
            restore(flat.conn, path, NOW)
    path.unlink()
    with pytest.raises(UserError, match="cannot read"):
        verify(path)
