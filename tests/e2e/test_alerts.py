"""Alerts in the running program: a price crosses by an ingest, and a signed webhook arrives, once."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Start
from tests.program import Program
from tests.receiver import Receiver, receiver
from tests.waiting import until

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def ingest(program: Program, price: str, day: int) -> None:
    rows = f"symbol,name,price,last_updated\nBTC,Bitcoin,{price},2026-03-{day:02}T12:00:00Z\n"
    answer = program.post("/api/v1/ingest/csv", files={"file": ("quotes.csv", io.BytesIO(rows.encode()))})
    assert program.finished(answer.json()["id"])["state"] == "succeeded"


def test_a_price_that_crosses_by_an_ingest_is_told_of_exactly_once_by_a_signed_webhook(
    start_program: Start, hook: Receiver
) -> None:
    program = start_program(worker_processes=2, ALERT_ALLOW_PRIVATE="on")
    ingest(program, "99.5", 1)
    rule = {
        "name": "Bitcoin above 100",
        "kind": "price_above",
        "coin": "btc",
        "price": 100,
        "webhook_url": hook.url,
        "secret": SECRET,
    }
    made = program.post("/api/v1/alerts", json=rule)
    assert made.status_code == 201, made.text
    # The first attempt fails: it comes again, under the same id.
    hook.orders.append(500)
    ingest(program, "100.000000000000000000001", 2)
    ingest(program, "101", 3)
    until(lambda: len(hook.received) == 2, "the message came again")
    there = made.json()["links"]["deliveries"]
    until(lambda: program.get(f"{there}?state=delivered").json()["total"] == 1, "the message is delivered")
    assert len(set(hook.ids)) == 1
    assert all(each.is_signed_with(SECRET) for each in hook.received)
    assert b'"price": 100.000000000000000000001,' in hook.received[0].body
    assert json.loads(hook.received[0].body)["data"]["coin"] == "btc"

    # Below and above again: the second crossing, and nothing besides.
    ingest(program, "98", 4)
    ingest(program, "102", 5)
    until(lambda: program.get(f"{there}?state=delivered").json()["total"] == 2, "the second message is delivered")
    assert program.get(there).json()["total"] == 2
    assert len(hook.received) == 3
    for secret in (SECRET.removeprefix("whsec_"), "in-the-url"):
        assert secret not in program.said
