"""Every error answer, as application/problem+json (RFC 9457). Nothing of the inside is told, only the request's id."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import marshmallow as ma
from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from core.errors import GiveUp, ProjectError, Unavailable
from db.alerts import NoSuchAlert
from db.corrections import BadCanonicalId, NoSuchMapping
from db.deadletters import NoSuchTask
from db.deliveries import NoSuchDelivery
from db.jobs import KeyReused, NoSuchJob, NotRetryable
from db.schedules import NameTaken, NoSuchSchedule, ScheduleFixed
from web import tracing

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5

_STATUS_OF: Mapping[type[ProjectError], int] = {
    NoSuchJob: 404,
    NoSuchTask: 404,
    NoSuchMapping: 404,
    NoSuchSchedule: 404,
    NoSuchAlert: 404,
    NoSuchDelivery: 404,
    BadCanonicalId: 422,
    NotRetryable: 409,
    NameTaken: 409,
    ScheduleFixed: 409,
    KeyReused: 422,
    GiveUp: 422,
    Unavailable: 503,
}
_LOCATIONS = {"headers": "header", "json": "body"}
_DETAILS = {
    404: "There is nothing at this address; /docs lists what there is.",
    405: "This address doesn't take this method; the Allow header names those that it takes.",
    500: "The server failed at this request. Its log has the reason under the request_id.",
}


class Problem(Exception):
    """An error answer, raised. `errors` names the fields at fault, each `{"in", "name", "detail"}`."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})


class FieldErrorSchema(ma.Schema):
    """One field at fault."""

    location = ma.fields.String(data_key="in", metadata={"description": "query, header, path or body"})
    name = ma.fields.String(metadata={"description": "the field's name"})
    detail = ma.fields.String(metadata={"description": "what is wrong with it"})


class ProblemSchema(ma.Schema):
    """An error, as RFC 9457 has it."""

    type = ma.fields.String(required=True, metadata={"description": "about:blank: the status says it all"})
    title = ma.fields.String(required=True, metadata={"description": "the status in words"})
    status = ma.fields.Integer(required=True)
    detail = ma.fields.String(required=True, metadata={"description": "what happened, for people"})
    request_id = ma.fields.String(
        required=True, metadata={"description": "as in the X-Request-ID header and the server's log"}
    )
    errors = ma.fields.List(ma.fields.Nested(FieldErrorSchema), metadata={"description": "the fields at fault"})


def problem_object(status: int, detail: str, **more: object) -> dict[str, object]:
    """The members of a problem; `more` are extension members."""
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}


def answer(problem: Problem) -> Response:
    """The error answer to the running request."""
    body = problem_object(problem.status, problem.detail, request_id=tracing.request_id())
    if problem.errors:
        body["errors"] = list(problem.errors)
    headers = problem.headers
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.setdefault("Retry-After", str(RETRY_AFTER_SECONDS))
    return Response(json.dumps(body, ensure_ascii=False), problem.status, headers, content_type=CONTENT_TYPE)


def register(app: Flask) -> None:
    """Answer what the domain raises; HTTP errors come by `of_http_error`, which the Api registers."""
    app.register_error_handler(Problem, answer)
    app.register_error_handler(ProjectError, _of_project_error)


def _of_project_error(error: ProjectError) -> Response | HTTPException:
    for kind, status in _STATUS_OF.items():
        if isinstance(error, kind):
            return answer(Problem(status, _sentence(str(error))))
    # A domain error that no view should let through is a fault of ours, and handled as one.
    raise error


def of_http_error(error: HTTPException) -> Response:
    """The problem for an error that Flask, Werkzeug or webargs raised."""
    status = error.code or 500
    given: Mapping[str, Any] = getattr(error, "data", None) or {}
    errors = field_errors(given.get("messages", {}))
    if errors:
        detail = "; ".join(f"{each['name']}: {each['detail']}" for each in errors)
    else:
        detail = _DETAILS.get(status) or error.description or HTTPStatus(status).phrase
    headers = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    return answer(Problem(status, detail, errors=errors, headers=headers))


def field_errors(messages: object) -> list[dict[str, str]]:
    """Flatten what webargs says, `{"query": {"limit": ["Not a number."]}}`, into a list of field errors.

    Its locations are `query`, `headers` and `json`; ours are OpenAPI's and `body`.
    """
    if not isinstance(messages, Mapping):
        return []
    return [
        {"in": _LOCATIONS.get(str(location), str(location)), "name": str(name), "detail": " ".join(_texts(said))}
        for location, fields in messages.items()
        for name, said in (fields if isinstance(fields, Mapping) else {"": fields}).items()
    ]


def _texts(said: object) -> list[str]:
    if isinstance(said, Mapping):
        return [text for each in said.values() for text in _texts(each)]
    if isinstance(said, Sequence) and not isinstance(said, str):
        return [text for each in said for text in _texts(each)]
    return [str(said)]


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
