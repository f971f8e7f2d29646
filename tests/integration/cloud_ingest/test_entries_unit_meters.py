# SPDX-License-Identifier: MIT
"""What a list says of meters, in the store: versions, parents, sources of an earlier time."""

from datetime import timedelta
from decimal import Decimal

import pytest

from cloud_ingest.core.unit_list import COLUMNS
from cloud_ingest.core.unit_meter import Rating
from cloud_ingest.entries.epochs import add_epoch
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.unit_import import Imported, import_units
from cloud_ingest.errors import EpochRefused, ImportRefused
from cloud_ingest.store.ratings import MeterVersion, meter_versions
from shared_schema.catalogue import Service
from tests.support.store import IMPORTED_AT, SOCIETY, Site, local, unit_line

DAY = timedelta(days=1)
CEILINGS = "SELECT phases, max_current_a, invalid_bits FROM meter"


def import_with(site: Site, columns: str, *lines: str, days: int = 0) -> Imported:
    path = site.folder / "units.csv"
    header = ",".join((*COLUMNS, columns))
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return import_units(site.conn, SOCIETY, path, now=IMPORTED_AT + days * DAY)


def versions(site: Site) -> list[MeterVersion]:
    society_id = site.one("SELECT society_id FROM society")
    return meter_versions(site.conn, society_id)


def test_a_new_seal_is_a_version_from_its_day_on(site: Site) -> None:
    columns, line = "seal,meter_from,phases", unit_line("A-1", "1")
    assert import_with(site, columns, f"{line},S1,,3") == Imported(1, 0, 0)
    for _ in range(2):
        import_with(site, columns, f"{line},S2,2026-03-01,", days=1)
    first, second = versions(site)
    assert (first.rating, first.since) == (Rating(phases=3, seal="S1"), None)
    assert (second.rating, second.since) == (Rating(phases=3, seal="S2"), local("2026-03-01 00:00"))
    assert first.superseded_at is None


def test_a_correction_supersedes_what_was_said(site: Site) -> None:
    line = unit_line("A-1", "1")
    import_with(site, "seal", f"{line},S1")
    assert import_with(site, "seal", f"{line},S7", days=1) == Imported(0, 1, 0)
    assert import_with(site, "seal", f"{line},", days=2) == Imported(0, 0, 1)
    first, second = versions(site)
    assert first.superseded_at == second.recorded_at == IMPORTED_AT + DAY
    assert (first.rating.seal, second.rating.seal) == ("S1", "S7")
    assert second.author == "unit management"


def test_the_judges_get_the_widest_ceiling_of_all_times(site: Site) -> None:
    columns, line = "max_current_a,invalid_bits,meter_from", unit_line("A-1", "1")
    import_with(site, columns, f"{line},100,0,")
    import_with(site, columns, f"{line},60,1,2026-03-01")
    assert site.one(CEILINGS) == (None, Decimal(100), 2)


def test_a_parent_is_kept_and_shown(site: Site) -> None:
    bulk = unit_line("Main", "8", kind="bulk")
    import_with(site, "parent", f"{bulk},", f"{unit_line('A-1', '1')},Main")
    assert site.all("SELECT parent FROM assignment ORDER BY 1") == [("Main",), (None,)]
    with pytest.raises(ImportRefused) as caught:
        import_with(site, "parent", f"{unit_line('A-1', '1')},Mian", f"{bulk},")
    assert "did you mean 'Main'?" in caught.value.lines[0]


def test_transformers_without_a_side_are_refused(site: Site) -> None:
    line = unit_line("Lift", "1", kind="common")
    with pytest.raises(ImportRefused) as caught:
        import_with(site, "ct_ratio", f"{line},200/5")
    assert "line 2: meter LNT 1: its transformers have the ratio 40" in caught.value.lines[0]
    assert import_with(site, "ct_ratio,counts", f"{line},200/5,primary") == Imported(1, 0, 0)


def test_a_source_of_an_earlier_time_stays(site: Site) -> None:
    line = unit_line("A-1", "1", service="water", source="inlet")
    with pytest.raises(ImportRefused) as caught:
        site.units(line)
    (said,) = caught.value.lines
    assert said == "line 2: source 'inlet' is none of water: did you mean 'inlet-1'?"
    site.units(line.replace("inlet", "inlet-1"))
    site.conn.execute("UPDATE assignment_version SET source = 'inlet'")
    assert site.units(line) == Imported(
        0, 0, 1, remarks=(f"{said}; it stays, for it was imported before",)
    )


def test_a_rollover_is_advised_by_the_digits(site: Site) -> None:
    import_with(site, "register_digits", f"{unit_line('A-1', '1')},5")
    turn = local("2026-07-10 00:00")
    site.deliver("1", [(turn - DAY, 99_998_000), (turn, 1_000), (turn + DAY, 2_000)])
    with pytest.raises(EpochRefused, match="5 digits, so that a rollover adds 100000 kWh"):
        add_epoch(
            site.conn,
            SOCIETY,
            NamedMeter("A-1", Service.ELECTRICITY),
            starts_at=turn,
            adds=Decimal(1000),
            reason="rollover",
            by="me",
            now=turn + 2 * DAY,
        )
