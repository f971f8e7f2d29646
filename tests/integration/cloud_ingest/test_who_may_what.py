# SPDX-License-Identifier: MIT
"""Who may ask for what: every page and every route of the API, with every role and every scope.

The tables say it once more, beside the program: a route that is not in them fails the first test.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest

from cloud_ingest.api.app import make_app
from cloud_ingest.core.api_token import Scope
from cloud_ingest.core.role import RIGHTS, Right, Role
from cloud_ingest.store.connection import Connection, connect
from tests.support.api import Api
from tests.support.every_route import FORMS, Question, leaks, question, routes_of
from tests.support.issuer import nobody_at
from tests.support.two_societies import Furnished, furnish, kept_of
from tests.support.web import Visiting, Web

OPEN: Final = None
"""For everybody."""
LINK: Final = "link"
"""For whoever has a resident's personal link."""
ANYONE: Final = tuple(Right)
"""For everybody who is signed in."""

PAGES: Final[dict[str, tuple[Right, ...] | None]] = {
    "GET /": ANYONE,
    "GET /choices": OPEN,
    "GET /flags": (Right.FLAGS_SEE, Right.OWN_UNIT),
    "GET /flags/{flag_id}": (Right.FLAGS_SEE, Right.OWN_UNIT),
    "POST /flags/{flag_id}/acknowledge": (Right.FLAGS_ATTEND,),
    "POST /flags/{flag_id}/hand": (Right.FLAGS_ATTEND,),
    "POST /flags/{flag_id}/mute": (Right.FLAGS_ATTEND,),
    "POST /flags/{flag_id}/unmute": (Right.FLAGS_ATTEND,),
    "GET /healthz": OPEN,
    "GET /health": (Right.HEALTH_SEE,),
    "GET /health/gateway": (Right.HEALTH_SEE,),
    "GET /health/meter": (Right.HEALTH_SEE,),
    "GET /login": OPEN,
    "GET /login/openid": OPEN,
    "GET /login/openid/back": OPEN,
    "POST /login": OPEN,
    "POST /logout": ANYONE,
    "GET /queue": (Right.SELF_READS_DECIDE,),
    "GET /queue/links": (Right.SELF_READS_DECIDE,),
    "GET /queue/photo": (Right.SELF_READS_DECIDE,),
    "POST /queue/decide": (Right.SELF_READS_DECIDE,),
    "POST /queue/links/make": (Right.SELF_READS_DECIDE,),
    "POST /queue/links/revoke": (Right.SELF_READS_DECIDE,),
    "POST /queue/links/sheet": (Right.SELF_READS_DECIDE,),
    "GET /self-read": OPEN,
    "GET /self-read/check": OPEN,
    "GET /self-read/receipt": OPEN,
    "POST /self-read/leave": OPEN,
    "POST /self-read/link": OPEN,
    "POST /self-read/photo": OPEN,
    "POST /self-read/send": OPEN,
    "GET /static/{digest}/{name:path}": OPEN,
    "GET /account": ANYONE,
    "POST /account/role": ANYONE,
    "POST /account/password": ANYONE,
    "POST /account/sessions": ANYONE,
    "POST /account/openid": ANYONE,
    "POST /account/openid/end": ANYONE,
    "GET /join": OPEN,
    "POST /join": OPEN,
    "POST /join/own": OPEN,
    "GET /people": (Right.PEOPLE_MANAGE,),
    "GET /people/audit": (Right.AUDIT_SEE,),
    "POST /people/invite": (Right.PEOPLE_MANAGE,),
    "POST /people/withdraw": (Right.PEOPLE_MANAGE,),
    "POST /people/end": (Right.PEOPLE_MANAGE,),
    "GET /tokens": (Right.PEOPLE_MANAGE,),
    "POST /tokens/make": (Right.PEOPLE_MANAGE,),
    "POST /tokens/end": (Right.PEOPLE_MANAGE,),
    "GET /account/data": ANYONE,
    "GET /account/erase": ANYONE,
    "POST /account/erase": ANYONE,
    "GET /month": (Right.MONTH_SEE,),
    "GET /month/sent": (Right.MONTH_SEE,),
    "GET /month/changes": (Right.MONTH_SEE,),
    "GET /month/approve": (Right.MONTH_APPROVE,),
    "POST /month/approve": (Right.MONTH_APPROVE,),
    "POST /month/reopen": (Right.MONTH_APPROVE,),
    "GET /month/file": (Right.MONTH_EXPORT,),
    "GET /unit": (Right.UNIT_SEE, Right.OWN_UNIT),
    "GET /check": OPEN,
    "GET /unit/origin": (Right.UNIT_SEE, Right.OWN_UNIT),
    "GET /unit/proof": (Right.UNIT_SEE, Right.OWN_UNIT),
    "GET /unit/file": (Right.UNIT_SEE, Right.OWN_UNIT),
    "GET /unit/witness": (Right.WITNESS_WRITE,),
    "POST /unit/witness": (Right.WITNESS_WRITE,),
    "POST /unit/valve": (Right.WITNESS_WRITE,),
    "GET /unit/curve": (Right.CURVE_OPEN, Right.OWN_UNIT),
    "POST /unit/curve": (Right.CURVE_OPEN, Right.OWN_UNIT),
    "GET /unit/looked": (Right.PEOPLE_MANAGE, Right.OWN_UNIT),
    "GET /unit/search": (Right.UNIT_SEE,),
    "GET /towers": (Right.TOWERS_SEE,),
    "GET /towers/days": (Right.TOWERS_SEE,),
}
API: Final[dict[str, Scope | str | None]] = {
    "GET /healthz": OPEN,
    "GET /openapi.json": OPEN,
    "GET /self-read": LINK,
    "POST /self-read/readings": LINK,
    "GET /self-read/readings/{receipt}": LINK,
    "PUT /self-read/readings/{receipt}/photo": LINK,
    "GET /v1/billing/resend": Scope.BILLING_READ,
    "GET /v1/billing/{month}": Scope.BILLING_READ,
    "POST /v1/billing/acks": Scope.BILLING_READ,
    "POST /v1/billing/resend": Scope.BILLING_READ,
    "GET /v1/events": Scope.EVENTS_READ,
    "GET /v1/events/{flag}": Scope.EVENTS_READ,
    "POST /v1/events/{flag}/acknowledge": Scope.EVENTS_WRITE,
    "POST /v1/events/{flag}/hand": Scope.EVENTS_WRITE,
    "POST /v1/events/{flag}/mute": Scope.EVENTS_WRITE,
    "POST /v1/events/{flag}/unmute": Scope.EVENTS_WRITE,
    "GET /v1/gateways": Scope.HEALTH_READ,
    "GET /v1/gateways/{gateway}": Scope.HEALTH_READ,
    "GET /v1/months/{month}": Scope.MONTHS_READ,
    "GET /v1/months/{month}/balances": Scope.MONTHS_READ,
    "GET /v1/months/{month}/sent": Scope.MONTHS_READ,
    "GET /v1/months/{month}/changes": Scope.MONTHS_READ,
    "GET /v1/months/{month}/files/{form}": Scope.MONTHS_READ,
    "GET /v1/months/{month}/towers": Scope.MONTHS_READ,
    "GET /v1/months/{month}/status": Scope.MONTHS_READ,
    "GET /v1/months/{month}/units/{unit:path}/files/{form}": Scope.MONTHS_READ,
    "GET /v1/months/{month}/approval": Scope.MONTHS_APPROVE,
    "POST /v1/months/{month}/approval": Scope.MONTHS_APPROVE,
    "POST /v1/months/{month}/reopening": Scope.MONTHS_APPROVE,
    "GET /v1/months/{month}/units/{unit:path}/comparisons": Scope.USAGE_READ,
    "GET /v1/months/{month}/units/{unit:path}/days": Scope.USAGE_READ,
    "GET /v1/months/{month}/units/{unit:path}/origin": Scope.USAGE_READ,
    "GET /v1/registers": Scope.USAGE_READ,
    "GET /v1/self-reads": Scope.SELF_READS_DECIDE,
    "GET /v1/self-reads/{receipt}/photo": Scope.SELF_READS_DECIDE,
    "POST /v1/self-reads/{receipt}/decision": Scope.SELF_READS_DECIDE,
    "GET /v1/self-reads/asked": Scope.SELF_READS_WRITE,
    "GET /v1/self-reads/{receipt}": Scope.SELF_READS_WRITE,
    "POST /v1/self-reads": Scope.SELF_READS_WRITE,
    "PUT /v1/self-reads/{receipt}/photo": Scope.SELF_READS_WRITE,
    "GET /v1/witness-reads": Scope.MONTHS_READ,
    "GET /v1/units/{unit:path}/curve": Scope.CURVES_READ,
    "GET /v1/units/{unit:path}/looks": Scope.CURVES_READ,
    "GET /v1/units": Scope.UNITS_WRITE,
    "POST /v1/units/apply": Scope.UNITS_WRITE,
    "POST /v1/units/preview": Scope.UNITS_WRITE,
}
TO_SIGN_IN: Final = "/login?next="


