# SPDX-License-Identifier: GPL-2.0-only
"""What `run` and `doctor` refuse, `commission` refuses, and nothing else."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.agent import Agent
from edge_agent.dlms.exchange import Transport
from edge_agent.errors import ConfigurationError
from edge_agent.install.advice import for_error
from edge_agent.install.agent_toml import Gateway, SerialLine, agent_toml, bus_toml
from edge_agent.install.lockout import Lockout
from edge_agent.install.meter_list import ListedMeter
from edge_agent.install.visit import meter_config
from edge_agent.install.walkthrough import Dialogue, Job, commission
from edge_agent.operate.doctor import examine_gateway
from edge_agent.operate.readiness import require_ready
from edge_agent.settings.file import load_settings
from shared_schema.signing import generate_key, private_key_to_pem, public_key_to_pem

NOW = datetime(2026, 11, 24, tzinfo=UTC)
KEY, OTHER = generate_key(), generate_key()


def authority() -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")])
    made = x509.CertificateBuilder(name, name, KEY.public_key(), 1)
    made = made.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
    return (
        made.not_valid_after(datetime(2090, 1, 1, tzinfo=UTC))
        .sign(KEY, None)
        .public_bytes(Encoding.PEM)
    )


SOUND = {
    "gateway.key": private_key_to_pem(KEY),
    "gateway.key.pub": public_key_to_pem(KEY.public_key()),
    "cloud.pem": public_key_to_pem(OTHER.public_key()),
    "meter.pw": b"12345678\n",
    "meter.ek": b"000102030405060708090A0B0C0D0E0F\n",
    "meter.ak": b"000102030405060708090A0B0C0D0E0F\n",
    "broker.pw": b"hunter2",
    "ca.pem": authority(),
}
SECRET = {"gateway.key", "meter.pw", "meter.ek", "meter.ak", "broker.pw"}
FATES = ("missing", "damaged", "empty", "another key", "readable by all", "a folder")
FILE = "meter.pw"
METERS = (
    ListedMeter("A-1 electricity", 17, password_file=FILE, client=32),
    ListedMeter(
        *("A-2 electricity", 18),
        client=48,
        encryption_key_file="meter.ek",
        authentication_key_file="meter.ak",
    ),
    ListedMeter("A-3 water", 19, model="nope"),
    ListedMeter("A-4 water", 20, client=48),
    ListedMeter("A-5 water", 21, client=16),
)


class Reached(Exception):
    """The bus would be searched now."""


def place(path: Path, fate: str) -> None:
    content = SOUND[path.name]
    if fate == "missing":
        return
    if fate == "a folder":
        path.mkdir()
        return
    other = {
        "damaged": content[: len(content) // 2] + b"\xff",
        "empty": b"",
        "another key": (
            public_key_to_pem(OTHER.public_key())
            if path.suffix == ".pub"
            else private_key_to_pem(OTHER)
        ),
    }
    path.write_bytes(other.get(fate, content))
    path.chmod(0o644 if fate == "readable by all" or path.name not in SECRET else 0o600)


def refusal_of_run(config: Path) -> str | None:
    try:
        Agent(load_settings(config)).spool.close()
    except ConfigurationError as error:
        return str(error)
    return None


def refusal_of_doctor(config: Path) -> str | None:
    found = examine_gateway(config, NOW, broker=lambda *_, **__: None, synchronised=lambda: True)
    network = ("bus riser-1", "disk")  # what is away now, and may come: `run` waits for it
    failed = [each for each in found if each.level == "fail" and each.name not in network]
    assert all(each.advice for each in failed)
    return str(failed) if failed else None


def refusal_of_commission(job: Job) -> str | None:
    @contextmanager
    def reached(_baudrate: int) -> Iterator[Transport]:
        raise Reached
        yield

    lockout = Lockout(job.sheet_dir / "refused.jsonl", job.port, again=False)
    try:
        commission(job, reached, lockout, Dialogue(lambda _meter: ""), lambda: NOW)
    except ConfigurationError as error:
        return f"{error}; try: {for_error(error)}"
    except Reached:
        return None
    raise AssertionError("no meter was looked for")


@given(
    fates=st.dictionaries(st.sampled_from(sorted(SOUND)), st.sampled_from(FATES), max_size=2),
    meters=st.sets(st.sampled_from(METERS), max_size=2),
    with_login=st.booleans(),
    with_tls=st.booleans(),
    spool=st.sampled_from(("spool.db", "spool.db", "none/spool.db", "other.db")),
    gateway=st.sampled_from(("gw-1", "gw-2", "gw-3", "g w")),
    of_package=st.booleans(),
)
@settings(max_examples=80)
def test_commission_takes_exactly_what_run_and_doctor_take(
    *,
    fates: dict[str, str],
    meters: set[ListedMeter],
    with_login: bool,
    with_tls: bool,
    spool: str,
    gateway: str,
    of_package: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("site")
    with closing(sqlite3.connect(folder / "other.db")) as database:
        database.execute("CREATE TABLE of_another_program (x)")
    for name in SOUND:
        place(folder / name, fates.get(name, "sound"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        asked = Gateway(
            name=gateway,
            spool=folder / spool,
            key_file=folder / "gateway.key",
            cloud_key_file=folder / "cloud.pem",
            broker_host="b",
            username="u" if with_login else None,
            broker_password_file=folder / "broker.pw" if with_login else None,
            ca=folder / "ca.pem" if with_tls else None,
        )
        listed = tuple(sorted(meters, key=lambda each: each.label))
        line = SerialLine("riser-1", "/dev/null", 9600, "none", "adapter")
        try:
            configs = [meter_config(each, None, None, None) for each in listed]
        except ConfigurationError:  # no model of this name: no agent.toml either
            configs = None
        job = Job(
            *(Path("/dev/null"), "riser-1", folder / "agent.toml", folder, asked),
            listed=listed,
            addresses=(17,),
        )
        if of_package:
            job.config.write_text("# Written by nobody yet.\n")
        refused = refusal_of_commission(job)
        assert job.config.exists() == of_package
        if configs is None:
            assert refused is not None
        else:
            job.config.write_text(agent_toml(asked, bus_toml(line, configs)))
            by_doctor = refusal_of_doctor(job.config)
            by_run = refusal_of_run(job.config)
            assert (by_run is None) == (refused is None), (by_run, refused)
            assert (by_doctor is None) == (refused is None), (by_doctor, refused)
    shutil.rmtree(folder)


def test_all_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text(
        'gateway = "g"\nspool = "none/s"\nkey_file = "k"\ncloud_key_file = "c"\n'
        '[broker]\nhost = "b"\nusername = "u"\npassword_file = "p"\n'
        '[[bus]]\nname = "r"\nport = "/dev/x"\n'
        '[[bus.meter]]\nlabel = "A-1"\naddress = 17\nclient = 32\npassword_file = "m"\n'
    )
    with pytest.raises(ConfigurationError, match=r"^5 things keep the agent") as caught:
        require_ready(load_settings(tmp_path / "agent.toml"))
    assert [each.split(": ")[0] for each in caught.value.details] == [
        "cannot read the gateway's key (key_file)",
        "cannot read the cloud's public key (cloud_key_file)",
        "cannot read the broker's password ([broker] password_file)",
        f"cannot write in the spool's folder {tmp_path / 'none'}; make the folder, or give it to "
        "the user who runs edge-agent; try",
        "cannot read the password of A-1 (password_file)",
    ]
    assert caught.value.next_step
