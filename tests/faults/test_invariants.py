"""The invariants see what they are there to see: a small right history, made wrong in one point each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.faults.history import Effect, History, JobNote, TaskNote
from tests.faults.invariants import a_fetch_is_whole, every_job_ends, violations
from tests.faults.load import Asked

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FETCH = TaskNote(1, 1, 1, "fetch", "coingecko", None, "queued", 0, 4, 0, None, NOON, "crypto-quotes", "1", NOON)
NORMALIZE = replace(FETCH, seq=4, task=2, kind="normalize", tx="3", at=NOON + timedelta(seconds=2))
PROMISED = Asked("post", 0, 0, 202, 1, "key", "key")


def moved(note: TaskNote, state: str, seconds: int, tx: str, *, pid: int = 7) -> TaskNote:
    """The task's next note: claimed by that process, or ended by it."""
    claimed = state == "running"
    return replace(
        note,
        seq=note.seq + 1,
        was=note.state,
        state=state,
        attempt=note.attempt + claimed,
        fence=note.fence + claimed,
        worker=f"host:{pid}" if claimed else note.worker,
        writer=f"crypto-quotes worker {pid}",
        tx=tx,
        at=NOON + timedelta(seconds=seconds),
    )


def effect(kind: str, task: int | None, tx: str, seconds: int, *, pid: int = 7) -> Effect:
    at = NOON + timedelta(seconds=seconds)
    return Effect(seconds, kind, task, task and 1, task and 1, f"crypto-quotes worker {pid}", tx, at)


def right() -> History:
    """One job: a fetch of one page, and its merge."""
    fetching, normalizing = moved(FETCH, "running", 1, "2"), moved(NORMALIZE, "running", 3, "4")
    task = {
        "job_id": 1,
        "state": "succeeded",
        "rejected": 0,
        "coins": [],
        "notes": {},
        "errors": [],
        "run_at": NOON,
        "retried_by": None,
        "known_as": None,
    }
    return History(
        [
            *(FETCH, fetching, moved(fetching, "succeeded", 2, "3")),
            *(NORMALIZE, normalizing, moved(normalizing, "succeeded", 4, "5")),
        ],
        [JobNote(1, 1, "slot", None, "queued", NOON), JobNote(2, 1, "slot", "queued", "succeeded", NOON)],
        [
            *(effect("batch", 1, "3", 2), effect("child", 1, "3", 2)),
            *(effect("history", None, "5", 4), effect("quotes", None, "5", 4)),
        ],
        {
            1: {**task, "id": 1, "kind": "fetch", "source": "coingecko", "params": {"limit": 5}, "rows": 0},
            2: {**task, "id": 2, "kind": "normalize", "source": "coingecko", "params": {}, "rows": 5, "batch_id": 1},
        },
        {1: {"id": 1, "kind": "coingecko", "state": "succeeded", "slot": "slot", "retry_of": None, "stored": 0}
         | {"created_at": NOON, "finished_at": NOON}},
        {1: {"id": 1, "task_id": 1, "number": 1, "meta": {"take": 5}}},
        [{"key": "key", "job_id": 1}],
    )  # fmt: skip


def broken(history: History, *asked: Asked) -> set[int]:
    again = History(**{name: value for name, value in vars(history).items() if name != "notes_of"})
    found = violations(again, [PROMISED, *asked], 0, scheduled=True)
    return {number for number, sentences in found.items() if sentences}


def merged_twice(history: History) -> None:
    history.effects = [*history.effects, effect("quotes", None, "5", 4)]


def merged_alone(history: History) -> None:
    history.effects = [*history.effects, effect("quotes", None, "9", 4)]


def never_merged(history: History) -> None:
    history.effects = history.effects[:2]


def written_by_a_late_one(history: History) -> None:
    history.effects = [*history.effects, replace(effect("batch", 1, "3", 2, pid=8), detail=2)]


def a_page_without_task(history: History) -> None:
    history.batches[2] = {**history.batches[1], "id": 2, "number": 2, "meta": {"take": 0}}


def too_few_rows(history: History) -> None:
    history.batches[1]["meta"]["take"] = 4


def known(history: History) -> History:
    """The same page came again and was known: a second job, whose fetch ended the page's task itself."""
    fetching = replace(FETCH, seq=11, task=3, job=2, tx="11", at=NOON + timedelta(seconds=11))
    claimed = moved(fetching, "running", 12, "12")
    taken = replace(NORMALIZE, seq=14, task=4, job=2, state="succeeded", tx="13", at=NOON + timedelta(seconds=13))
    history.task_notes = [*history.task_notes, fetching, claimed, moved(claimed, "succeeded", 13, "13"), taken]
    history.job_notes = [*history.job_notes, *(replace(note, job=2, slot=None) for note in history.job_notes)]
    history.effects = [*history.effects, effect("batch", 3, "13", 13), effect("child", 3, "13", 13)]
    history.tasks[3] = {**history.tasks[1], "id": 3, "job_id": 2}
    history.tasks[4] = {**history.tasks[2], "id": 4, "job_id": 2, "batch_id": 2, "known_as": 2}
    history.jobs[2] = {**history.jobs[1], "id": 2, "slot": "another"}
    history.batches[2] = {**history.batches[1], "id": 2, "task_id": 3}
    return history