@dataclass(frozen=True, slots=True)
class Place:
    """Two societies, asked by pages and by the API."""

    conn: Connection
    web: Web
    api: Api
    ours: Furnished
    theirs: Furnished

    def visit(self, browser: Visiting, asked: Question) -> Any:
        """Open a page or send a form, as often as one likes."""
        self.web.resources.rates._used.clear()
        if asked.method == "GET":
            return browser.get(asked.address)
        return browser.post(asked.address, **asked.query)

    def ask(self, token: dict[str, str], asked: Question) -> Any:
        """Ask the API, as often as one likes."""
        self.api.resources.rates._used.clear()
        more: dict[str, Any] = {} if asked.method == "GET" else {"json": {}}
        return self.api.ask(asked.address, token, asked.method, **more)


@pytest.fixture
def place(plain_store_dsn: str, tmp_path: Path) -> Iterator[Place]:
    """Two societies that have the same, called otherwise."""
    with connect(plain_store_dsn) as conn:
        ours = furnish(conn, tmp_path, "Qaatal")
        theirs = furnish(conn, tmp_path, "Zbbvan", step=13)
        web = Web(
            conn, plain_store_dsn, public_url="http://127.0.0.1:8081", oidc=nobody_at(tmp_path)
        )
        found = Place(conn, web, Api(conn, plain_store_dsn), ours, theirs)
        yield found
        found.web.close()
        found.api.close()


