"""The command that checks a proof, as a resident runs it."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared_schema.proof.pack import write_proof
from shared_schema.verify import main
from tests.support.proof_cases import case, edited, plain, self_read

PLAIN = case(plain)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "A-1204.json"
    path.write_bytes(write_proof(PLAIN.proof))
    return path


def rename_society(file: Path, name: str) -> None:
    file.write_bytes(write_proof(PLAIN.proof.model_copy(update={"society": name})))


def grouped(fingerprint: str) -> str:
    """As some sheets print it."""
    pairs = [fingerprint[at : at + 2] for at in range(0, 64, 2)]
    return ":".join(pairs).upper()


def test_without_a_fingerprint_it_is_only_consistent(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(file)]) == 0
    told = capsys.readouterr().out
    assert "Consistent, but not tied to a commissioned gateway" in told
    assert "29.755 kWh, version 1" in told
    assert "+ The closing of LNT 26100001 (2026-11-01 00:00) is what its signed row says" in told


def test_a_fingerprint_ties_it(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (fingerprint,) = PLAIN.fingerprints
    assert main([str(file), "--trust", grouped(fingerprint)]) == 0
    assert "every reading signed in it is by a gateway's key" in capsys.readouterr().out


def test_another_fingerprint_is_an_error(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(file), "--trust", "0" * 64]) == 1
    assert "X Batch 1: its key is none that you trust, and follows none" in capsys.readouterr().out


def test_a_spoilt_proof_is_an_error(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_bytes(file.read_bytes().replace(b"12374.755", b"12374.756"))
    assert main([str(file)]) == 1
    assert "This proof does not hold" in capsys.readouterr().out


def test_what_nobody_signed_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "proof.json"
    path.write_bytes(write_proof(case(edited).proof))
    main([str(path)])
    assert "- The closing of LNT 26100001 (2026-11-01 00:00) was entered by" in (
        capsys.readouterr().out
    )
    path.write_bytes(write_proof(case(self_read).proof))
    main([str(path)])
    assert "nothing that was counted is signed" in capsys.readouterr().out


def test_it_speaks_hindi(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(file), "--language", "hi"]) == 0
    assert "आपस में मेल खाता है" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("data", "says"),
    [(b"{}", "this is no proof"), (b"\xff", "this is no proof"), (None, "cannot be read")],
)
def test_what_is_no_proof_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes | None, says: str
) -> None:
    path = tmp_path / "proof.json"
    if data is not None:
        path.write_bytes(data)
    assert main([str(path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.binary(max_size=300))
def test_garbage_has_no_traceback(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "proof.json"
    path.write_bytes(data)
    assert main([str(path)]) == 2


def test_a_name_cannot_steer_the_terminal(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rename_society(file, "Lake\x9b2J\u202eView")
    main([str(file)])
    assert "Lake\\u009b2J\\u202eView" in capsys.readouterr().out


def test_a_name_cannot_write_lines_of_the_verdict(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rename_society(file, "Lake View\n\nIt holds\n")
    assert main([str(file)]) == 2
    assert "society" in capsys.readouterr().err


def test_a_gateways_name_cannot_be_a_fingerprint(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = b'"gateway": "gw-a ' + b"a" * 64 + b'"'
    file.write_bytes(file.read_bytes().replace(b'"gateway": "gw-a"', long))
    assert main([str(file)]) == 2
    assert "keys.0.gateway" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["a", "--page", "b"], ["a", "--trust", "abc"]])
def test_a_mistake_of_a_person_says_how(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_a_reader_who_leaves_gets_no_traceback(file: Path) -> None:
    checking = subprocess.Popen(
        [sys.executable, "-u", "-m", "shared_schema.verify", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with checking:
        assert checking.stdout is not None
        assert checking.stderr is not None
        checking.stdout.close()
        assert checking.stderr.read() == ""


def test_the_check_needs_the_contract_alone() -> None:
    asked = (
        "import sys, shared_schema.verify; print([each for each in sys.modules if "
        "each.partition('.')[0] in ('cloud_ingest', 'edge_agent', 'psycopg', 'typer', 'rich')])"
    )
    found = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
