"""A job as JSON: the job itself for who polls, the finished result for who waited. Pure: a JobView in, dicts out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.names import slug
from db.jobviews import Failure, JobView, Part
from web.jobtimeline import timeline

Answer = dict[str, Any]

_STATUS_OF_STATE: Mapping[str, str] = {
    "succeeded": "success",
    "partial_success": "partial_success",
    "failed": "error",
    "cancelled": "cancelled",
}


def path_of(job_id: int) -> str:
    return f"/api/v1/jobs/{job_id}"


def summary(view: JobView) -> Answer:
    """A job as it stands in a list. Counts of coins are null until it has ended."""
    head = view.head
    fetched, rejected = _sum(view, "rows"), _sum(view, "rejected")
    return {
        "id": head.id,
        "kind": head.kind,
        "state": head.state,
        "requested_by": head.requested_by,
        "progress": {
            "done": sum(part.succeeded + part.failed + part.cancelled for part in view.parts),
            "total": sum(tasks_of(part) for part in view.parts),
        },
        "sources": {part.source: _source(part) for part in view.parts},
        "attempts": max((part.attempts for part in view.parts), default=0),
        "total_fetched": fetched,
        "total_stored": head.stored,
        "duplicates_removed": None if head.stored is None else max(0, fetched - rejected - head.stored),
        "rejected": rejected,
        "created_at": moment(head.created_at),
        "started_at": moment(head.started_at),
        "finished_at": moment(head.finished_at),
        "cancel_requested_at": moment(head.cancel_requested_at),
        "retry_of": head.retry_of,
        "links": _links(view),
    }


def body(view: JobView) -> Answer:
    """A job in full. `error` is the failure that decided its end, `errors` every failed attempt, the latest first."""
    deciding = [failure for failure in view.failures if failure.followed == "failed"]
    return {
        **summary(view),
        "error": failure(deciding[0]) if deciding else None,
        "errors": [failure(each) for each in view.failures],
        "timeline": timeline(view),
        "rejected_by_reason": dict(view.reasons),
        "rejections": _rejections(view),
    }


def result(view: JobView) -> Answer:
    """What became of an ended job, in the shape that clients of a synchronous ingest expect."""
    return _result_of_all(view) if view.head.kind == "all" else _result_of_one(view)


def _result_of_one(view: JobView) -> Answer:
    message = next((part.message for part in view.parts if part.failed and part.message), None)
    return {
        "source": view.head.kind,
        "count": _sum(view, "rows"),
        "status": _STATUS_OF_STATE[view.head.state],
        **({"message": message} if message else {}),
        "coins_fetched": [slug(name) for name in view.coins],
        **_counts(view),
        "notes": next((part.notes for part in view.parts if part.notes), {}),
    }


def _result_of_all(view: JobView) -> Answer:
    return {
        "sources": {part.source: _source_result(part) for part in view.parts},
        "total_fetched": _sum(view, "rows"),
        "total_stored": view.head.stored or 0,
        "duplicates_removed": max(0, _sum(view, "rows") - _sum(view, "rejected") - (view.head.stored or 0)),
        "status": _STATUS_OF_STATE[view.head.state],
        **_counts(view),
    }


def _counts(view: JobView) -> Answer:
    shown = summary(view)
    return {
        "job_id": view.head.id,
        "total_stored": view.head.stored or 0,
        "duplicates_removed": shown["duplicates_removed"] or 0,
        "rejected": shown["rejected"],
        "rejected_by_reason": dict(view.reasons),
        "rejections": _rejections(view),
        "links": shown["links"],
    }


def _source_result(part: Part) -> Answer:
    status = status_of(part)
    counts: Answer = {"count": part.rows} if part.rows or status == "success" else {}
    said: Answer = {"message": part.message or "The source failed."} if status == "error" else {}
    return {**counts, "status": status, **said}


def _source(part: Part) -> Answer:
    return {
        "status": status_of(part),
        "count": part.rows,
        "stored": part.stored,
        "rejected": part.rejected,
        "duplicates": None if part.stored is None else max(0, part.rows - part.rejected - part.stored),
        **({"pages_known": part.pages_known} if part.pages_known else {}),
        **({"message": part.message} if part.message else {}),
        **({"notes": part.notes} if part.notes else {}),
    }


def status_of(part: Part) -> str:
    """queued, running, success, error or cancelled, by the states of the source's tasks."""
    if part.queued or part.running:
        return "running" if part.queued < tasks_of(part) else "queued"
    if part.failed:
        return "error"
    return "cancelled" if part.cancelled else "success"


def tasks_of(part: Part) -> int:
    return part.queued + part.running + part.succeeded + part.failed + part.cancelled


def moment(at: datetime | None) -> str | None:
    """As JSON has it everywhere here: ISO 8601 with an offset."""
    return at.isoformat() if at else None


def failure(failed: Failure) -> Answer:
    """One failed attempt, as a problem."""
    # An upstream's trouble has no HTTP status of ours, so this problem has none either.
    return {
        "type": "about:blank",
        "title": f"{failed.task.capitalize()} failed",
        "detail": failed.detail,
        "source": failed.source,
        "at": moment(failed.at),
        "attempt": failed.attempt,
        "followed": failed.followed,
    }


def _rejections(view: JobView) -> list[Answer]:
    return [{"source": row.source, "row": row.row, "reason": row.reason, "raw": row.raw} for row in view.rejections]


def _links(view: JobView) -> dict[str, str]:
    links = {"self": path_of(view.head.id)}
    if view.head.finished_at is None:
        links["cancel"] = f"{links['self']}/cancel"
    elif any(part.failed or part.cancelled for part in view.parts):
        links["retry"] = f"{links['self']}/retry"
    if _sum(view, "rejected"):
        links["rejects"] = f"{links['self']}/rejects"
    if view.head.retry_of is not None:
        links["retry_of"] = path_of(view.head.retry_of)
    return links


def _sum(view: JobView, count: str) -> int:
    return sum(int(getattr(part, count)) for part in view.parts)
