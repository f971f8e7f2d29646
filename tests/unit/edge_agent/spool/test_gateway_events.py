# SPDX-License-Identifier: GPL-2.0-only
"""No flood, and nothing hidden: what is not noted is counted, a state ends as it stands."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.spool.gateway_events import DAY_S, MOST_A_DAY, OVER, Observer
from edge_agent.spool.spool import Spool
from shared_schema.catalogue import GatewayEvent
from shared_schema.message import MeterId
from shared_schema.readings import Observation
from shared_schema.signing import generate_key
from tests.support.observed import observations

KEY = generate_key()
START = 1_773_124_200
E1 = MeterId(manufacturer="GSE", serial="E1")
FAR = GatewayEvent.CLOCK_FAR_OFF
steps = st.lists(
    st.tuples(
        st.integers(-3600, DAY_S // 4),
        st.sampled_from([GatewayEvent.CLOCK_JUMPED, GatewayEvent.CLOCK_SET, FAR]),
    ),
    max_size=40,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=steps)
def test_what_is_seen_is_noted_or_counted(steps: list[tuple[int, GatewayEvent]]) -> None:
    with tempfile.TemporaryDirectory() as folder, Spool.open(Path(folder) / "spool.db") as spool:
        at, is_far = START, False
        seen = {GatewayEvent.CLOCK_JUMPED: 0, GatewayEvent.CLOCK_SET: 0}
        for gap_s, kind in [*steps, (2 * DAY_S, GatewayEvent.CLOCK_JUMPED), (0, FAR)]:
            at += gap_s
            observer = Observer(spool)  # as after a restart
            if kind is FAR:
                is_far = not is_far
                if is_far == (FAR in observer.lasting(E1)):
                    continue
                code = FAR if is_far else OVER[FAR]
            else:
                code = kind
                seen[kind] += 1
            observer.note(E1, [Observation(ts=at, code=code)])
        found = observations(spool, KEY)
        assert (FAR in Observer(spool).lasting(E1)) == is_far
    jumps = [each for each in found if each.code == GatewayEvent.CLOCK_JUMPED]
    sets = [each for each in found if each.code == GatewayEvent.CLOCK_SET]
    states = [each.code for each in found if each.code not in seen]
    assert len(jumps) + sum(each.left_out for each in jumps) == seen[GatewayEvent.CLOCK_JUMPED]
    assert len(sets) == seen[GatewayEvent.CLOCK_SET]
    assert states == [FAR, OVER[FAR]] * (len(states) // 2) + [FAR] * (len(states) % 2)
    if all(gap_s >= 0 for gap_s, _ in steps):  # in each day that begins with a first
        for first in range(len(jumps) - 2 * MOST_A_DAY):
            assert jumps[first + 2 * MOST_A_DAY].ts - jumps[first].ts >= DAY_S
