"""What must hold over a run's whole history, by number. Each check gives a sentence a violation, none when all is well.

The tenth, that the data are what the rules give, is in `replay`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tests.faults.history import OPEN, Effect, History, TaskNote
from tests.faults.load import Asked

NAMES = {
    1: "every 202 has its job",
    2: "every job ends in time",
    3: "effects of a succeeded task once, of others never",
    4: "no effect under a stale fence",
    5: "a fetch that succeeded has all its pages and their tasks",
    6: "a job's state follows from its tasks' states",
    7: "attempts never pass the maximum",
    8: "nothing is written after a queued task's cancel",
    9: "an end is final",
    10: "the data are those of a run without faults",
    11: "one key and body, one job",
    12: "one slot, one job",
    13: "a dead letter is run again once",
}
# What each request may be answered with, besides 503.
_ANSWERS = {"post": (202,), "cancel": (200,), "retry": (202, 409), "letter": (202, 409), "letters": (202, 409)}


def every_202_has_its_job(history: History, asked: Sequence[Asked]) -> Iterator[str]:
    for one in asked:
        if one.status == 202 and one.job not in history.jobs:
            yield f"job {one.job} was promised and is not there"
    for job in history.jobs:
        if not any(task["job_id"] == job for task in history.tasks.values()):
            yield f"job {job} has no task"


def every_job_ends(history: History, now: datetime) -> Iterator[str]:
    """To be asked when T is over."""
    for job in history.jobs.values():
        if job["finished_at"] is None:
            tasks = [task for task in history.tasks.values() if task["job_id"] == job["id"] and task["state"] in OPEN]
            where = ", ".join(_where_it_stands(task, now) for task in tasks)
            yield f"job {job['id']} ({job['kind']}) is still {job['state']}: {where or 'no task is open'}"


def _where_it_stands(task: dict[str, Any], now: datetime) -> str:
    due, rung = (
        "never" if at is None else f"{(now - at).total_seconds():.1f} s ago"
        for at in (task["run_at"], task["dispatched_at"])
    )
    return f"task {task['id']} {task['kind']} {task['state']}, attempt {task['attempt']}, due {due}, rung for {rung}"


def effects_once(history: History) -> Iterator[str]:
    """A page's rows are an effect of the fetch; a merge is one of the task that its transaction ends."""
    merges: dict[str, Counter[str]] = defaultdict(Counter)
    for effect in history.effects:
        if effect.task is None:
            merges[effect.tx][effect.kind] += 1
    yield from _merges_of_one_end(history, merges)
    yield from _ends_of_one_merge(history, merges)
    stored = Counter((effect.kind, effect.task, effect.detail) for effect in history.effects if effect.task is not None)
    for (kind, owner, number), count in stored.items():
        if kind != "rejections" and count > 1:
            yield f"{kind} {number} of task {owner} was stored {count} times"
    yield from _rejections_once(history)


def _merges_of_one_end(history: History, merges: Mapping[str, Counter[str]]) -> Iterator[str]:
    """Pages of one job may be merged at once; then their tasks end at once."""
    ends: dict[str, list[TaskNote]] = defaultdict(list)
    for note in history.task_notes:
        if note.ends and (note.kind, note.state) == ("normalize", "succeeded"):
            ends[note.tx].append(note)
    for tx, kinds in merges.items():
        if not ends[tx]:
            yield f"a merge ({', '.join(kinds)}) in a transaction that succeeds no task"
        if len({(note.job, note.source) for note in ends[tx]}) > 1:
            yield f"transaction {tx} merged pages of several jobs or sources"
        # Golden records follow from the quotes; they may be worked out in several statements.
        yield from (
            f"transaction {tx} merged into {kind} {count} times"
            for kind, count in kinds.items()
            if count > 1 and kind != "golden"
        )


