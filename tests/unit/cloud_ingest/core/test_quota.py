# SPDX-License-Identifier: MIT
"""Which new channels are too many, and when a person hears that a quota is exceeded."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.quota import HOUR, Quotas, Wanted, hour_of, is_exceeded, over_channels

QUOTAS = Quotas(channels_an_hour=10, channels_a_meter=6)
NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
BLOCKS = st.lists(
    st.builds(
        lambda gateway, meter, numbers: Wanted(
            gateway, meter, frozenset((meter, number) for number in numbers)
        ),
        st.integers(1, 2),
        st.integers(1, 3),
        st.frozensets(st.integers(0, 9), max_size=6),
    ),
    max_size=12,
)
USED = st.dictionaries(st.integers(1, 3), st.integers(0, 12))


@given(blocks=BLOCKS, brought=USED, of_meter=USED)
def test_no_more_channels_are_granted_than_the_quotas(
    blocks: list[Wanted], brought: dict[int, int], of_meter: dict[int, int]
) -> None:
    over = over_channels(blocks, brought, of_meter, QUOTAS)
    taken = [block for block, is_over in zip(blocks, over, strict=True) if not is_over]
    for meter in {block.meter_id for block in taken if block.channels}:
        new = set().union(*(block.channels for block in taken if block.meter_id == meter))
        assert len(new) <= max(0, QUOTAS.channels_a_meter - of_meter.get(meter, 0))
    new = set().union(*(block.channels for block in taken))
    room = sum(max(0, QUOTAS.channels_an_hour - brought.get(gateway, 0)) for gateway in (1, 2))
    assert len(new) <= room


@given(brought=USED, of_meter=USED, meters=st.lists(st.integers(1, 3), max_size=5))
def test_a_block_of_known_channels_is_never_over(
    brought: dict[int, int], of_meter: dict[int, int], meters: list[int]
) -> None:
    blocks = [Wanted(1, meter, frozenset()) for meter in meters]
    assert not any(over_channels(blocks, brought, of_meter, QUOTAS))


def test_a_channel_that_was_granted_is_not_new_again() -> None:
    block = Wanted(1, 1, frozenset(range(6)))
    assert over_channels([block] * 9, {}, {}, QUOTAS) == [False] * 9


def test_a_flag_ends_when_an_hour_stayed_below_half() -> None:
    used = {NOON: 11, NOON + HOUR: 6, NOON + 2 * HOUR: 5, NOON + 3 * HOUR: 5}
    told, heard = False, []
    for minutes in range(0, 241, 30):
        now = NOON + timedelta(minutes=minutes)
        told = is_exceeded({k: v for k, v in used.items() if k <= now}, 10, now, told=told)
        heard.append(told)
    assert heard == [True] * 6 + [False] * 3


@given(
    used=st.dictionaries(st.integers(-3, 0), st.integers(0, 20)),
    limit=st.integers(0, 10),
    minutes=st.integers(0, 59),
)
def test_a_flag_that_is_up_stays_up_longer(used: dict[int, int], limit: int, minutes: int) -> None:
    now = NOON + timedelta(minutes=minutes)
    by_hour = {hour_of(now) + number * HOUR: count for number, count in used.items()}
    if is_exceeded(by_hour, limit, now, told=False):
        assert is_exceeded(by_hour, limit, now, told=True)
