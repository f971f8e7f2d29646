# SPDX-License-Identifier: MIT
"""Keys that were taken back or have a successor: what of them still counts."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.known import EndedKey, KnownGateway, why_ended
from shared_schema.readings import Header
from shared_schema.signing import generate_key, key_id

NOW = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
KEY = generate_key().public_key()
STREAM = UUID("0b0e5ad5-4e4c-4f6a-9a0c-0d8f6f3f6c11")
TIMES = st.timedeltas(timedelta(days=-400), timedelta(days=400)).map(lambda apart: NOW + apart)


def header(*, stream: UUID = STREAM, seq: int = 7, created_at: datetime = NOW) -> Header:
    return Header(
        gateway="gw-a",
        key=key_id(KEY),
        stream=stream,
        seq=seq,
        previous=None if seq == 1 else "0" * 64,
        blocks=("0" * 64,),
        created_at=created_at,
    )


def gateway(ended: EndedKey) -> KnownGateway:
    return KnownGateway(1, "gw-a", 7, {key_id(KEY): KEY}, ended={key_id(KEY): ended})


@given(TIMES, TIMES)
def test_what_comes_after_the_revocation_is_refused(made: datetime, came: datetime) -> None:
    said = why_ended(gateway(EndedKey(NOW)), header(created_at=made), came)
    assert (said is None) == (came < NOW), "whatever time stands in it"


@given(st.integers(1, 2**63 - 1), st.integers(1, 2**63 - 1), TIMES)
def test_the_backlog_before_a_succession_counts_for_ever(
    seq: int, last: int, came: datetime
) -> None:
    said = why_ended(gateway(EndedKey(stream=STREAM, last_seq=last)), header(seq=seq), came)
    assert (said is None) == (seq <= last)


def test_a_succeeded_key_begins_no_other_stream() -> None:
    ended = EndedKey(stream=STREAM, last_seq=7)
    said = why_ended(gateway(ended), header(stream=uuid4(), seq=1), NOW)
    assert said is not None
    assert "names the next key" in said


def test_a_succeeded_key_can_still_be_taken_back() -> None:
    ended = EndedKey(NOW, STREAM, 7)
    assert why_ended(gateway(ended), header(seq=3), NOW) is not None


def test_a_gateway_whose_keys_ended_may_not_connect() -> None:
    assert not gateway(EndedKey(NOW)).may_connect
    assert KnownGateway(1, "gw-a", 7, {key_id(KEY): KEY}).may_connect
    assert not KnownGateway(1, "gw-a", 7, {}).may_connect
