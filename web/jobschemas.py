"""What jobs and results look like, for the OpenAPI document."""

from __future__ import annotations

import marshmallow as ma

from web.schemas import PageSchema, listed, text, texts, time, whole

_NOTES = {"description": "what the reader of the source chose, such as which column is the price"}


def reasons() -> ma.fields.Dict:
    return ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Integer(),
        required=True,
        metadata={"description": "by reason, how many rows were not stored; known when the job has ended"},
    )


class ProgressSchema(ma.Schema):
    """How far a job is, in tasks; the total grows while pages are fetched."""

    done = whole("tasks that ended")
    total = whole("tasks known so far")


class JobSourceSchema(ma.Schema):
    """One source's share of a job: count = stored + duplicates + rejected."""

    status = text("queued, running, success, error or cancelled")
    count = whole("rows that came")
    stored = whole("distinct coins made or updated; known when the job has ended, in full", known=False)
    rejected = whole("rows not stored, each with a reason")
    duplicates = whole("the rest; known when stored is", known=False)
    pages_known = ma.fields.Integer(
        metadata={"description": "pages at a file's beginning that had come before and were not merged again, if any"}
    )
    message = ma.fields.String(metadata={"description": "the last failure, if one is open"})
    notes = ma.fields.Dict(metadata=_NOTES)


class LinksSchema(ma.Schema):
    """Where to go from here."""

    self = text("the job")
    cancel = ma.fields.String(metadata={"description": "POST here to stop it; while it has not ended"})
    retry = ma.fields.String(metadata={"description": "POST here to run again what failed"})
    rejects = ma.fields.String(metadata={"description": "all rows that were not stored, as JSON or CSV"})
    retry_of = ma.fields.String(metadata={"description": "the job whose failed parts this one runs"})


class JobSummarySchema(ma.Schema):
    """A job, in a list."""

    id = whole("the job's number")
    kind = text("all, or the source's name")
    state = text("queued, running, succeeded, partial_success, failed or cancelled; the last four are final")
    requested_by = text("the name of the API key, or anonymous, schedule, startup")
    progress = ma.fields.Nested(ProgressSchema, required=True)
    sources = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Nested(JobSourceSchema), required=True)
    attempts = whole("how often the most stubborn task was begun")
    total_fetched = whole("rows that came")
    total_stored = whole("distinct coins made or updated; known when it has ended", known=False)
    duplicates_removed = whole("rows of coins that came before; known when it has ended", known=False)
    rejected = whole("rows not stored")
    created_at = time("when it was accepted")
    started_at = time("when a worker began", known=False)
    finished_at = time("when it ended", known=False)
    cancel_requested_at = time("when somebody asked to stop it", known=False)
    retry_of = whole("the job whose failed parts this one runs", known=False)
    links = ma.fields.Nested(LinksSchema, required=True)


class FailureSchema(ma.Schema):
    """One failed attempt, as a problem."""

    type = text("about:blank")
    title = text("which kind of task failed")
    detail = text("what happened")
    source = text("the source")
    at = time("when")
    attempt = whole("which attempt it was")
    followed = text("what came of it: retry, wait, lost (taken from a dead worker) or failed (for good)")


class DeadLetterLinksSchema(ma.Schema):
    """Where to go from here."""

    job = text("the job that it was part of")
    retry = text("POST here to run it again")


class DeadLetterSchema(ma.Schema):
    """A task that failed for good."""

    task_id = whole("the task's number")
    job_id = whole("the job that it was part of")
    source = text("the source")
    task = text("fetch or normalize")
    attempts = whole("how often it was begun")
    failed_at = time("when it failed for good")
    error = ma.fields.Nested(FailureSchema, required=True, allow_none=True)
    errors = listed(FailureSchema)
    links = ma.fields.Nested(DeadLetterLinksSchema, required=True)


class DeadLettersPageSchema(PageSchema):
    """A page of failed tasks, the latest first."""

    data = listed(DeadLetterSchema)


class RejectionSchema(ma.Schema):
    """A row that was not stored."""

    source = text("the source")
    row = whole("the line of the file, or the place in a page, from 1")
    reason = text("why")
    raw = text("the row as it came")


class JobSchema(JobSummarySchema):
    """A job in full."""

    error = ma.fields.Nested(FailureSchema, required=True, allow_none=True)
    errors = listed(FailureSchema)
    timeline = ma.fields.List(
        ma.fields.Dict(), required=True, metadata={"description": "events, each with at, event and what it is about"}
    )
    rejected_by_reason = reasons()
    rejections = listed(RejectionSchema)


class JobsPageSchema(PageSchema):
    """A page of jobs, the newest first."""

    data = listed(JobSummarySchema)


class OutcomeSchema(ma.Schema):
    """What every finished result holds."""

    status = text("success, partial_success, error or cancelled")
    job_id = whole("the job behind it")
    total_stored = whole("distinct coins made or updated")
    duplicates_removed = whole("rows of coins that came before")
    rejected = whole("rows not stored")
    rejected_by_reason = reasons()
    rejections = listed(RejectionSchema)
    links = ma.fields.Nested(LinksSchema, required=True)


class ResultSchema(OutcomeSchema):
    """The finished result of one source."""

    source = text("the source")
    count = whole("rows that came")
    message = ma.fields.String(metadata={"description": "why it failed, if it did"})
    coins_fetched = texts("the coins' names as slugs, in the order they came; 500 at most")
    notes = ma.fields.Dict(required=True, metadata=_NOTES)


class SourceResultSchema(ma.Schema):
    """What one source brought."""

    status = text("success, error or cancelled")
    count = ma.fields.Integer(metadata={"description": "rows that came"})
    message = ma.fields.String(metadata={"description": "why it failed, if it did"})


class AllResultSchema(OutcomeSchema):
    """The finished result of all sources."""

    sources = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Nested(SourceResultSchema), required=True)
    total_fetched = whole("rows that came")
