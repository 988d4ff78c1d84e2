"""What happened to a job, when: for people who look into one. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from db.jobviews import JobView


def timeline(view: JobView) -> list[dict[str, object]]:
    """The job's events in order, each with `at`, `event` and what it is about."""
    known = [(at, event, more) for at, event, more in _events(view) if at is not None]
    return [
        {"at": at.isoformat(), "event": event, **more} for at, event, more in sorted(known, key=lambda each: each[0])
    ]


def _events(view: JobView) -> Iterator[tuple[datetime | None, str, dict[str, object]]]:
    head = view.head
    yield head.created_at, "created", {"by": head.requested_by}
    for step in view.steps:
        what: dict[str, object] = {"source": step.source, "tasks": step.tasks}
        yield step.started_at, f"{step.task} started", what
        if step.finished_at:
            yield step.finished_at, f"{step.task} ended", what
    for failure in view.failures:
        yield (
            failure.at,
            f"{failure.task} attempt failed",
            {"source": failure.source, "detail": failure.detail, "followed": failure.followed},
        )
    yield head.cancel_requested_at, "cancel requested", {}
    yield head.finished_at, head.state, {}
