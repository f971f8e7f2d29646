# SPDX-License-Identifier: MIT
"""What a command answers where a person, a server or a terminal is at fault.

Every command says in a line what happened, to what, and what to do; none ends in a traceback.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from tests.support.store import SOCIETY, Site, as_role, every, local, role_at, unit_line

OF = ("--society", SOCIETY)
ELECTRICITY = ("--service", "electricity")
COMMANDS = {
    "reading list": ("reading", "list", *OF, "--unit", "UNIT"),
    "set-aside": ("reading", "set-aside", "UNIT", *OF, *ELECTRICITY, "--at", "AT", "WORDS"),
    "restore": ("reading", "restore", "UNIT", *OF, *ELECTRICITY, "--at", "AT", "WORDS"),
    "enter": (
        *("reading", "enter", "UNIT", *OF, *ELECTRICITY, "--at", "AT", "--value", "VALUE"),
        "WORDS",
    ),
    "number list": ("number", "list", *OF, "--month", "MONTH"),
    "accept": ("number", "accept", "UNIT", *OF, *ELECTRICITY, "--month", "MONTH", "WORDS"),
    "keep": ("number", "keep", "UNIT", *OF, *ELECTRICITY, "--month", "MONTH", "WORDS"),
    "explain": ("explain", "--unit", "UNIT", *OF, *ELECTRICITY, "--month", "MONTH"),
    "report": ("report", "MONTH", *OF),
    "units list": ("units", "list", *OF, "--unit", "UNIT", "--history"),
    "take-back": ("units", "take-back", "UNIT", *OF, *ELECTRICITY, "WORDS"),
    "latest": ("latest", *OF, "--unit", "UNIT"),
    "usage": ("usage", "UNIT", *OF, "--month", "MONTH", "--days"),
    "curve": ("usage", "UNIT", *OF, "--month", "MONTH", "--curve"),
    "towers": ("towers", *OF, "--month", "MONTH"),
    "completeness": ("completeness", *OF, "--month", "MONTH", "--unit", "UNIT"),
    "close-month": ("close-month", "MONTH", *OF),
    "epoch": ("epoch", "add", "UNIT", *OF, *ELECTRICITY, "--at", "AT", "--adds", "VALUE", "WORDS"),
    "dial": ("dial", "add", "UNIT", "VALUE", *OF, *ELECTRICITY, "--at", "AT", "WORDS"),
    "self-read": ("self-read", "UNIT", "VALUE", *OF, *ELECTRICITY, "--at", "AT", "--by", "BY"),
    "acknowledge": ("events", "acknowledge", "UNIT", *OF, "WORDS"),
    "unmute": ("events", "unmute", "UNIT", *OF, "--kind", "leak", "WORDS"),
    "events show": ("events", "show", "UNIT", *OF),
}
"""Words of the commands; those in capitals are filled in."""
PLAIN = {"UNIT": "A-1", "MONTH": "2026-07", "AT": "2026-07-10 00:00", "VALUE": "12354.6"}
NAMES_UNIT = {name for name, words in COMMANDS.items() if "UNIT" in words}
NAMES_MONTH = {name for name, words in COMMANDS.items() if "MONTH" in words}
NAMES_TIME = {name for name, words in COMMANDS.items() if "AT" in words}
TAKES_WORDS = {name for name, words in COMMANDS.items() if "WORDS" in words}
ANSWERS_IN_JSON = (
    *("reading list", "number list", "explain", "report", "units list", "usage", "curve"),
    *("towers", "completeness", "latest"),
)


def filled(name: str, by: str = "me", reason: str = "why", **other: str) -> list[str]:
    given = {**PLAIN, "BY": by, **other}
    found: list[str] = []
    for word in COMMANDS[name]:
        found += ["--by", by, "--reason", reason] if word == "WORDS" else [given.get(word, word)]
    return found


def answer(dsn: str, words: list[str]) -> tuple[int, str, str]:
    """What a command says; an exception that is none of ours fails the test."""
    result = CliRunner().invoke(app, [*words, "--dsn", dsn], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def refusal(dsn: str, words: list[str]) -> str:
    """The one line with which a command refuses, after what it says of its progress."""
    code, out, err = answer(dsn, words)
    assert (code, out) == (2, ""), (words, out, err)
    return err.splitlines()[-1].removeprefix("cloud-ingest: ")


@pytest.fixture
def closed(site: Site, store_dsn: str) -> str:
    """The DSN of a store whose July is closed."""
    site.units(unit_line("A-1", "S-1"))
    start, end = local("2026-06-30 00:00"), local("2026-08-02 00:00")
    site.deliver("S-1", every(start, end, 12_345_000, 40, timedelta(hours=1)))
    assert answer(store_dsn, filled("close-month"))[0] == 0
    return store_dsn


def test_an_unknown_unit_is_named_with_what_to_do(closed: str) -> None:
    for name in NAMES_UNIT:
        said = refusal(closed, filled(name, UNIT="Z-9"))
        assert "Z-9" in said, name
        assert any(word in said for word in ("look at", "check", "cloud-ingest")), (name, said)


def test_a_unit_is_no_common_area(closed: str) -> None:
    words = [*filled("accept"), "--subject-type", "common"]
    assert refusal(closed, words).endswith("no such number: look at its label and --subject-type")


def test_what_is_no_month_is_named(closed: str) -> None:
    for name in NAMES_MONTH:
        for month in ("2026-13", "rubbish", "\u0662\u0660\u0662\u0666-07"):
            said = refusal(closed, filled(name, MONTH=month))
            assert "is not a month: write it as " in said, (name, said)


def test_a_month_may_be_named_as_people_do(closed: str) -> None:
    for name in NAMES_MONTH:
        plain = answer(closed, filled(name))
        for month in ("2026-7", "July 2026", "jul 2026"):
            assert answer(closed, filled(name, MONTH=month)) == plain, (name, month)


def test_a_month_that_has_not_begun_is_refused(closed: str) -> None:
    for name in NAMES_MONTH - {"number list"}:
        said = refusal(closed, filled(name, MONTH="2098-07"))
        assert "2098-07" in said, (name, said)
        assert any(
            word in said for word in ("has not begun", "can be closed from", "is not closed")
        ), (name, said)


def test_a_time_that_cannot_be_is_refused(closed: str) -> None:
    for name in NAMES_TIME:
        for at in ("rubbish", "9999-12-31 23:59", "0001-01-01 00:00"):
            assert refusal(closed, filled(name, AT=at)), name


def test_a_value_that_cannot_be_is_refused(closed: str) -> None:
    for name in (name for name, words in COMMANDS.items() if "VALUE" in words):
        for value in ("NaN", "sNaN", "Infinity", "1e999999", "1e-99", "9" * 100_000, "1_0", "kWh"):
            said = refusal(closed, filled(name, VALUE=value))
            assert len(said) < 400, (name, said[:400])


def test_a_quantity_that_cannot_be_is_refused(closed: str) -> None:
    for name in ("accept", "keep"):
        for seen in ("", "NaN", "1e999999", "29.760,", "9" * 100_000, "\u0662\u0669"):
            said = refusal(closed, [*filled(name), "--quantity", seen])
            assert "is no quantity: give it as it is shown" in said, (name, said[:400])


def test_yes_asks_for_what_was_seen(site: Site, store_dsn: str) -> None:
    site.units(unit_line("A-1", "S-1"))
    start, end = local("2026-06-30 00:00"), local("2026-08-02 00:00")
    site.deliver("S-1", every(start, end, 12_345_000, 30_000, timedelta(hours=1)))
    assert answer(store_dsn, filled("close-month"))[0] == 0
    # 744 hours of 30 kW are far more than a flat uses.
    said = refusal(store_dsn, [*filled("accept"), "--yes"])
    assert said.startswith("A-1 electricity 2026-07: say what you saw: it would become 22320.000")


def test_a_remark_that_cannot_be_kept_is_refused(closed: str) -> None:
    for name in TAKES_WORDS:
        for reason, fault in (
            ("x" * 5_000_000, "--reason has 5000000 characters: give 500 at most"),
            ("a\u202eb", "--reason has a character that nobody sees, U+202E"),
        ):
            said = refusal(closed, filled(name, reason=reason))
            # what is not open to a word says so first
            assert said.startswith(fault) or name in {"accept", "keep"}, (name, said[:200])
    said = refusal(closed, filled("self-read", by="x" * 501))
    assert said.startswith("--by has 501 characters")


def test_a_store_that_is_away_is_named(empty_dsn: str) -> None:
    for name in COMMANDS:
        assert refusal(empty_dsn, filled(name)).endswith("run cloud-ingest migrate"), name
        said = refusal("postgresql://localhost:1/x", filled(name))
        assert said.startswith("cannot reach database x at localhost:1"), name


def test_an_empty_store_names_what_comes_first(store_dsn: str) -> None:
    for name in COMMANDS:
        assert "import its units first" in refusal(store_dsn, filled(name)), name


def test_a_role_that_may_only_read_is_told_so(closed: str, store_server: str) -> None:
    with role_at(store_server) as role, psycopg.connect(closed, autocommit=True) as conn:
        conn.execute(f"GRANT USAGE ON SCHEMA metering TO {role}".encode())
        conn.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA metering TO {role}".encode())
        try:
            for name in COMMANDS:
                code, _, err = answer(as_role(closed, role), filled(name))
                if code:
                    assert code == 2, name
                    assert "does not allow it" not in err or "as its owner" in err, (name, err)
        finally:
            conn.execute(f"DROP OWNED BY {role}".encode())


def test_json_is_json(closed: str) -> None:
    for name in ANSWERS_IN_JSON:
        code, out, err = answer(closed, [*filled(name), "--json"])
        assert code == 0, (name, err)
        lines = [out] if out.startswith("{\n") else out.splitlines()
        for line in lines:
            json.loads(line)


def test_an_old_remark_of_any_length_is_shown(site: Site, closed: str) -> None:
    site.conn.execute(
        "UPDATE assignment_version SET reason = repeat('x', 5000000), author = E'a\\u202eb'"
    )
    code, out, _ = answer(closed, filled("units list"))
    assert (code, len(out) < 20_000) == (0, True)
    assert "\u202e" not in out


def process(dsn: str, words: list[str], **environment: str) -> subprocess.Popen[bytes]:
    """Start a command that can be interrupted: children of a shell's background job ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "cloud_ingest.cli.app", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "IOT_UTILITY_DSN": dsn, **environment},
        )
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_terminal_of_ascii_gets_an_answer(closed: str, site: Site) -> None:
    site.units(unit_line("क-1", "S-2"))
    for environment in ({"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, {"COLUMNS": "40"}):
        found = process(closed, ["units", "list", *OF], **environment)
        out, err = found.communicate(timeout=60)
        assert (found.returncode, err) == (0, b"")
        assert b"S-2" in out


def test_a_reader_that_goes_away_ends_it(closed: str) -> None:
    with process(closed, filled("usage")) as found:
        assert found.stdout is not None
        assert found.stderr is not None
        found.stdout.close()
        assert found.stderr.read() == b""


@pytest.fixture
def waiting(site: Site, closed: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command that waits for a table."""
    with site.conn.transaction():
        site.conn.execute("LOCK TABLE society IN ACCESS EXCLUSIVE MODE")
        found = process(closed, filled("report"))
        deadline = time.monotonic() + 30
        while not site.one(
            "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database "
            "WHERE NOT granted AND datname = current_database() AND relation = 'society'::regclass"
        ):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with found:
            yield found
            found.kill()


def test_an_interrupt_ends_it_in_a_line(waiting: subprocess.Popen[bytes]) -> None:
    waiting.send_signal(signal.SIGINT)
    out, err = waiting.communicate(timeout=60)
    assert (waiting.returncode, out) == (130, b"")
    assert err.count(b"\n") <= 2
    assert b"Traceback" not in err


@pytest.mark.parametrize("program", ["cloud_ingest.cli.app", "edge_agent.cli.app"])
def test_an_argument_that_is_no_text_is_refused(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", program, "run", b"\xff\xfe"],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.endswith(b": not UTF-8: argument 2: write it in UTF-8\n")
