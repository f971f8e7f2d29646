# SPDX-License-Identifier: MIT
"""Prometheus's own word on the rules: they are valid, and each alert fires when it should alone."""

import re
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from cloud_ingest.service.metrics_catalogue import STORE
from tests.support.alert_rules import CONFIG, RULES, alerts, panel_queries
from tests.support.prometheus import find_program

WORKER = '{job="metering", instance="a:1"}'
OLD = "0x200"
"""A time of 1970, when the clock of these tests begins: it grows old as they go on."""


class Case(NamedTuple):
    """What makes an alert fire after a while, and what is like it and does not."""

    fires: dict[str, str]
    quiet: dict[str, str]
    after: str = "90m"
    interval: str = "1m"


def one(metric: str, fires: str, quiet: str, after: str = "90m", interval: str = "1m") -> Case:
    return Case({metric: fires}, {metric: quiet}, after, interval)


FAR = f"{400 * 86400}x200"
SOCIETY = '{society="Lake"}'
GATEWAY = '{society="Lake", gateway="gw-a"}'
LEADS = f"metering_leader{WORKER}"
LOOP = 'metering_loop_last_success_timestamp_seconds{job="metering", instance="a:1", loop="rules"}'
SILENT_H = 'metering_meters_silent{society="Lake", longer_than="1h"}'
SILENT_D = 'metering_meters_silent{society="Lake", longer_than="1d"}'
METERS = f"metering_meters{SOCIETY}"
OUTBOX = 'metering_outbox_oldest_timestamp_seconds{state="%s"}'
FAST, SLOW, ALL = (f'metering_commit_seconds_bucket{{le="{le}"}}' for le in ("5.0", "10.0", "+Inf"))

CASES = {
    "WorkerDown": one(f"up{WORKER}", "0x200", "1 1 0 1 1 0 1x200", "5m"),
    "WorkerNotReady": one(f"metering_ready{WORKER}", "0x200", "0x3 1x200", "10m"),
    "NoLeader": one(LEADS, "0x200", "0x3 1x200", "10m"),
    "DatabaseDown": one(f"metering_database_up{WORKER}", "0x200", "0 1x200", "5m"),
    "BrokerDown": one(f"metering_broker_up{WORKER}", "0x200", "0x3 1x200", "10m"),
    "LoopFailing": one('metering_loop_failing{loop="rules"}', "1x200", "1x9 0x200", "30m"),
    "LoopStuck": Case({LOOP: OLD, LEADS: "1x200"}, {LOOP: OLD, LEADS: "0x200"}),
    "IngestBehind": one(f"metering_waiting_bytes{WORKER}", "13e6x200", "11e6x200", "30m"),
    "CommitSlow": Case(
        {FAST: "0+9x200", SLOW: "0+10x200", ALL: "0+10x200"},
        {FAST: "0+10x200", SLOW: "0+10x200", ALL: "0+10x200"},
    ),
    "CertificateEnds": one(
        'metering_certificate_end_timestamp_seconds{setting="broker_cert_file"}',
        f"{10 * 86400}x200",
        FAR,
        "2h",
    ),
    "ReadingsStale": Case(
        {SILENT_H: "30x200", METERS: "100x200"}, {SILENT_H: "10x200", METERS: "100x200"}, "30m"
    ),
    "MetersSilent": Case(
        {SILENT_D: "3x200", METERS: "100x200"}, {SILENT_D: "2x200", METERS: "100x200"}, "2h"
    ),
    "DayIncomplete": one(
        f"metering_completeness_ratio{SOCIETY}", "0.97x200", "0.5x30 0.99x200", "7h", "10m"
    ),
    "QuarantineFills": one(f"metering_quarantine_entries{SOCIETY}", "101x200", "100x200"),
    "QuarantineDrops": one("metering_quarantine_dropped_total", "0x20 5x200", "5x200", "30m"),
    "GatewaySilent": one(f"metering_gateway_heard_timestamp_seconds{GATEWAY}", OLD, "0+60x200"),
    "GatewayBacklog": one(
        f"metering_gateway_oldest_waiting_timestamp_seconds{GATEWAY}", OLD, "0+600x200", "7h", "10m"
    ),
    "GatewayDiskLow": Case(
        {
            f"metering_gateway_disk_free_bytes{GATEWAY}": "9e8x200",
            f"metering_gateway_disk_bytes{GATEWAY}": "1e10x200",
        },
        {
            f"metering_gateway_disk_free_bytes{GATEWAY}": "2e9x200",
            f"metering_gateway_disk_bytes{GATEWAY}": "1e10x200",
        },
    ),
    "GatewayCertificateEnds": one(
        f"metering_gateway_certificate_end_timestamp_seconds{GATEWAY}",
        f"{10 * 86400}x200",
        FAR,
        "2h",
    ),
    "GatewayClockJumped": one(
        f"metering_gateway_clock_jump_seconds{GATEWAY}", "-90x200", "90x5 0x200", "30m"
    ),
    "GatewayClockUnsynchronised": one(
        f"metering_gateway_clock_synchronised{GATEWAY}", "0x200", "0x30 1x200", "7h", "10m"
    ),
    "OutboxStuck": one(OUTBOX % "unsent", OLD, "0+60x200"),
    "BillingSilent": one(OUTBOX % "unacknowledged", OLD, "0+600x200", "26h", "10m"),
    "WebhookStuck": one("metering_webhook_oldest_timestamp_seconds", OLD, "0+60x200"),
    "RollupLate": one("metering_rollup_oldest_timestamp_seconds", OLD, "0+60x200"),
    "MonthNotClosed": one(
        f"metering_month_open_since_timestamp_seconds{SOCIETY}", "0x200", "0x50 _x200", "130h", "1h"
    ),
    "NumbersWait": one(
        'metering_month_numbers_waiting{society="Lake", kind="held"}',
        "1x200",
        "1x50 0x200",
        "80h",
        "1h",
    ),
    "ArchiveFails": one("metering_wal_archive_failing", "1x200", "1x9 0x200"),
}


