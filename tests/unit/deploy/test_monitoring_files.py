# SPDX-License-Identifier: MIT
"""Alert rules, runbook and dashboard name what is there, and each other."""

import re
from itertools import combinations, pairwise

import pytest
import yaml

from cloud_ingest.service.metrics_catalogue import CATALOGUE
from tests.support.alert_rules import (
    CONFIG,
    PROVISIONING,
    ROOT,
    RULES,
    RUNBOOK,
    Alert,
    alerts,
    dashboard,
    metrics_of,
    panel_queries,
)

OF_PROMETHEUS = {"up", "process_resident_memory_bytes"}
OF_EACH_SERIES = {"job", "instance", "le"}
LABEL = re.compile(r"\$labels\.([a-z_]+)")


def unknown(expr: str) -> list[str]:
    """Return the metrics and labels of a query that no worker shows."""
    found: list[str] = []
    for name, labels in metrics_of(expr):
        if name in OF_PROMETHEUS:
            continue
        if name not in CATALOGUE:
            found.append(name)
        else:
            found += [f"{name}{{{each}}}" for each in labels - {*CATALOGUE[name].labels}]
    return found


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
def test_an_alert_is_on_metrics_that_workers_show(alert: Alert) -> None:
    assert list(metrics_of(alert.expr))
    assert unknown(alert.expr) == []


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
def test_an_alert_says_what_it_is_and_leads_to_its_page(alert: Alert) -> None:
    assert set(alert.annotations) == {"summary", "description", "runbook_url"}
    assert alert.severity in {"critical", "warning"}
    assert alert.annotations["runbook_url"] == (
        f"{{{{ $externalLabels.docs }}}}/runbook/{alert.page.stem}.html"
    )
    page = alert.page.read_text(encoding="utf-8")
    assert f"Alert `{alert.name}`." in page
    for part in ("**Who is hurt.**", "## Look", "| cause | mend it |", "**Call** "):
        assert page.count(part) == 1


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
def test_a_summary_names_only_labels_that_the_alert_has(alert: Alert) -> None:
    had = OF_EACH_SERIES.union(
        *(CATALOGUE[name].labels for name, _ in metrics_of(alert.expr) if name in CATALOGUE)
    )
    named = {label for text in alert.annotations.values() for label in LABEL.findall(text)}
    assert named <= had


def test_each_page_of_the_runbook_has_its_alert() -> None:
    pages = {path for path in RUNBOOK.glob("*.md") if path.stem != "index"}
    assert pages == {alert.page for alert in alerts()}
    listed = re.findall(r"^\| `(\w+)` \| (\w+) ", (RUNBOOK / "index.md").read_text(), re.MULTILINE)
    assert listed == [(alert.name, alert.severity) for alert in alerts()]


@pytest.mark.parametrize(("title", "expr"), panel_queries())
def test_a_panel_is_on_metrics_that_workers_show(title: str, expr: str) -> None:
    assert title
    assert list(metrics_of(expr))
    assert unknown(expr) == []


def test_every_metric_of_the_store_is_looked_at() -> None:
    """What is read from the database each minute is for a panel or an alert."""
    told = {name for _, expr in panel_queries() for name, _ in metrics_of(expr)}
    told |= {name for alert in alerts() for name, _ in metrics_of(alert.expr)}
    unseen = {"metering_build_info", "metering_published_total", "metering_quarantine_bytes"}
    assert set(CATALOGUE) - told <= unseen | {"metering_wal_archived_timestamp_seconds"}


def test_the_job_of_the_example_is_that_of_the_rules() -> None:
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    assert config["rule_files"] == [RULES.name]
    (scraped,) = config["scrape_configs"]
    assert f'up{{job="{scraped["job_name"]}"}}' in RULES.read_text(encoding="utf-8")
    assert "docs" in config["global"]["external_labels"]


def test_what_is_asked_of_a_worker_is_where_its_unit_answers() -> None:
    unit = (ROOT / "deploy" / "systemd" / "cloud-ingest@.service").read_text(encoding="utf-8")
    (address,) = re.findall(r"IOT_UTILITY_METRICS_ADDRESS=(\S+)%i", unit)
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    (scraped,) = config["scrape_configs"]
    assert scraped["static_configs"] == [{"targets": [f"{address}1", f"{address}2"]}]
    asked = [re.findall(r"http://(\S+)/readyz", page.read_text()) for page in RUNBOOK.glob("*.md")]
    assert {each for found in asked for each in found} == {f"{address}1"}


def test_the_containers_get_the_files_that_are_here() -> None:
    folder = ROOT / "deploy" / "compose"
    services = yaml.safe_load((folder / "compose.yaml").read_text(encoding="utf-8"))["services"]
    mounts = dict(
        mount.split(":")[:2]
        for name in ("prometheus", "grafana")
        for mount in services[name]["volumes"]
        if mount.startswith(".")
    )
    assert [each for each in mounts if not (folder / each).exists()] == []
    assert mounts["../prometheus/rules.yml"] == "/etc/prometheus/rules.yml"
    provider = PROVISIONING / "dashboards" / "metering.yml"
    (shown,) = yaml.safe_load(provider.read_text(encoding="utf-8"))["providers"]
    assert mounts["../grafana/dashboards"] == shown["options"]["path"]


def test_panels_stand_beside_each_other_and_have_numbers_of_their_own() -> None:
    panels = dashboard()["panels"]
    assert all(one["id"] < other["id"] for one, other in pairwise(panels))
    places = [panel["gridPos"] for panel in panels]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above


def test_each_query_of_a_panel_asks_the_chosen_prometheus() -> None:
    for panel in dashboard()["panels"]:
        targets = panel.get("targets", [])
        assert len({target["refId"] for target in targets}) == len(targets)
        for target in targets:
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
