# SPDX-License-Identifier: MIT
"""What a resident's reading may claim: one moment of one dial, and no edit's place."""

from datetime import timedelta
from decimal import Decimal

import pytest

from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.entries.self_read_look import Sent
from cloud_ingest.entries.self_read_submit import Sender, submit
from cloud_ingest.errors import SelfReadRefused, SubmissionRefused
from cloud_ingest.month.close import close_month
from cloud_ingest.store.self_read_submissions import Submission
from tests.support.self_read import (
    ELECTRICITY,
    END,
    LEGACY,
    NOW,
    approve,
    kinds,
    photo,
    read_flat,
    readings,
    send,
    society_id,
)
from tests.support.store import SOCIETY, Site


@pytest.fixture
def flat(site: Site) -> Site:
    return read_flat(site)


def test_the_same_again_brings_the_photo_that_was_missing(flat: Site) -> None:
    bare = send(flat, "4890", client_id="client-0001")
    sent = send(flat, "4890", client_id="client-0001", photo=photo())
    assert (sent.receipt, sent.has_picture) == (bare.receipt, True)
    assert readings(flat) == 3


def test_the_same_of_another_meter_is_refused(site: Site) -> None:
    site.units(
        "Tower 1,unit,C-0304,electricity,grid,LNT,1,yes,2026-06-01,",
        "Tower 1,unit,C-0304,electricity,generator,LNT,2,yes,2026-06-01,",
    )

    def of(source: str) -> Submission:
        named = NamedMeter("C-0304", ELECTRICITY, source)
        return submit(
            site.conn,
            society_id(site),
            Sent(named, "client-0001", "100", END),
            Sender("resident of C-0304"),
            NOW,
        )

    assert of("grid").source == "grid"
    with pytest.raises(SubmissionRefused, match="was 100 before, of grid"):
        of("generator")


def test_a_dial_that_leaves_too_much_for_later_waits(site: Site) -> None:
    site.units(*LEGACY)
    approve(site, send(site, "4711"))
    sent = send(site, "0071", END - timedelta(days=1))
    assert (sent.decision, kinds(sent)[0]) == (None, "too_little")


def test_an_edit_stands_before_what_a_manager_approves(flat: Site) -> None:
    send(flat, "4890")
    sent = send(flat, "4891")
    self_read(
        flat.conn,
        SOCIETY,
        NamedMeter("C-0304", ELECTRICITY),
        value=Decimal(4880),
        at=END,
        by="treasurer",
        now=NOW,
        force_because="looked at it",
    )
    with pytest.raises(SelfReadRefused, match=r"4880\.000 kWh, has a better claim and stays"):
        approve(flat, sent)


def test_no_approval_moves_a_dial_to_another_meter(site: Site) -> None:
    site.units("Tower 1,unit,C-0304,electricity,grid,LNT,1,yes,2026-06-01,")
    sent = send(site, "4711")
    site.units(
        "Tower 1,unit,C-0304,electricity,grid,LNT,1,yes,2026-06-01,2026-07-20 00:00",
        "Tower 1,unit,C-0304,electricity,grid,LNT,2,yes,2026-07-20 00:00,",
        now=NOW,
    )
    with pytest.raises(SubmissionRefused, match="it was LNT 2 that hung there"):
        approve(site, sent)
    assert readings(site) == 0


def test_of_two_self_reads_the_approved_one_counts(flat: Site) -> None:
    send(flat, "4890")
    approve(flat, send(flat, "4891"))
    (number,) = close_month(flat.conn, SOCIETY, "2026-07", NOW + timedelta(days=3)).numbers
    assert number.quantity == Decimal("179.7")
