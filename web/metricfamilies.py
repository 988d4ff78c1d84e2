"""How the whole system stands, in Prometheus' terms: each metric's name, what it says, and its labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from core.sources import SOURCES
from db.metrics import BOUNDS, OpenTasks
from web.version import VERSION
from workers.budget import Left
from workers.queue import QUEUES, QueueDepth

Counts = Mapping[tuple[str, ...], float]
_COUNTERS = {
    "tasks_ended": ("Tasks that ended, by what became of them.", ("kind", "source", "state")),
    "jobs_ended": ("Jobs that ended, by what became of them.", ("kind", "state")),
    "task_retries": (
        "Further tries of ended tasks: after an error (retry), as the upstream asked (wait), when a worker was lost "
        "(lost), or put off by a rate budget or a rest (aside).",
        ("kind", "source", "reason"),
    ),
    "rows": (
        "Rows of merged pages: distinct coins stored, rejected, merged into another row's coin.",
        ("source", "outcome"),
    ),
    "upstream_requests": (
        "Requests to the sources, by status, or why none came. Workers add theirs every two seconds.",
        ("source", "status"),
    ),
}
_HISTOGRAMS = {
    "task_wait_seconds": "Seconds from a task's making to its first claim.",
    "task_duration_seconds": "Seconds from a task's first claim to its end, waits between tries included.",
}


@dataclass(frozen=True, slots=True)
class Stored:
    """What Postgres says; `ages` are seconds since a source's last good fetch."""

    counters: Mapping[str, Counts]
    jobs: Mapping[str, int]
    tasks: Mapping[str, OpenTasks]
    dead_letters: Mapping[str, int]
    workers: int
    coins: int
    ages: Mapping[str, float]
    resting: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rung:
    """What Redis says."""

    depths: Mapping[str, QueueDepth]
    budgets: Mapping[str, Left]


def families(stored: Stored | None, rung: Rung | None) -> list[Metric]:
    """All of them; what is away is left out, and said to be."""
    return [
        _gauge("build_info", "Always 1: the release that answers.", {(VERSION,): 1}, ("version",)),
        _gauge("database_up", "Whether Postgres answered this replica (1) or not (0).", {(): int(stored is not None)}),
        _gauge("redis_up", "Whether Redis answered this replica (1) or not (0).", {(): int(rung is not None)}),
        *(_of_postgres(stored) if stored else ()),
        *(_of_redis(rung) if rung else ()),
    ]


def _of_postgres(stored: Stored) -> Iterable[Metric]:
    none = OpenTasks(0, 0, 0, 0.0)
    tasks = {queue: stored.tasks.get(queue, none) for queue in QUEUES}
    yield _gauge(
        "jobs_open",
        "Jobs that have not ended, by state.",
        {(state,): stored.jobs.get(state, 0) for state in ("queued", "running")},
        ("state",),
    )
    yield _gauge(
        "tasks_open",
        "Tasks that have not ended: due and waiting, running, or due later.",
        {
            (queue, state): getattr(each, state)
            for queue, each in tasks.items()
            for state in ("waiting", "running", "later")
        },
        ("queue", "state"),
    )
    waiting = sum(each.waiting for each in tasks.values())
    yield _gauge("tasks_waiting", "Tasks that are due and wait for a worker, of all queues.", {(): waiting})
    yield _gauge(
        "oldest_waiting_task_age_seconds",
        "For how long the longest-waiting due task has been due; 0 when none waits.",
        {(queue,): each.oldest for queue, each in tasks.items()},
        ("queue",),
    )
    yield _gauge(
        "dead_letters",
        "Tasks that failed for good and were not run again.",
        {(source,): stored.dead_letters.get(source, 0) for source in SOURCES},
        ("source",),
    )
    yield _gauge("workers_alive", "Worker processes that gave a sign of life.", {(): stored.workers})
    yield _gauge("coins", "Golden records.", {(): stored.coins})
    yield _gauge(
        "source_data_age_seconds",
        "Seconds since a source's last good fetch ended; none for one that never was fetched.",
        {(source,): age for source, age in stored.ages.items()},
        ("source",),
    )
    yield _gauge(
        "source_resting",
        "Whether a source rests because it kept failing (1) or not (0).",
        {(source,): int(source in stored.resting) for source in SOURCES},
        ("source",),
    )
    for name, (text, labels) in _COUNTERS.items():
        yield _counter(name, text, stored.counters.get(name, {}), labels)
    for name, text in _HISTOGRAMS.items():
        yield _histogram(name, text, stored.counters.get(name, {}), stored.counters.get(f"{name}_sum", {}))


def _of_redis(rung: Rung) -> Iterable[Metric]:
    yield _gauge(
        "queue_messages",
        "Doorbells in Redis: ready for a worker, or taken by one.",
        {
            (queue, state): getattr(depth, state)
            for queue, depth in rung.depths.items()
            for state in ("ready", "in_flight")
        },
        ("queue", "state"),
    )
    yield _gauge(
        "rate_budget_left_requests",
        "How many more requests a source's rate budget allows now.",
        {(source,): each.left for source, each in rung.budgets.items()},
        ("source",),
    )
    yield _gauge(
        "rate_budget_per_minute_requests",
        "How many requests a minute a source's budget has; half as many for five minutes after a 429.",
        {(source,): each.per_minute for source, each in rung.budgets.items()},
        ("source",),
    )


def _gauge(name: str, text: str, values: Counts, labels: tuple[str, ...] = ()) -> Metric:
    family = GaugeMetricFamily(f"crypto_quotes_{name}", text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _counter(name: str, text: str, values: Counts, labels: tuple[str, ...]) -> Metric:
    family = CounterMetricFamily(f"crypto_quotes_{name}", text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _histogram(name: str, text: str, values: Counts, sums: Counts) -> Metric:
    family = HistogramMetricFamily(f"crypto_quotes_{name}", text, labels=("kind",))
    for kind in sorted({key[0] for key in values}):
        reached, buckets = 0.0, []
        for bound in (*(f"{each:g}" for each in BOUNDS), "+Inf"):
            reached += values.get((kind, bound), 0.0)
            buckets.append((bound, reached))
        family.add_metric((kind,), buckets, sums.get((kind,), 0.0))
    return family
