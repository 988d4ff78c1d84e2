"""Requests are counted under names of ours alone: strangers can't make up labels."""

from __future__ import annotations

from tests.unit.web_requests import application
from web.metrics import metrics_of


def test_a_path_is_counted_by_its_route_or_as_unmatched() -> None:
    client = application().test_client()
    for path in ("/livez", "/nothing/here", "/%ff%fe", "/" + "x" * 4000, "/static/a/nothing.js", "/static/b/other.js"):
        with client.get(path):
            pass
    client.open("/livez", method="BREW")
    client.post("/livez")
    seen = metrics_of(client.application).traffic.registry
    labels = {
        (sample.labels["method"], sample.labels["route"])
        for metric in seen.collect()
        for sample in metric.samples
        if sample.name.endswith("_seconds_count")
    }
    assert labels == {
        ("GET", "/livez"),
        ("GET", "/static/{digest}/{name}"),
        *((method, "unmatched") for method in ("GET", "POST", "other")),
    }
