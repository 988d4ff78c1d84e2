"""The shapes of jobs and results, from given views."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from db.jobviews import Failure, Head, JobView, Part, Step
from web import jobanswers

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEAD = Head(7, "csv", "succeeded", None, "ci", 5, NOON, NOON, NOON, None)
PART = Part("csv", 0, 0, 2, 0, 0, 5, 0, 1, None, {}, 0, 5)


def _part(source: str, **values: object) -> Part:
    return replace(PART, source=source, **values)  # type: ignore[arg-type]


def test_one_source_gives_the_result_that_clients_rely_on() -> None:
    names = ["Bitcoin", "Ethereum", "Cardano", "Solana", "Polkadot"]
    result = jobanswers.result(JobView(HEAD, [PART], coins=names))
    assert list(result)[:4] == ["source", "count", "status", "coins_fetched"]
    assert {name: result[name] for name in list(result)[:4]} == {
        "source": "csv",
        "count": 5,
        "status": "success",
        "coins_fetched": ["bitcoin", "ethereum", "cardano", "solana", "polkadot"],
    }


def test_all_sources_give_the_result_that_clients_rely_on() -> None:
    head = replace(HEAD, kind="all", state="partial_success", stored=120)
    down = _part("coingecko", succeeded=0, failed=1, rows=0, stored=0, message="Rate limit exceeded")
    result = jobanswers.result(JobView(head, [PART, down, _part("coinpaprika", rows=155, rejected=3)]))
    assert result["sources"] == {
        "csv": {"count": 5, "status": "success"},
        "coingecko": {"status": "error", "message": "Rate limit exceeded"},
        "coinpaprika": {"count": 155, "status": "success"},
    }
    assert (result["total_fetched"], result["total_stored"], result["duplicates_removed"]) == (160, 120, 37)
    assert (result["rejected"], result["status"]) == (3, "partial_success")


def test_a_source_that_failed_after_some_pages_says_how_many_rows_came() -> None:
    head = replace(HEAD, kind="all", state="partial_success")
    result = jobanswers.result(JobView(head, [_part("coingecko", failed=1, rows=250, message="gone")]))
    assert result["sources"]["coingecko"] == {"count": 250, "status": "error", "message": "gone"}


@pytest.mark.parametrize(
    ("state", "status"),
    [("succeeded", "success"), ("partial_success", "partial_success"), ("failed", "error"), ("cancelled", "cancelled")],
)
def test_every_end_of_a_job_has_its_status(state: str, status: str) -> None:
    for kind in ("csv", "all"):
        assert jobanswers.result(JobView(replace(HEAD, kind=kind, state=state), [PART]))["status"] == status


def test_a_failed_source_says_why() -> None:
    failed = _part("csv", succeeded=0, failed=1, rows=0, stored=0, message="The file isn't there.")
    result = jobanswers.result(JobView(replace(HEAD, state="failed", stored=0), [failed]))
    assert (result["status"], result["message"], result["count"]) == ("error", "The file isn't there.", 0)


@pytest.mark.parametrize(
    ("tasks", "status"),
    [
        ({"queued": 1}, "queued"),
        ({"running": 1}, "running"),
        ({"queued": 1, "succeeded": 1}, "running"),
        ({"queued": 1, "failed": 1}, "running"),
        ({"succeeded": 2}, "success"),
        ({"succeeded": 1, "failed": 1}, "error"),
        ({"cancelled": 1, "failed": 1}, "error"),
        ({"cancelled": 1, "succeeded": 1}, "cancelled"),
    ],
)
def test_a_sources_status_follows_from_its_tasks(tasks: dict[str, int], status: str) -> None:
    none = {"queued": 0, "running": 0, "succeeded": 0, "failed": 0, "cancelled": 0}
    assert jobanswers.status_of(replace(PART, **{**none, **tasks})) == status  # type: ignore[arg-type]


def test_fetched_is_stored_and_duplicates_and_rejected_together() -> None:
    job = jobanswers.body(JobView(replace(HEAD, stored=2), [_part("csv", rows=9, rejected=3, stored=2)]))
    assert job["total_fetched"] == job["total_stored"] + job["duplicates_removed"] + job["rejected"] == 9
    source = job["sources"]["csv"]
    assert source["count"] == source["stored"] + source["duplicates"] + source["rejected"]


def test_a_source_tells_of_pages_that_were_known_if_there_were_any() -> None:
    told = [jobanswers.body(JobView(HEAD, [_part("csv", pages_known=count)]))["sources"]["csv"] for count in (0, 37)]
    assert [source.get("pages_known") for source in told] == [None, 37]


def test_while_a_job_runs_the_counts_of_coins_are_unknown_and_it_can_be_cancelled() -> None:
    head = replace(HEAD, state="running", stored=None, finished_at=None)
    job = jobanswers.body(JobView(head, [_part("csv", running=1, stored=None)]))
    assert (job["total_stored"], job["duplicates_removed"], job["sources"]["csv"]["stored"]) == (None, None, None)
    assert job["progress"] == {"done": 2, "total": 3}
    assert set(job["links"]) == {"self", "cancel"}


def test_a_job_links_to_its_retry_only_when_something_failed() -> None:
    assert set(jobanswers.body(JobView(HEAD, [PART]))["links"]) == {"self"}
    assert set(jobanswers.body(JobView(HEAD, [_part("csv", failed=1)]))["links"]) == {"self", "retry"}
    assert jobanswers.body(JobView(replace(HEAD, retry_of=3), [PART]))["links"]["retry_of"] == "/api/v1/jobs/3"


def test_the_error_of_a_job_is_the_failure_that_was_final() -> None:
    later = Failure("csv", "fetch", NOON + timedelta(seconds=1), 2, "again", "failed")
    earlier = Failure("csv", "fetch", NOON, 1, "first", "retry")
    job = jobanswers.body(JobView(HEAD, [PART], [later, earlier]))
    assert job["error"] == job["errors"][0]
    assert job["error"]["title"] == "Fetch failed"
    assert jobanswers.body(JobView(HEAD, [PART], [earlier]))["error"] is None


def test_the_timeline_is_in_order_of_time() -> None:
    head = replace(HEAD, started_at=NOON + timedelta(seconds=1), finished_at=NOON + timedelta(seconds=9))
    steps = [Step("csv", "normalize", 2, NOON + timedelta(seconds=3), None)]
    failures = [Failure("csv", "fetch", NOON + timedelta(seconds=2), 1, "slow", "retry")]
    timeline = jobanswers.body(JobView(head, [PART], failures, steps))["timeline"]
    assert [event["event"] for event in timeline] == [
        "created",
        "fetch attempt failed",
        "normalize started",
        "succeeded",
    ]