def _ends_of_one_merge(history: History, merges: Mapping[str, Counter[str]]) -> Iterator[str]:
    nothing: Counter[str] = Counter()
    for task in history.tasks.values():
        succeeded = [note.tx for note in history.notes_of[task["id"]] if note.ends and note.state == "succeeded"]
        if len(succeeded) != int(task["state"] == "succeeded"):
            yield f"task {task['id']} is {task['state']} and succeeded {len(succeeded)} times"
        merged = [merges.get(tx, nothing) for tx in succeeded]
        if task["known_as"] is not None:
            yield from _taken_over(history, task)
            if any(merged):
                yield f"task {task['id']} took over what task {task['known_as']} had merged, and merged it: {merged}"
        elif (
            task["kind"] == "normalize"
            and task["rows"] > task["rejected"]
            and [(kinds["quotes"], kinds["history"]) for kinds in merged] != [(1, 1)]
        ):
            yield f"task {task['id']} succeeded, and its rows were not merged just once: {merged}"


def _taken_over(history: History, task: dict[str, Any]) -> Iterator[str]:
    """The same came of it as of the task before, which was about the same page."""
    before = history.tasks.get(task["known_as"])
    if before is None or before["state"] != "succeeded" or before["id"] > task["id"]:
        yield f"task {task['id']} took over from task {task['known_as']}, which had not succeeded"
    elif any(task[name] != before[name] for name in ("source", "rows", "rejected", "coins", "notes")):
        yield f"task {task['id']} ended otherwise than task {before['id']}, from which it took over"
    elif history.batches[task["batch_id"]]["number"] != history.batches[before["batch_id"]]["number"]:
        yield f"task {task['id']} is about another page than task {before['id']}, from which it took over"


def _rejections_once(history: History) -> Iterator[str]:
    stored: Counter[int] = Counter()
    for effect in history.effects:
        if effect.kind == "rejections" and effect.task is not None:
            stored[effect.task] += effect.detail or 0
    for task in history.tasks.values():
        wanted = task["rejected"] if task["state"] == "succeeded" else 0
        if stored[task["id"]] != wanted:
            yield f"task {task['id']} ({task['state']}) has {stored[task['id']]} rejected rows instead of {wanted}"


def no_effect_under_a_stale_fence(history: History) -> Iterator[str]:
    """Whoever writes for a task is the process that claimed it last, and the task is running under that claim."""
    ended_by_worker = ("succeeded", "failed")
    last: dict[int, TaskNote] = {}
    # The task of a page that was known is never claimed: the fetch writes for it, and it is a child of its claim.
    writing = {
        task["id"]: history.batches[task["batch_id"]]["task_id"]
        for task in history.tasks.values()
        if task["known_as"] is not None
    }
    happened: list[Effect | TaskNote] = sorted(
        [*history.effects, *history.task_notes], key=lambda one: (one.at, one.seq)
    )
    for one in happened:
        if one.task is None:
            continue
        claim = last.get(writing.get(one.task, one.task))
        if isinstance(one, TaskNote):
            if one.claims:
                if claim and one.fence <= claim.fence:
                    yield f"task {one.task} was claimed again with fence {one.fence} after {claim.fence}"
                last[one.task] = one
                continue
            by_worker = one.was == "running" and (one.state in ended_by_worker or one.state == "running")
            if not by_worker or _is_taken_back(one):
                continue
        under = claim.fence if claim and one.task in writing else one.fence
        if claim is None or under != claim.fence or _pid(one.writer) != _pid(claim.worker):
            held = f"{claim.worker} under fence {claim.fence}" if claim else "nobody"
            yield f"{one.writer} wrote for task {one.task} under fence {one.fence}, which {held} held"


def _is_taken_back(note: TaskNote) -> bool:
    """A lost task ends `failed` by the hand of any dispatcher."""
    return note.state == "failed" and _pid(note.writer) != _pid(note.worker)


def _pid(name: str | None) -> str:
    """Of `host:123`, and of `crypto-quotes worker 123`."""
    return (name or "").replace(":", " ").rpartition(" ")[2]


def a_fetch_is_whole(history: History) -> Iterator[str]:
    pages: dict[int, list[int]] = defaultdict(list)
    children: dict[int, list[int]] = defaultdict(list)
    for batch in history.batches.values():
        pages[batch["task_id"]].append(batch["number"])
    for task in history.tasks.values():
        if task["kind"] == "normalize":
            batch = history.batches[task["batch_id"]]
            if history.tasks[batch["task_id"]]["job_id"] == task["job_id"]:
                children[batch["task_id"]].append(batch["number"])
    for task in history.tasks.values():
        if task["kind"] == "fetch":
            yield from _is_whole(history, task, sorted(pages[task["id"]]), sorted(children[task["id"]]))


