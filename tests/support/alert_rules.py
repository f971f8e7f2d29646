# SPDX-License-Identifier: MIT
"""The files of monitoring as values: alert rules, the panels of the dashboard."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = PROMETHEUS / "rules.yml"
CONFIG = PROMETHEUS / "prometheus.yml"
PROVISIONING = ROOT / "deploy" / "grafana" / "provisioning"
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "metering.json"
RUNBOOK = ROOT / "docs" / "runbook"
METRIC = re.compile(r"\b(up|(?:metering|process)_[a-z_]+)\b(\{[^}]*\})?")


@dataclass(frozen=True)
class Alert:
    """One alert rule."""

    name: str
    expr: str
    severity: str
    annotations: dict[str, str]

    @property
    def page(self) -> Path:
        """Its page of the runbook."""
        words = re.sub(r"(?<!^)(?=[A-Z])", "-", self.name.removeprefix("Metering")).lower()
        return RUNBOOK / f"{words}.md"


@cache
def alerts() -> tuple[Alert, ...]:
    """Return every alert of the rules."""
    return tuple(
        Alert(rule["alert"], rule["expr"], rule["labels"]["severity"], rule["annotations"])
        for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    )


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    found: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return found


def panel_queries() -> list[tuple[str, str]]:
    """Return the title of each panel with each of its queries, for all societies."""
    return [
        (panel["title"], target["expr"].replace("$society", ".*"))
        for panel in dashboard()["panels"]
        for target in panel.get("targets", ())
    ]


def metrics_of(expr: str) -> Iterator[tuple[str, set[str]]]:
    """Yield each metric that a query names, with the labels that it selects by."""
    for name, selector in METRIC.findall(expr):
        labels = set(re.findall(r"([a-z_]+)\s*(?:=~|!=|=)", selector))
        yield re.sub(r"_bucket$", "", name), labels
