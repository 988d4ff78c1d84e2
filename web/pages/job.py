"""GET /jobs/{id} and …/rejects: all about one job; POST …/cancel and …/retry for who has no script."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from db import jobpage, jobs, rejects
from web import jobanswers
from web.auth import caller, needs
from web.pages import jobwords
from web.pages.blueprint import pages
from web.pages.jobs import asked, form_key, new_key
from web.parameters import PageQuery
from web.services import services


@pages.get("/jobs/<job_id:job_id>")
def job_page(job_id: int) -> str:
    with services().database.connection() as connection:
        page = jobpage.job_page(connection, job_id)
    job = jobanswers.body(page.view)
    return render_template(
        "job.html",
        view=page.view,
        job=job,
        rejections=job["rejections"],
        tasks=page.tasks,
        successors=page.successors,
        events=jobwords.events(page.view),
        wishes=jobwords.asked_for(page.tasks),
        chances=list(jobwords.chances(page.view)),
        words=jobwords,
        form_key=new_key(),
    )


@pages.get("/jobs/<job_id:job_id>/rejects")
def rejects_page(job_id: int) -> Response:
    """Every row that was not stored, page by page."""
    query, faults = asked(PageQuery)
    with services().database.connection() as connection:
        found: dict[str, Any] = json.loads(
            rejects.page_of_rejects(connection, job_id, page=query["page"], page_size=query["page_size"])
        )
    body = render_template(
        "job_rejects.html",
        job_id=job_id,
        rejections=found["data"],
        total=found["total"],
        pages=max(1, found["total_pages"]),
        query=query,
        faults=faults,
        words=jobwords,
    )
    return Response(body, 422 if faults else 200)


@pages.post("/jobs/<job_id:job_id>/cancel")
@needs("ingest")
def cancel_from_page(job_id: int) -> Answer:
    jobs.cancel(services().database, job_id, form_key(request.path))
    return redirect(url_for("pages.job_page", job_id=job_id), 303)


@pages.post("/jobs/<job_id:job_id>/retry")
@needs("ingest")
def retry_from_page(job_id: int) -> Answer:
    name = caller().name
    with services().database.transaction() as connection:
        made = jobs.once(connection, form_key(request.path), lambda: jobs.retry(connection, job_id, requested_by=name))
    services().bell.ring(made.doorbells)
    return redirect(url_for("pages.job_page", job_id=made.job_id), 303)