def _is_whole(history: History, task: dict[str, Any], pages: list[int], children: list[int]) -> Iterator[str]:
    if children != pages:
        yield f"fetch {task['id']} stored the pages {pages} and has tasks for {children}"
    if task["state"] == "succeeded":
        # The fetch of a retry goes on behind the pages that the one before has stored.
        first = min(pages, default=1) if _goes_on(history, task["job_id"]) else 1
        if not pages or pages != list(range(first, first + len(pages))):
            yield f"fetch {task['id']} succeeded with the pages {pages}"
        yield from _all_rows(history, task["id"], pages)


def _goes_on(history: History, job: int) -> bool:
    """Whether a job does again what others left off: as their retry, or with dead letters of many jobs."""
    return history.jobs[job]["retry_of"] is not None or any(
        task["retried_by"] == job for task in history.tasks.values()
    )


def _all_rows(history: History, fetch: int, numbers: list[int]) -> Iterator[str]:
    """CoinGecko was asked for so many coins, and its market has more: so many must have come."""
    task = history.tasks[fetch]
    limit = task["params"].get("limit")
    if task["source"] != "coingecko" or not limit or _goes_on(history, task["job_id"]):
        return
    taken = sum(batch["meta"]["take"] for batch in history.batches.values() if batch["task_id"] == fetch)
    if taken != limit:
        yield f"fetch {fetch} succeeded with {taken} of {limit} rows on the pages {numbers}"


def a_jobs_state_follows(history: History) -> Iterator[str]:
    for job in history.jobs.values():
        tasks = [task for task in history.tasks.values() if task["job_id"] == job["id"]]
        states = Counter(task["state"] for task in tasks)
        effective = any(task["kind"] == "normalize" and task["state"] == "succeeded" for task in tasks)
        right: tuple[str, ...]
        if states["queued"] or states["running"]:
            right = ("queued", "running")
        elif states["cancelled"]:
            right = ("cancelled",)
        elif not states["failed"]:
            right = ("succeeded",)
        else:
            right = ("partial_success",) if effective else ("failed",)
        if job["state"] not in right:
            yield f"job {job['id']} is {job['state']} with tasks {dict(states)}"
        coins = len({coin for task in tasks for coin in task["coins"]})
        if job["finished_at"] is not None and job["stored"] != coins:
            yield f"job {job['id']} says {job['stored']} coins, its tasks {coins}"


def attempts_stay_below_the_maximum(history: History) -> Iterator[str]:
    for notes in history.notes_of.values():
        before = None
        for note in notes:
            if not 0 <= note.attempt <= note.max_attempts:
                yield f"task {note.task} is at attempt {note.attempt} of {note.max_attempts}"
            if note.claims and before and note.attempt != before.attempt + 1:
                yield f"a claim took task {note.task} from attempt {before.attempt} to {note.attempt}"
            if note.state == "failed" and note.attempt != note.max_attempts and not _gave_up(history, note):
                yield f"task {note.task} failed at attempt {note.attempt} of {note.max_attempts}"
            before = note


def _gave_up(history: History, note: TaskNote) -> bool:
    """A 404 of the upstream is a reason to, and a fetched page that its retry no longer finds; nothing else is."""
    reasons = ("no longer kept", "answered 404")
    return any(reason in error["detail"] for error in history.tasks[note.task]["errors"] for reason in reasons)


def a_cancel_is_final(history: History, asked: Sequence[Asked]) -> Iterator[str]:
    """After a cancel was acknowledged no task of its job is claimed; of a task cancelled in the queue nothing comes."""
    acknowledged: dict[int, datetime] = {}
    for one in asked:
        if one.what == "cancel" and one.status == 200 and one.job is not None:
            at = datetime.fromtimestamp(one.at, UTC)
            acknowledged[one.job] = min(at, acknowledged.get(one.job, at))
    for note in history.task_notes:
        if note.claims and note.job in acknowledged and note.at > acknowledged[note.job]:
            yield f"task {note.task} was claimed after the cancel of its job {note.job} was acknowledged"
    cancelled = {
        note.task: note.at
        for note in history.task_notes
        if note.ends and note.state == "cancelled" and note.was == "queued"
    }
    for effect in history.effects:
        if effect.task in cancelled and effect.at > cancelled[effect.task]:
            yield f"{effect.kind} was written for task {effect.task} after it was cancelled in the queue"


