"""The stand-in itself, as other processes use it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from tests.upstream.markets import made_up, moving, recorded_rows
from tests.upstream.server import COINGECKO, Upstream

ROWS = '[ {"id": "a", "current_price": 1.50e-09},\n{"id": "b", "current_price": 0.10} ,{"id":"]"}]'


def test_a_made_up_market_is_the_same_each_time_and_led_by_known_coins() -> None:
    assert made_up(300) == made_up(300)
    assert json.loads(made_up(1).coingecko[0])["id"] == "bitcoin"
    assert json.loads(made_up(1).coinpaprika[0])["id"] == "btc-bitcoin"
    for rows in (made_up(3000).coingecko, made_up(3000).coinpaprika):
        assert len({json.loads(row)["id"] for row in rows}) == 3000


def test_a_made_up_market_goes_down_by_cap() -> None:
    caps = [json.loads(row)["market_cap"] for row in made_up(300).coingecko]
    assert caps == sorted(caps, reverse=True)


def test_a_moving_market_moves_by_the_minute() -> None:
    now = [datetime(2025, 1, 1, tzinfo=UTC)]
    market = moving(10, lambda: now[0])
    first = market()
    now[0] += timedelta(seconds=59)
    assert market() == first
    now[0] += timedelta(seconds=1)
    assert market() != first


def test_recorded_rows_keep_their_digits() -> None:
    assert recorded_rows(ROWS) == (
        '{"id": "a", "current_price": 1.50e-09}',
        '{"id": "b", "current_price": 0.10}',
        '{"id":"]"}',
    )
    assert recorded_rows("[]") == ()


def test_pages_are_cut_and_clamped_as_upstream_does(upstream: Upstream) -> None:
    def page(**query: int) -> int:
        asked: dict[str, str | int] = {"vs_currency": "usd", **query}
        return len(requests.get(f"{upstream.url}/api/v3{COINGECKO}", asked, timeout=20).json())

    assert [page(), page(per_page=250), page(per_page=1000), page(per_page=250, page=2), page(page=4)] == [
        *(100, 250, 250, 50, 0),
    ]
    assert requests.get(f"{upstream.url}/api/v3{COINGECKO}", timeout=20).status_code == 422
    assert requests.get(f"{upstream.url}/elsewhere", timeout=20).status_code == 404


def test_another_process_can_order_trouble_and_read_the_log(upstream: Upstream) -> None:
    order = {"path": "/tickers", "status": 429, "headers": {"X-Kind": "limit"}, "retry_after": "7", "times": 2}
    assert requests.post(f"{upstream.url}/_behave", json=order, timeout=20).status_code == 200
    answers = [requests.get(f"{upstream.url}/v1/tickers", timeout=20) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[0].headers["X-Kind"] == "limit"
    log = requests.get(f"{upstream.url}/_log", timeout=20).json()
    assert [(seen["path"], seen["behaviour"]) for seen in log] == [
        *(("/v1/tickers", "answer"), ("/v1/tickers", "answer"), ("/v1/tickers", "")),
    ]
    assert log[0]["at"] <= log[1]["at"] <= log[2]["at"]


def test_orders_are_kept_until_told_otherwise(upstream: Upstream) -> None:
    upstream.behave("/tickers", "html", status=503, times=None)
    answers = [requests.get(f"{upstream.url}/v1/tickers", timeout=20).status_code for _ in range(4)]
    requests.post(f"{upstream.url}/_forget", timeout=20)
    assert answers == [503] * 4
    assert requests.get(f"{upstream.url}/v1/tickers", timeout=20).status_code == 200


@pytest.mark.parametrize("order", [{"path": "/x", "kind": "explode"}, {"path": "/x", "colour": 1}, {}, [], 5])
def test_a_nonsensical_order_is_refused(upstream: Upstream, order: object) -> None:
    assert requests.post(f"{upstream.url}/_behave", json=order, timeout=20).status_code == 422


def test_it_ends_at_once_though_it_hangs() -> None:
    with Upstream() as upstream:
        upstream.behave("/tickers", "hang")
        with pytest.raises(requests.Timeout):
            requests.get(f"{upstream.url}/v1/tickers", timeout=0.05)


def test_it_runs_by_itself_on_recorded_answers(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text(ROWS)
    command = [sys.executable, "-m", "tests.upstream", "--coingecko", str(tmp_path / "rows.json"), "--size", "7"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            urls = dict(line.strip().split("=", 1) for line in (process.stdout.readline(), process.stdout.readline()))
            coingecko = requests.get(f"{urls['COINGECKO_API_URL']}{COINGECKO}?vs_currency=usd", timeout=20)
            coinpaprika = requests.get(f"{urls['COINPAPRIKA_API_URL']}/tickers", timeout=20)
        finally:
            process.send_signal(signal.SIGTERM)
    assert re.findall(r"1\.50e-09|0\.10", coingecko.text) == ["1.50e-09", "0.10"]
    assert len(coinpaprika.json()) == 7
    assert process.returncode == 0
