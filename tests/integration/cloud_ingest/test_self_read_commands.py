# SPDX-License-Identifier: MIT
"""The commands of what residents send: the queue, links, and the sheet of QR codes."""

import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.entries.self_read_links import open_link
from cloud_ingest.store.self_read_submissions import Submission
from tests.support import self_read
from tests.support.store import SOCIETY, Site

Run = Callable[..., tuple[int, str]]
NOW = datetime.now(UTC)


@pytest.fixture
def flat(site: Site) -> Site:
    site.units(
        "Tower 1,unit,C-0304,electricity,grid,LNT,26104711,yes,2026-06-01,",
        "Tower 1,unit,C-0304,water,main,,,yes,2026-06-01,",
        "Tower 1,unit,C-0305,electricity,grid,,,yes,2026-06-01,",
    )
    return site


@pytest.fixture
def run(store_dsn: str, tmp_path: Path) -> Run:
    settings = tmp_path / "cloud.toml"
    settings.write_text('public_url = "https://meters.example"\n')

    def _run(*words: str) -> tuple[int, str]:
        given = [*words, "--society", SOCIETY, "--dsn", store_dsn, "--config", str(settings)]
        result = CliRunner().invoke(app, ["self-read", *given])
        return result.exit_code, result.output

    return _run


def sent(site: Site, shown: str = "4711", *, photo: bool = False) -> Submission:
    own = self_read.photo() if photo else None
    return self_read.send(site, shown, NOW - timedelta(minutes=5), now=NOW, photo=own)


def test_the_queue_is_shown_and_decided(flat: Site, run: Run) -> None:
    assert run("list") == (0, "Nothing waits for a person.\n")
    number = str(sent(flat, photo=True).submission_id)
    code, text = run("list")
    assert (code, "4711" in text and "(photo)" in text) == (0, True)
    assert "asked: It is the first reading of this meter." in run("show", number)[1]
    done = run("approve", number, "--by", "manager", "--reason", "seen on the photo")
    assert done == (0, "C-0304 electricity: 4711 kWh is approved\n")
    code, text = run("refuse", number, "--by", "another", "--reason", "no")
    assert (code, "waits for nobody: it was approved by manager" in text) == (2, True)
    told = json.loads(run("list", "--all", "--json")[1])
    assert (told["decision"], told["decided_by"], told["value"]) == ("approved", "manager", "4711")


def test_a_refused_value_says_why(flat: Site, run: Run) -> None:
    number = str(sent(flat).receipt)
    run("refuse", number, "--by", "manager", "--reason", "of another meter")
    assert "by manager: of another meter" in run("show", number)[1]


def test_a_photo_is_written_for_its_owner_alone(flat: Site, run: Run, tmp_path: Path) -> None:
    number = str(sent(flat, photo=True).submission_id)
    out = tmp_path / "dial.jpg"
    assert run("photo", number, "--out", str(out))[0] == 0
    assert (out.read_bytes(), stat.S_IMODE(out.stat().st_mode)) == (b"jpeg", 0o600)
    assert "is there already" in run("photo", number, "--out", str(out))[1]


def test_a_link_is_shown_once(flat: Site, run: Run) -> None:
    code, text = run("link", "C-0304", "--by", "manager", "--valid-days", "3")
    address = text.splitlines()[0]
    assert (code, address.startswith("https://meters.example/self-read#")) == (0, True)
    secret = address.partition("#")[2]
    assert open_link(flat.conn, secret, NOW).subject == "C-0304"
    code, text = run("link-list")
    assert (code, "C-0304" in text, secret in text) == (0, True, False)
    assert run("link-revoke", "C-0304", "--by", "manager", "--reason", "moved") == (
        0,
        "C-0304: 1 link revoked\n",
    )


def test_a_sheet_has_a_card_for_each_unit_to_be_read(flat: Site, run: Run, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    assert run("links", "--out", str(sheet), "--by", "manager")[0] == 0
    lines = sheet.read_text().splitlines()
    assert len(lines) == 3
    assert "electricity (grid), meter …4711; water (main)" in lines[1]
    secret = lines[1].partition("#")[2].partition(",")[0]
    assert open_link(flat.conn, secret, NOW).subject == "C-0304"
    assert stat.S_IMODE(sheet.stat().st_mode) == 0o600


@pytest.mark.usefixtures("flat")
def test_a_sheet_that_cannot_be_written_gives_out_no_link(run: Run, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.touch()
    code, text = run("links", "--out", str(sheet), "--by", "manager")
    assert (code, "is there already" in text) == (2, True)
    assert "C-0304" not in run("link-list")[1]


@pytest.mark.usefixtures("flat")
def test_a_sheet_of_codes_is_a_pdf(run: Run, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.pdf"
    code, text = run("links", "--out", str(sheet), "--by", "manager")
    assert (code, text.endswith("2 units; whoever has it can send their readings\n")) == (0, True)
    assert sheet.read_bytes().startswith(b"%PDF-")


@pytest.mark.usefixtures("flat")
def test_a_unit_is_the_first_word_of_take(run: Run) -> None:
    words = ("4711", "--service", "electricity", "--by", "caretaker")
    assert run("C-0304", *words) == (0, "C-0304 electricity: 4711 kWh is stored\n")
    assert run("take", "C-0305", *words)[0] == 0