def an_end_is_final(history: History) -> Iterator[str]:
    for note in history.task_notes:
        if note.was is not None and note.was not in OPEN:
            yield f"task {note.task} went from {note.was} to {note.state} (fence {note.fence})"
    for change in history.job_notes:
        if change.was is not None and change.was not in OPEN and change.state != change.was:
            yield f"job {change.job} went from {change.was} to {change.state}"


def one_key_one_job(history: History, asked: Sequence[Asked]) -> Iterator[str]:
    jobs: dict[str, set[int]] = defaultdict(set)
    for one in asked:
        if one.key and one.status in (200, 202) and one.job is not None:
            jobs[one.key].add(one.job)
        if one.key and one.status not in (*_ANSWERS[one.what], 503):
            yield f"{one.what} with the key {one.key} was answered with {one.status}"
    for row in history.keys:
        jobs[row["key"]].add(row["job_id"])
    for key, made in jobs.items():
        if len(made) > 1:
            yield f"key {key} made the jobs {sorted(made)}"
    yield from _no_refusal_of_what_was_done(history, asked)


def _no_refusal_of_what_was_done(history: History, asked: Sequence[Asked]) -> Iterator[str]:
    """Who asks again under the key of a request that has made its job gets that job, not a 409."""
    made = {row["key"]: history.jobs[row["job_id"]] for row in history.keys if row["job_id"] in history.jobs}
    for one in asked:
        if one.status == 409 and one.key in made and made[one.key]["created_at"].timestamp() < one.sent:
            yield f"{one.what} with the key {one.key} was refused though it had made job {made[one.key]['id']}"


def one_letter_one_job(history: History, asked: Sequence[Asked]) -> Iterator[str]:
    """However many ask for it, and each under a key of their own."""
    jobs: dict[str, set[int]] = defaultdict(set)
    paths = {one.key: one.path for one in asked if one.what == "letter"}
    for row in history.keys:
        if row["key"] in paths:
            jobs[paths[row["key"]]].add(row["job_id"])
    for one in asked:
        if one.what == "letter" and one.status == 202 and one.job is not None:
            jobs[one.path].add(one.job)
    yield from (f"{path} made the jobs {sorted(made)}" for path, made in jobs.items() if len(made) > 1)


def no_job_of_nowhere(history: History, asked: Sequence[Asked], unanswered: int) -> Iterator[str]:
    """Jobs are those promised, those of slots, and at most one more for each request whose answer was lost."""
    promised = {one.job for one in asked if one.status == 202}
    others = [job for job, row in history.jobs.items() if job not in promised and row["slot"] is None]
    lost = unanswered + sum(one.status == 503 for one in asked)
    if len(others) > lost:
        yield f"{len(others)} jobs were promised to nobody, though only {lost} requests were left without a promise"


def one_slot_one_job(history: History) -> Iterator[str]:
    made = Counter(note.slot for note in history.job_notes if note.was is None and note.slot is not None)
    yield from (f"slot {slot} made {count} jobs" for slot, count in made.items() if count > 1)
    if not made:
        yield "no slot made a job, though there is a schedule"


def violations(history: History, asked: Sequence[Asked], unanswered: int, *, scheduled: bool) -> dict[int, list[str]]:
    """The violations by number, but for the second, which is asked while the program runs, and the tenth."""
    return {
        1: list(every_202_has_its_job(history, asked)),
        3: list(effects_once(history)),
        4: list(no_effect_under_a_stale_fence(history)),
        5: list(a_fetch_is_whole(history)),
        6: list(a_jobs_state_follows(history)),
        7: list(attempts_stay_below_the_maximum(history)),
        8: list(a_cancel_is_final(history, asked)),
        9: list(an_end_is_final(history)),
        11: [*one_key_one_job(history, asked), *no_job_of_nowhere(history, asked, unanswered)],
        12: list(one_slot_one_job(history)) if scheduled else [],
        13: list(one_letter_one_job(history, asked)),
    }
