"""The table of a run, as docs/RELIABILITY.md shows it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from statistics import median

from tests.faults.history import History, TaskNote
from tests.faults.invariants import NAMES
from tests.faults.run import Outcome, Strike
from tests.faults.trial import MUTANTS, Aside, is_caught


def recoveries(outcome: Outcome) -> dict[str, list[float]]:
    """By kind of fault: seconds until all that it hit was in hand again or had ended; other faults strike meanwhile."""
    found: dict[str, list[float]] = defaultdict(list)
    for strike in outcome.strikes:
        if (seconds := _recovery(outcome, strike)) is not None:
            found[strike.kind].append(seconds)
    return found


def _recovery(outcome: Outcome, strike: Strike) -> float | None:
    struck, at = strike.struck, datetime.fromtimestamp(strike.at, UTC)
    if struck.web:
        answers = [asked.at for asked in outcome.asked if asked.sent > strike.at and asked.status < 500]
        return min(answers) - strike.at if answers else None
    if struck.source:
        ends = [
            note.at
            for note in outcome.history.task_notes
            if (note.kind, note.source, note.state) == ("fetch", struck.source, "succeeded") and note.at > at
        ]
        return (ends[0] - at).total_seconds() if ends else None
    moved = [
        _next_step(notes, at)
        for notes in outcome.history.notes_of.values()
        if _is_hit(_state_at(notes, at), struck.pids, struck.waiting, at)
    ]
    seconds = [(step - at).total_seconds() for step in moved if step]
    return max(seconds, default=0.0) if struck.pids or struck.waiting else None


def _state_at(notes: Sequence[TaskNote], at: datetime) -> TaskNote | None:
    return next((note for note in reversed(notes) if note.at <= at), None)


def _is_hit(note: TaskNote | None, pids: Sequence[int], waiting: bool, at: datetime) -> bool:
    if note is None:
        return False
    if note.state == "running":
        return bool(note.worker) and int(str(note.worker).rpartition(":")[2]) in pids
    return waiting and note.state == "queued" and note.run_at <= at


def _next_step(notes: Sequence[TaskNote], at: datetime) -> datetime | None:
    return next((note.at for note in notes if note.at > at and (note.claims or note.ends)), None)


def table(outcome: Outcome) -> Iterator[str]:
    """Lines of Markdown."""
    plan, history = outcome.plan, outcome.history
    quiet = "never" if outcome.quiet_after is None else f"{outcome.quiet_after:.1f} s"
    yield f"Seed {plan.seed}, {plan.seconds:.0f} s of faults; all jobs ended {quiet} after the last (allowed: "
    yield f"{outcome.patience:.0f} s). {_totals(history)}"
    yield ""
    yield "| fault | times | median recovery | longest |"
    yield "| --- | ---: | ---: | ---: |"
    times: dict[str, int] = defaultdict(int)
    for strike in outcome.strikes:
        times[strike.kind] += 1
    recovered = recoveries(outcome)
    for kind in plan.kinds:
        if times[kind]:
            seconds = recovered.get(kind)
            measured = f"{median(seconds):.1f} s | {max(seconds):.1f} s" if seconds else "– | –"
            yield f"| {kind} | {times[kind]} | {measured} |"
    yield f"| together | {len(outcome.strikes)} | | |"
    yield ""
    yield "| invariant | violations |"
    yield "| --- | ---: |"
    for number, name in NAMES.items():
        yield f"| {number}. {name} | {len(outcome.violations[number])} |"


def _totals(history: History) -> str:
    claims = sum(note.claims for note in history.task_notes)
    states: dict[str, int] = defaultdict(int)
    for job in history.jobs.values():
        states[job["state"]] += 1
    by_state = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    return (
        f"{len(history.jobs)} jobs ({by_state}), {len(history.tasks)} tasks, {claims} attempts, "
        f"{len(history.effects)} effects."
    )


def details(outcome: Outcome, most: int = 5) -> Iterator[str]:
    """The violations themselves, some of each."""
    for number, sentences in sorted(outcome.violations.items()):
        yield from (f"  {number}. {NAMES[number]}: {sentence}" for sentence in sentences[:most])
        if len(sentences) > most:
            yield f"  {number}. … and {len(sentences) - most} more"


def asides(aside: Aside) -> Iterator[str]:
    """Lines of Markdown: who was caught by what, and how soon work went on by the default settings."""
    yield ""
    yield "| mutant | caught | by |"
    yield "| --- | --- | --- |"
    for name, outcome in aside.mutants.items():
        by = ", ".join(f"{number}. {NAMES[number]}" for number in MUTANTS[name].caught_by if outcome.violations[number])
        yield f"| {name} | {'yes' if is_caught(name, outcome) else 'NO'} | {by} |"
    yield ""
    yield "| by default settings | in hand again after | promised |"
    yield "| --- | ---: | ---: |"
    for recovery in aside.recoveries:
        yield f"| {recovery.what} | {recovery.seconds:.1f} s | {recovery.allowed:g} s |"


def all_well(aside: Aside) -> bool:
    return all(is_caught(name, outcome) for name, outcome in aside.mutants.items()) and all(
        recovery.seconds <= recovery.allowed for recovery in aside.recoveries
    )
