# SPDX-License-Identifier: MIT
"""Whatever the description of the API allows, and what it does not, is answered and is no fault."""

import contextlib
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok

from cloud_ingest.store.connection import connect
from tests.support.api import Api
from tests.support.every_route import known_names
from tests.support.two_societies import furnish

EXAMPLES = 4
"""Of each route, and of each of its two ways: as described, and not."""


def test_no_request_is_a_fault(plain_store_dsn: str, tmp_path: Path) -> None:
    with connect(plain_store_dsn) as conn:
        own = furnish(conn, tmp_path, "Qaa")
        api = Api(conn, plain_store_dsn)
        names, token = known_names(own), api.token(society=own.society)
        schema = schemathesis.openapi.from_dict(api.ask("/openapi.json").json())
        seen: set[int] = set()
        for each in schema.get_all_operations():
            assert isinstance(each, Ok)
            for mode in GenerationMode:
                seen |= _answers(api, token, each.ok(), names, mode)
        api.close()
    assert {200, 404, 409, 422} <= seen
    assert max(seen) < 500


def _answers(
    api: Api,
    token: dict[str, str],
    operation: Any,
    names: dict[str, str],
    mode: Any,
) -> set[int]:
    """Return the status of each answer of a route."""
    seen: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode), st.booleans())
    def ask(case: Case[Any], real: bool) -> None:
        if real:
            for places in (case.path_parameters, case.query):
                for name in set(places) & set(names):
                    places[name] = names[name]
        api.resources.rates._used.clear()
        sent = case.as_transport_kwargs(base_url="http://testserver")
        sent["headers"] = {**dict(sent["headers"]), **token}
        sent.pop("cookies", None)
        if isinstance(sent.get("data"), bytes):
            sent["content"] = sent.pop("data")
        answer = api.client.request(**sent)
        assert answer.status_code < 500, (sent, answer.text)
        seen.add(answer.status_code)

    with contextlib.suppress(Unsatisfiable):  # nothing of it can be asked wrongly
        ask()
    return seen
