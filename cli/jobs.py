"""Jobs: asked for, waited for, looked at, cancelled, run again."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

import click

from cli.output import Progressing, facts, progress, table
from cli.program import FAILED, INTERRUPTED, WHO, Program, note
from core.errors import BadSettings
from db import jobs, jobviews
from db.jobs import Doorbell
from db.jobviews import JobView
from web import jobanswers

_PAUSE_SECONDS = 0.2


def ring(program: Program, doorbells: Sequence[Doorbell]) -> None:
    """Let workers know of a committed job. It is done all the same when they aren't told, a little later."""
    with suppress(BadSettings):
        program.bell.ring(doorbells)


def accepted(program: Program, job_id: int, doorbells: Sequence[Doorbell], *, wait: bool, as_json: bool) -> None:
    """Ring for a job that was put on record, wait for its end if asked to, and say what there is to say of it."""
    ring(program, doorbells)
    if wait:
        view = _waited_for(program, job_id)
        _say(view, as_json=as_json)
        sys.exit(0 if view.head.state == "succeeded" else FAILED)
    if as_json:
        _say(_view(program, job_id), as_json=True)
    else:
        click.echo(f"job {job_id} is on record; `jobs {job_id}` tells how it fares")


def list_jobs(program: Program, *, state: str | None, kind: str | None, most: int, as_json: bool) -> None:
    with program.database.connection() as connection:
        views, total = jobviews.list_jobs(connection, page=1, page_size=most, state=state, kind=kind)
    shown = [jobanswers.summary(view) for view in views]
    if as_json:
        click.echo(json.dumps({"data": shown, "total": total}, ensure_ascii=False))
        return
    table(
        ("id", "kind", "state", "done", "fetched", "stored", "rejected", "created", "by"),
        [
            (
                job["id"],
                job["kind"],
                job["state"],
                f"{job['progress']['done']}/{job['progress']['total']}",
                job["total_fetched"],
                job["total_stored"],
                job["rejected"],
                job["created_at"][:19].replace("T", " "),
                job["requested_by"],
            )
            for job in shown
        ],
        right=("id", "done", "fetched", "stored", "rejected"),
    )
    if total > len(shown):
        note(f"{total - len(shown)} older ones are not shown; --limit shows more.")


def show_job(program: Program, job_id: int, *, as_json: bool) -> None:
    """Ends with FAILED for a job that failed, wholly or in part, so that scripts can ask."""
    view = _view(program, job_id)
    _say(view, as_json=as_json)
    sys.exit(FAILED if view.head.state in ("failed", "partial_success") else 0)


def cancel(program: Program, job_id: int, *, as_json: bool) -> None:
    jobs.cancel(program.database, job_id)
    _say(_view(program, job_id), as_json=as_json)


def retry(program: Program, job_id: int, *, wait: bool, as_json: bool) -> None:
    with program.database.transaction() as connection:
        made = jobs.retry(connection, job_id, requested_by=WHO)
    accepted(program, made.job_id, made.doorbells, wait=wait, as_json=as_json)


def _view(program: Program, job_id: int) -> JobView:
    with program.database.connection() as connection:
        return jobviews.one_job(connection, job_id)


def _waited_for(program: Program, job_id: int) -> JobView:
    try:
        with progress() as show:
            while (view := _view(program, job_id)).head.finished_at is None:
                _show(view, show)
                time.sleep(_PAUSE_SECONDS)
            _show(view, show)
            return view
    except KeyboardInterrupt:
        note(f"no longer waiting; job {job_id} goes on, `cancel {job_id}` stops it")
        sys.exit(INTERRUPTED)


def _show(view: JobView, show: Progressing) -> None:
    state = jobanswers.summary(view)
    show(
        f"job {view.head.id} {view.head.state}, {state['total_fetched']} rows, tasks",
        state["progress"]["done"],
        state["progress"]["total"],
    )


def _say(view: JobView, *, as_json: bool) -> None:
    body = jobanswers.body(view)
    if as_json:
        click.echo(json.dumps(body, ensure_ascii=False))
        return
    facts(
        (
            ("job", body["id"]),
            ("kind", body["kind"]),
            ("state", body["state"]),
            ("tasks", f"{body['progress']['done']} of {body['progress']['total']}"),
            ("fetched", body["total_fetched"]),
            ("stored", body["total_stored"]),
            ("duplicates", body["duplicates_removed"]),
            ("rejected", body["rejected"]),
            ("created", body["created_at"]),
            ("finished", body["finished_at"]),
            ("error", body["error"] and body["error"]["detail"]),
        )
    )
    for source, part in body["sources"].items():
        message = f": {part['message']}" if "message" in part else ""
        facts([(f"  {source}", f"{part['status']}, {part['count']} rows{message}")])
    for reason, count in body["rejected_by_reason"].items():
        facts([("  rejected", f"{count}: {reason}")])