STEADY = {
    name: case
    for name, case in CASES.items()
    if all(
        re.split(r"\W", series)[0] in {family.name for family in STORE}
        and re.fullmatch(r"-?[\d.e]+x200", values)
        for series, values in case.fires.items()
    )
}
"""What the leader alone shows, and does not change."""


def minutes(after: str) -> int:
    return int(after[:-1]) * {"m": 1, "h": 60}[after[-1]]


def handed_over(case: Case) -> Case:
    """Let another worker lead five minutes before the end, and none for two of them."""
    led = minutes(case.after) - 5
    series = {}
    for name, values in case.fires.items():
        value = values.removesuffix("x200")
        for worker, shown in (
            ("a", f"{value}x{led} stale"),
            ("b", f"_x{led + 2} {value}x9"),
        ):
            metric, _, labels = name.partition("{")
            series[f'{metric}{{instance="{worker}:1"{labels and ", "}{labels or "}"}'] = shown
    return case._replace(fires=series, interval="1m")


@pytest.fixture(scope="module")
def promtool() -> Path:
    return find_program("promtool")


def run(promtool: Path, *words: object) -> None:
    ended = subprocess.run(
        [promtool, *map(str, words)], check=False, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def case_of(name: str, case: Case, *, fires: bool) -> dict[str, Any]:
    series = case.fires if fires else case.quiet
    count = f'count(ALERTS{{alertname="{name}", alertstate="firing"}})'
    samples = [{"labels": "{}", "value": 1}] if fires else []
    return {
        "name": f"{name} {'fires' if fires else 'is quiet'}",
        "interval": case.interval,
        "external_labels": {"docs": "https://here"},
        "input_series": [{"series": name, "values": text} for name, text in series.items()],
        "promql_expr_test": [{"expr": count, "eval_time": case.after, "exp_samples": samples}],
    }


def test_rules_and_example_are_valid(promtool: Path) -> None:
    run(promtool, "check", "rules", RULES)
    run(promtool, "check", "config", CONFIG)


def test_each_query_of_the_dashboard_is_valid(promtool: Path, tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": expr.replace("$__rate_interval", "5m")}
        for number, (_, expr) in enumerate(panel_queries())
    ]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    run(promtool, "check", "rules", file)


def test_each_alert_has_a_case() -> None:
    assert {f"Metering{name}" for name in CASES} == {alert.name for alert in alerts()}


@pytest.mark.parametrize("interval", sorted({case.interval for case in CASES.values()}))
def test_each_alert_fires_and_stays_quiet_when_it_should(
    interval: str, promtool: Path, tmp_path: Path
) -> None:
    tests = [
        case_of(f"Metering{name}", case, fires=fires)
        for name, case in CASES.items()
        for fires in (True, False)
        if case.interval == interval
    ]
    judge(promtool, tmp_path / "tests.yml", interval, tests)


def test_no_alert_begins_anew_when_another_worker_leads(promtool: Path, tmp_path: Path) -> None:
    tests = [
        case_of(f"Metering{name}", handed_over(case), fires=True) for name, case in STEADY.items()
    ]
    assert len(tests) == 17
    judge(promtool, tmp_path / "tests.yml", "1m", tests)


def judge(promtool: Path, file: Path, interval: str, tests: list[dict[str, Any]]) -> None:
    told = {"rule_files": [str(RULES)], "evaluation_interval": interval, "tests": tests}
    file.write_text(yaml.safe_dump(told))
    run(promtool, "test", "rules", file)
