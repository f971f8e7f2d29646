# SPDX-License-Identifier: MIT
"""Personal links: for one unit, for a time, and never to be guessed or found in the store."""

from datetime import timedelta

import pytest

from cloud_ingest.entries.self_read_links import (
    MOST_WRONG,
    MadeLink,
    make_link,
    open_link,
    revoke_links,
)
from cloud_ingest.errors import LinkRefused, NotFound, SelfReadRefused, UserError
from shared_schema.catalogue import Service
from tests.support.store import SOCIETY, Site, local

NOW = local("2026-08-01 09:00")


@pytest.fixture
def flat(site: Site) -> Site:
    site.units("Tower 1,unit,C-0304,electricity,grid,,,yes,2026-06-01,")
    return site


def made(site: Site, service: Service | None = None, days: int = 14) -> MadeLink:
    return make_link(site.conn, SOCIETY, "C-0304", service, days=days, by="manager", now=NOW)


def wrong(link: MadeLink) -> str:
    last = "a" if link.text[-1] != "a" else "b"
    return link.text[:-1] + last


def test_a_link_opens_its_unit(flat: Site) -> None:
    link = open_link(flat.conn, made(flat, Service.ELECTRICITY).text, NOW)
    assert (link.society, link.subject, link.service) == (SOCIETY, "C-0304", Service.ELECTRICITY)


def test_the_store_has_no_secret(flat: Site) -> None:
    link = made(flat)
    kept = str(flat.all("SELECT to_jsonb(l) FROM self_read_link l"))
    assert link.text.partition(".")[2] not in kept
    assert link.text not in repr(link)


def test_an_address_holds_the_secret_behind_the_hash(flat: Site) -> None:
    link = made(flat)
    assert link.address("https://m.example/") == f"https://m.example/self-read#{link.text}"


@pytest.mark.parametrize("text", ["", "nonsense", "aaaaaaaa." + "a" * 32, "a" * 5000, "ä.ö"])
def test_what_is_no_link_opens_nothing(flat: Site, text: str) -> None:
    with pytest.raises(LinkRefused, match="opens nothing"):
        open_link(flat.conn, text, NOW)


def test_a_link_ends_by_its_date(flat: Site) -> None:
    link = made(flat, days=2)
    open_link(flat.conn, link.text, NOW + timedelta(days=2, seconds=-1))
    with pytest.raises(LinkRefused, match="opens nothing"):
        open_link(flat.conn, link.text, NOW + timedelta(days=2))


def test_a_revoked_link_opens_nothing(flat: Site) -> None:
    links = [made(flat), made(flat)]
    ended = revoke_links(
        flat.conn, SOCIETY, "C-0304", by="manager", reason="the tenant moved", now=NOW
    )
    assert ended == 2
    for link in links:
        with pytest.raises(LinkRefused, match="opens nothing"):
            open_link(flat.conn, link.text, NOW)
    with pytest.raises(NotFound, match="no link of 'C-0304' opens anything now"):
        revoke_links(flat.conn, SOCIETY, "C-0304", by="manager", reason="again", now=NOW)


def test_wrong_secrets_close_a_link_for_an_hour(flat: Site) -> None:
    link = made(flat)
    for _ in range(MOST_WRONG):
        with pytest.raises(LinkRefused, match="opens nothing"):
            open_link(flat.conn, wrong(link), NOW)
    with pytest.raises(LinkRefused, match="tried too often"):
        open_link(flat.conn, link.text, NOW)
    assert open_link(flat.conn, link.text, NOW + timedelta(hours=1)).subject == "C-0304"


def test_a_link_wants_a_meter_and_an_end(flat: Site) -> None:
    with pytest.raises(SelfReadRefused, match="no unit 'C-0304' has water"):
        made(flat, Service.WATER)
    with pytest.raises(UserError, match="1 to 400 days"):
        made(flat, days=401)
    with pytest.raises(NotFound, match="no meter serves 'X-1' now"):
        make_link(flat.conn, SOCIETY, "X-1", None, days=3, by="manager", now=NOW)