def taken_over_and_merged(history: History) -> None:
    known(history).effects = [*history.effects, effect("history", None, "13", 13), effect("quotes", None, "13", 13)]


def taken_over_from_nobody(history: History) -> None:
    known(history).tasks[2]["state"] = "failed"


def taken_over_otherwise(history: History) -> None:
    known(history).tasks[4]["rows"] = 4


def taken_over_by_a_late_one(history: History) -> None:
    known(history).tasks[4]["rejected"] = history.tasks[2]["rejected"] = 1
    late = effect("rejections", 4, "13", 13, pid=8)
    history.effects = [*history.effects, effect("rejections", 2, "5", 4), replace(late, detail=1)]


def wrong_state(history: History) -> None:
    history.jobs[1]["state"] = "failed"


def an_attempt_for_nothing(history: History) -> None:
    history.task_notes = [
        replace(note, attempt=note.attempt + 1) if note.claims else note for note in history.task_notes
    ]


def failed_before_its_last(history: History) -> None:
    late = moved(history.task_notes[4], "failed", 4, "5")
    history.task_notes = [*history.task_notes[:5], late]
    history.tasks[2] |= {"state": "failed", "rows": 0}
    history.effects = history.effects[:2]
    history.jobs[1]["state"] = "failed"


def risen(history: History) -> None:
    history.task_notes = [*history.task_notes, replace(history.task_notes[-1], seq=9, was="succeeded", state="queued")]


def two_of_a_key(history: History) -> None:
    history.keys = [*history.keys, {"key": "key", "job_id": 2}]


def two_of_a_slot(history: History) -> None:
    history.job_notes = [*history.job_notes, replace(history.job_notes[0], job=2)]


def test_a_right_history_violates_nothing() -> None:
    assert broken(right()) == set()
    assert broken(known(right())) == set()


@pytest.mark.parametrize(
    ("wrong", "number"),
    [
        (merged_twice, 3),
        (merged_alone, 3),
        (never_merged, 3),
        (taken_over_and_merged, 3),
        (taken_over_from_nobody, 3),
        (taken_over_otherwise, 3),
        (written_by_a_late_one, 4),
        (taken_over_by_a_late_one, 4),
        (a_page_without_task, 5),
        (too_few_rows, 5),
        (wrong_state, 6),
        (an_attempt_for_nothing, 7),
        (failed_before_its_last, 7),
        (risen, 9),
        (two_of_a_key, 11),
        (two_of_a_slot, 12),
    ],
)
def test_what_is_wrong_violates_its_invariant(wrong: Callable[[History], None], number: int) -> None:
    history = right()
    wrong(history)
    assert number in broken(history)


def test_a_promised_job_that_is_not_there_is_seen() -> None:
    assert 1 in broken(right(), replace(PROMISED, job=17, key=""))


def test_a_claim_after_an_acknowledged_cancel_is_seen() -> None:
    cancelled = (NOON + timedelta(seconds=2.5)).timestamp()
    assert 8 in broken(right(), Asked("cancel", cancelled, cancelled, 200, 1))


def test_a_refusal_of_what_was_done_under_its_key_is_seen() -> None:
    late, early = NOON.timestamp() + 1, NOON.timestamp() - 1
    refused = Asked("retry", late, late, 409, 1, "key", "/api/v1/jobs/1/retry")
    assert broken(right(), refused) == {11}
    assert broken(right(), replace(refused, sent=early)) == set()


def test_a_dead_letter_that_is_run_again_twice_is_seen() -> None:
    history = right()
    history.jobs[2] = {**history.jobs[1], "id": 2}
    again = Asked("letter", 0, 0, 202, 1, "one", "/api/v1/dead-letters/17/retry")
    assert 13 not in broken(history, again, replace(again, key="other", status=409, job=None))
    assert 13 in broken(history, again, replace(again, key="other", job=2))


def test_what_goes_on_with_dead_letters_of_many_jobs_may_begin_behind_the_first_page() -> None:
    history = right()
    history.batches[1] |= {"number": 2, "meta": {"take": 3}}
    assert 5 in broken(history)
    history.tasks[3] = {**history.tasks[1], "id": 3, "job_id": 3, "retried_by": 1, "state": "failed"}
    assert not [said for said in a_fetch_is_whole(history) if "fetch 1 " in said]


def test_a_job_that_does_not_end_is_seen() -> None:
    history = right()
    history.jobs[1]["finished_at"] = None
    assert list(every_job_ends(history, NOON)) == ["job 1 (coingecko) is still succeeded: no task is open"]


def test_a_job_that_nobody_asked_for_is_seen() -> None:
    history = right()
    history.jobs[2] = {**history.jobs[1], "id": 2, "slot": None}
    assert 11 in broken(history)