def test_each_route_is_in_its_table(place: Place) -> None:
    """Add a route's row above, with who may use it."""
    assert {" ".join(each) for each in routes_of(place.web.app)} == set(PAGES)
    assert {" ".join(each) for each in routes_of(make_app(place.api.resources))} == set(API)


def test_a_role_opens_what_is_its_own(place: Place) -> None:
    wrong: list[str] = []
    for role, (named, rights) in product(Role, PAGES.items()):
        if rights is OPEN:
            continue
        unit = place.ours.unit if role is Role.RESIDENT else None
        browser = place.web.login(role, society=place.ours.society, unit=unit)
        answer = place.visit(browser, question(_route(named), place.ours))
        is_refused = answer.status_code in {401, 403} or _is_sent_to_sign_in(answer)
        if is_refused == bool(RIGHTS[role] & set(rights)) or answer.status_code >= 500:
            wrong.append(f"{named} by {role}: {answer.status_code}")
    assert wrong == []


def test_nobody_opens_nothing(place: Place) -> None:
    browser = place.web.nobody()
    for named, rights in PAGES.items():
        asked = question(_route(named), place.ours)
        answer = place.visit(browser, asked)
        if rights is not OPEN:
            assert answer.status_code == 403 or _is_sent_to_sign_in(answer), named
        assert leaks(answer, asked, _marks(place.ours)) == [], named


def test_no_page_tells_another_society(place: Place) -> None:
    before = kept_of(place.conn, place.ours)
    for role, named in product(Role, PAGES):
        lives_in = place.ours.unit if role is Role.RESIDENT else None
        browser = place.web.login(role, society=place.theirs.society, unit=lives_in)
        for form in FORMS if "file" in named else FORMS[:1]:
            asked = question(_route(named), place.ours, form=form)
            answer = place.visit(browser, asked)
            assert answer.status_code < 500, named
            assert leaks(answer, asked, _marks(place.ours)) == [], named
    assert kept_of(place.conn, place.ours) == before


def test_no_page_tells_a_resident_of_a_neighbour(place: Place) -> None:
    before = kept_of(place.conn, place.ours)
    marks = (place.ours.neighbours_mark, place.ours.neighbours_number)
    for unit, named in product((place.ours.unit, place.ours.neighbour), PAGES):
        browser = place.web.login("resident", society=place.ours.society, unit=place.ours.unit)
        for form in FORMS if "file" in named else FORMS[:1]:
            asked = question(_route(named), place.ours, unit, form)
            answer = place.visit(browser, asked)
            assert answer.status_code < 500, named
            assert leaks(answer, asked, marks) == [], named
    assert kept_of(place.conn, place.ours) == before


def test_a_scope_opens_what_is_its_own(place: Place) -> None:
    wrong: list[str] = []
    for number, (named, wanted) in enumerate(API.items()):
        own = {wanted if isinstance(wanted, Scope) else Scope.MONTHS_READ}
        for scopes, opens in ((own, True), (set(Scope) - own, False)):
            token = place.api.token(f"{number} {opens}", scopes, place.ours.society)
            answer = place.ask(token, question(_route(named), place.ours))
            is_open = wanted is OPEN or (opens and wanted is not LINK)
            if (answer.status_code in {401, 403}) == is_open or answer.status_code >= 500:
                wrong.append(f"{named} by {', '.join(scopes)}: {answer.status_code}")
    assert wrong == []


def test_no_route_tells_another_society(place: Place) -> None:
    before = kept_of(place.conn, place.ours)
    token = place.api.token(society=place.theirs.society)
    for named in API:
        for form in FORMS if "files" in named else FORMS[:1]:
            asked = question(_route(named), place.ours, form=form)
            answer = place.ask(token, asked)
            assert answer.status_code < 500, named
            assert leaks(answer, asked, _marks(place.ours)) == [], named
            nobody = place.ask({}, asked)
            assert (API[named] is OPEN) == (nobody.status_code != 401), named
    assert kept_of(place.conn, place.ours) == before


def test_what_is_sought_for_can_be_found(place: Place) -> None:
    token = place.api.token(society=place.ours.society)
    for named in ("GET /v1/months/{month}", "GET /v1/months/{month}/files/{form}"):
        for form in ("csv", "xlsx"):
            asked = question(_route(named), place.ours, form=form)
            assert leaks(place.ask(token, asked), asked, _marks(place.ours)) != []


def _route(named: str) -> tuple[str, str]:
    method, _, path = named.partition(" ")
    return method, path


def _marks(own: Furnished) -> tuple[str, ...]:
    return own.mark, own.number, own.neighbours_number


def _is_sent_to_sign_in(answer: Any) -> bool:
    return bool(answer.status_code == 303 and answer.headers["location"].startswith(TO_SIGN_IN))
