"""The main job through the running program: from a POST to a golden record, whatever dies on the way."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from local.valkey import Valkey
from tests.e2e.conftest import Start
from tests.program import Program
from tests.services import SharedPostgres
from tests.upstream.server import COINGECKO, COINPAPRIKA, Upstream
from tests.waiting import until

WAIT = {"Prefer": "wait=30"}


@pytest.fixture(scope="module")
def market() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture(scope="module")
def program(shared_postgres: SharedPostgres, service_folder: Path, market: Upstream) -> Iterator[Program]:
    with ExitStack() as stack:
        valkey = Valkey(service_folder / "valkey-main-job")
        stack.callback(valkey.stop)
        database_url = stack.enter_context(shared_postgres.database())
        settings: dict[str, Any] = {"RETRY_BASE_DELAY": "0.05", **market.environ}
        yield stack.enter_context(Program(database_url, valkey, **settings))


@pytest.fixture(autouse=True)
def _well_behaved(market: Upstream) -> Iterator[None]:
    market.forget()
    yield
    market.forget()


def exact(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def adds_up(result: dict[str, Any]) -> bool:
    parts = ("total_stored", "duplicates_removed", "rejected")
    return bool(result["total_fetched"] == sum(result[part] for part in parts))


def test_the_sample_answers_as_existing_clients_expect(program: Program) -> None:
    result = program.post("/api/v1/ingest/csv", headers=WAIT).json()
    expected = {
        "source": "csv",
        "count": 5,
        "status": "success",
        "coins_fetched": ["bitcoin", "ethereum", "cardano", "solana", "polkadot"],
    }
    assert {name: result[name] for name in expected} == expected


def test_all_sources_at_once_make_one_record_a_coin_with_its_evidence(program: Program) -> None:
    answer = program.post("/api/v1/ingest/all?coingecko_limit=100&coinpaprika_limit=50", headers=WAIT)
    result = answer.json()
    assert {name: (each["count"], each["status"]) for name, each in result["sources"].items()} == {
        "csv": (5, "success"),
        "coingecko": (100, "success"),
        "coinpaprika": (50, "success"),
    }
    assert (result["status"], result["total_fetched"]) == ("success", 155)
    assert adds_up(result)
    assert result["duplicates_removed"] > 0
    coin = program.get("/api/v1/coins/btc").json()
    assert coin["source"] == "coingecko"
    assert coin["sources"] == ["coingecko", "coinpaprika", "csv"]


def test_one_source_down_is_a_partial_success_and_the_others_are_stored(program: Program, market: Upstream) -> None:
    market.behave(COINGECKO, status=429, times=None)
    result = program.post("/api/v1/ingest/all", headers=WAIT).json()
    assert result["status"] == "partial_success"
    assert result["sources"]["coingecko"]["status"] == "error"
    assert result["sources"]["coingecko"]["message"] == "Rate limit exceeded"
    assert [result["sources"][name]["status"] for name in ("csv", "coinpaprika")] == ["success", "success"]


def test_digits_come_back_as_they_were_sent(program: Program) -> None:
    prices = ["1.223e-09", "0.1", "123456789012345678.123456789"]
    rows = [f"dig{place},Digits {place},{price}" for place, price in enumerate(prices)]
    file = "\n".join(["symbol,name,price", *rows])
    result = program.post("/api/v1/ingest/csv", files={"file": ("digits.csv", file)}, headers=WAIT).json()
    assert result["status"] == "success"
    served = [exact(program.get(f"/api/v1/coins/dig{place}").text)["price"] for place in range(len(prices))]
    assert [Decimal(str(price)) for price in served] == [Decimal(price) for price in prices]


def test_a_bad_row_is_rejected_with_its_line_and_the_others_are_stored(program: Program) -> None:
    file = "symbol,name,price\ngood,Good,1\nbad,Bad,abc\nfine,Fine,2\n"
    result = program.post("/api/v1/ingest/csv", files={"file": ("rows.csv", file)}, headers=WAIT).json()
    assert (result["count"], result["total_stored"], result["rejected"]) == (3, 2, 1)
    (rejection,) = result["rejections"]
    assert rejection["row"] == 3
    assert "price" in rejection["reason"]
    assert program.get("/api/v1/coins/fine").status_code == 200


def test_a_file_that_is_not_there_fails_the_job_with_that_sentence(start_program: Start) -> None:
    program = start_program(CSV_PATH="data/nowhere.csv")
    result = program.post("/api/v1/ingest/csv", headers=WAIT).json()
    assert result["status"] == "error"
    assert "CSV_PATH" in result["message"]
    assert program.job(result["job_id"])["state"] == "failed"


def test_killed_worker_and_killed_valkey_in_mid_fetch_cost_no_row_and_double_none(
    start_program: Start, market: Upstream
) -> None:
    program = start_program(LEASE="3", **market.environ)
    market.behave(COINGECKO, kind="hang", page=2, seconds=2.0, times=1)
    job = program.post("/api/v1/ingest/coingecko?limit=300").json()["id"]
    until(lambda: any(seen.query.get("page") == "2" for seen in market.log), "page 2 is asked for")
    program.kill_worker_child()
    assert program.valkey.pid is not None
    os.kill(program.valkey.pid, signal.SIGKILL)
    ended = program.finished(job, seconds=60)
    assert ended["state"] == "succeeded"
    assert ended["total_fetched"] == 300
    asked = [seen.query["page"] for seen in market.log if seen.path.endswith(COINGECKO)]
    # Page 1 was stored and is not fetched again; page 2 is, since the worker died over it.
    assert asked.count("1") == 1


def test_a_start_ingests_once_however_many_processes_start(start_program: Start) -> None:
    program = start_program(
        worker_processes=3, AUTO_INGEST_ON_STARTUP="true", AUTO_INGEST_SOURCES="csv", INGEST_SCHEDULE="csv=365d"
    )
    until(lambda: program.get("/api/v1/jobs").json()["total"] >= 2, "start and schedule make their jobs")
    jobs = program.get("/api/v1/jobs").json()["data"]
    assert sorted(job["kind"] for job in jobs) == ["csv", "csv"]
    for job in jobs:
        assert program.finished(job["id"])["state"] == "succeeded"
    assert program.get("/api/v1/jobs").json()["total"] == 2


def test_a_terminated_worker_hands_its_fetch_back_at_once(start_program: Start, market: Upstream) -> None:
    program = start_program(LEASE="300", **market.environ)
    market.behave(COINPAPRIKA, kind="hang", seconds=4.0, times=1)
    job = program.post("/api/v1/ingest/coinpaprika").json()["id"]
    until(lambda: len(market.log) > 0, "the upstream is asked")
    program.signal_group("worker", signal.SIGTERM)
    program.signal_group("worker", signal.SIGTERM)
    # With a lease of five minutes, only a hand-back lets another worker have it within seconds.
    assert program.finished(job, seconds=40)["state"] == "succeeded"
