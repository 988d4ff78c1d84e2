"""Alert rules, the dashboard and the page about both speak of metrics that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.core import Metric

from db.metrics import OpenTasks
from tests.unit.web_requests import application
from web.metricfamilies import Rung, Stored, families
from web.metrics import metrics_of
from workers.budget import Left
from workers.queue import QueueDepth

ROOT = Path(__file__).parent.parent.parent
_NAME = re.compile(r"\bcrypto_quotes_\w+")
_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
_FULL = Stored(
    counters={},
    jobs={},
    tasks={"fetch": OpenTasks(1, 1, 1, 1.0)},
    dead_letters={},
    workers=1,
    coins=1,
    ages={"csv": 1.0},
    resting=frozenset(),
)
_RUNG = Rung({"fetch": QueueDepth(1, 1, 0, 0)}, {"coingecko": Left(10, 10)})


def _given() -> list[Metric]:
    return [*families(_FULL, _RUNG), *metrics_of(application()).traffic.registry.collect()]


def _series() -> set[str]:
    return {metric.name + suffix for metric in _given() for suffix in _SUFFIXES[metric.type]}


def _expressions() -> Iterator[Any]:
    for group in yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]:
        for rule in group["rules"]:
            assert set(rule["annotations"]) == {"summary", "description"}
            yield pytest.param(rule["expr"], id=rule["alert"])
    for panel in json.loads((ROOT / "deploy/grafana/dashboard.json").read_text())["panels"]:
        for target in panel.get("targets", []):
            yield pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")


@pytest.mark.parametrize("expression", list(_expressions()))
def test_what_is_asked_of_prometheus_is_something_that_is_told(expression: str) -> None:
    names = set(_NAME.findall(expression))
    assert names
    assert names <= _series()
    assert expression.count("(") == expression.count(")")


def test_what_the_autoscaler_asks_for_is_told_without_labels() -> None:
    (scaler,) = [
        document
        for document in yaml.safe_load_all((ROOT / "deploy/kubernetes/autoscale.yaml").read_text())
        if document["kind"] == "HorizontalPodAutoscaler" and document["metadata"]["name"] == "worker"
    ]
    name = scaler["spec"]["metrics"][0]["external"]["metric"]["name"]
    (metric,) = [metric for metric in _given() if metric.name == name]
    assert [sample.labels for sample in metric.samples] == [{}]


def test_every_metric_has_its_row_in_the_table_and_no_other() -> None:
    table = re.findall(r"^\| `(crypto_quotes_\w+)", (ROOT / "docs/OPERATIONS.md").read_text(), re.MULTILINE)
    told = {metric.name + ("_total" if metric.type == "counter" else "") for metric in _given()}
    assert sorted(table) == sorted(told)


def test_every_alert_has_its_row_in_the_table_and_no_other() -> None:
    rules = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"][0]["rules"]
    said = re.findall(r"^\| `(CryptoQuotes\w+)`", (ROOT / "docs/OPERATIONS.md").read_text(), re.MULTILINE)
    assert said == [rule["alert"] for rule in rules]
