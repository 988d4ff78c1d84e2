"""GET /jobs: what was asked for and what became of it; POST /jobs: start an ingest without a script."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import marshmallow as ma
from flask import Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from core.sources import SOURCES
from core.sources.csv import CSV
from core.sources.csvfile.headers import FIELDS
from db import jobpage, jobs, jobviews
from db.jobpage import Counts
from db.jobs import Idempotency, TaskOrder
from db.jobviews import JobView
from db.orders import sources_of
from db.reprocess import REPROCESS
from web import jobanswers
from web.auth import caller, needs
from web.ingest import ALL
from web.pages import jobwords
from web.pages.blueprint import pages
from web.parameters import JOB_STATES, LARGEST_PAGE, MOST_COINS, JobsQuery, limit_field
from web.services import services

KINDS = (ALL, *SOURCES, REPROCESS)
LIMITED = [source for source in SOURCES.values() if source.default_limit is not None]
_LIMITS = {f"{source.name}_limit": source.name for source in LIMITED}
LimitsForm = ma.Schema.from_dict({field: limit_field() for field in _LIMITS}, name="LimitsForm")
_KEY = re.compile(r"[0-9a-f]{32}")


class Line(NamedTuple):
    """A job as the list shows it: as read, and as the API tells it."""

    view: JobView
    job: Mapping[str, Any]


class Listed(NamedTuple):
    """A page of the list, with what was wrong about the question."""

    lines: Sequence[Line]
    counts: Counts
    query: Mapping[str, Any]
    total: int
    faults: Sequence[str]

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // int(self.query["page_size"])))


def lines_of(views: Sequence[JobView]) -> list[Line]:
    return [Line(view, jobanswers.summary(view)) for view in views]


@pages.get("/jobs")
def jobs_page() -> Response:
    return _page()


@pages.get("/jobs/rows")
def job_rows() -> str:
    """The lines of the jobs named by `id` in the query, for a list that is kept current; one that is gone has none."""
    numbers = [int(text) for text in request.args.getlist("id")[:LARGEST_PAGE] if text.isdecimal() and len(text) < 19]
    with services().database.connection() as connection:
        views = jobviews.some_jobs(connection, numbers)
    return render_template("job_rows.html", lines=lines_of(views), words=jobwords)


@pages.post("/jobs")
@needs("ingest")
def start_job() -> Answer:
    """Put the job on record that the form asks for, and show it. Files are uploaded by the page's script alone."""
    source = request.form.get("source", "")
    if source not in SOURCES and source != ALL:
        return _page(422, ["Choose where the quotes come from."])
    try:
        limits = LimitsForm().load(_given(request.form), unknown=ma.EXCLUDE)
    except ma.ValidationError as error:
        return _page(422, _sentences(error.messages_dict))
    orders = [_order(name, limits) for name in sources_of(source, services().settings)]
    with services().database.transaction() as connection:
        submitted = jobs.submit(
            connection,
            kind=source,
            orders=orders,
            max_attempts=services().settings.retry_max + 1,
            requested_by=caller().name,
            idempotency=form_key(f"{source} {limits}"),
        )
    services().bell.ring(submitted.doorbells)
    return redirect(url_for("pages.job_page", job_id=submitted.job_id), 303)


def form_key(asked: str) -> Idempotency | None:
    """The key that the page put into its form, so that sending it twice makes one job, and changing it another one."""
    key = request.form.get("key", "")
    if not _KEY.fullmatch(key):
        return None
    digest = hashlib.sha256(asked.encode()).hexdigest()
    return Idempotency(caller().name, f"form {key} {digest[:16]}", digest)


def new_key() -> str:
    return uuid.uuid4().hex


def _order(name: str, limits: Mapping[str, int]) -> TaskOrder:
    limit = limits.get(f"{name}_limit") or SOURCES[name].default_limit
    return TaskOrder(name, {} if limit is None else {"limit": limit})


def _page(status: int = 200, faults: Sequence[str] = ()) -> Response:
    listed = _listed()
    body = render_template(
        "jobs.html",
        listed=listed,
        words=jobwords,
        states=JOB_STATES,
        kinds=KINDS,
        limited=LIMITED,
        most_coins=MOST_COINS,
        csv=CSV.name,
        fields=FIELDS,
        max_upload=services().settings.max_upload_bytes,
        form=request.form,
        form_faults=faults,
        form_key=new_key(),
    )
    return Response(body, 422 if listed.faults else status)


def _listed() -> Listed:
    query, faults = asked(JobsQuery)
    with services().database.connection() as connection:
        views, total = jobviews.list_jobs(
            connection,
            page=query["page"],
            page_size=query["page_size"],
            state=query.get("state"),
            kind=query.get("kind"),
        )
        return Listed(
            lines_of(views), jobpage.counts(connection), {"state": None, "kind": None, **query}, total, faults
        )


def asked(schema: type[ma.Schema]) -> tuple[dict[str, Any], list[str]]:
    """The query as far as it is right, and a sentence for each part that isn't. What is unknown here is ignored."""
    given = _given(request.args)
    try:
        return dict(schema().load(given, unknown=ma.EXCLUDE)), []
    except ma.ValidationError as error:
        messages = error.messages_dict
        right = {name: value for name, value in given.items() if name not in messages}
        return dict(schema().load(right, unknown=ma.EXCLUDE)), _sentences(messages)


def _given(form: Mapping[str, str]) -> dict[str, str]:
    """A form sends empty text for what wasn't filled in. No name holds a zero byte, nor does Postgres take one."""
    return {name: value.replace("\0", "\ufffd") for name, value in form.items() if value}


def _sentences(messages: Mapping[str, Any]) -> list[str]:
    return [
        f"{str(name).replace('_', ' ').capitalize()}: {' '.join(map(str, said))}" for name, said in messages.items()
    ]
