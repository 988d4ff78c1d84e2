"""flask-smorest, taught that errors are problems, that an unknown parameter is one, and how we declare an operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Any, TypeAlias

import flask_smorest
import marshmallow as ma
from flask import Request, Response, request
from webargs.flaskparser import FlaskParser
from webargs.multidictproxy import MultiDictProxy
from werkzeug.exceptions import HTTPException

from core.settings import ROLES
from web import problems
from web.auth import needs

View: TypeAlias = Callable[..., Response]

_SECURITY: Mapping[str | None, list[dict[str, list[str]]]] = {
    None: [],
    # Open for reading, with or without a key.
    "read": [{}, {"bearer": []}, {"apiKey": []}],
    # Says more to who may read.
    "anyone": [{}, {"bearer": []}, {"apiKey": []}],
    "ingest": [{"bearer": []}, {"apiKey": []}],
    "admin": [{"bearer": []}, {"apiKey": []}],
}
_ALWAYS = (422, 500, 503)
# A body that is no JSON, or too long, or of another kind.
_OF_BODIES = (400, 413, 415)
# A wrong key, a lesser one, and more requests than RATE_LIMIT_PER_MINUTE lets through.
_REFUSALS: Mapping[str | None, tuple[int, ...]] = {
    None: (),
    "anyone": (401, 429),
    "read": (401, 429),
    "ingest": (401, 403, 429),
    "admin": (401, 403, 429),
}
_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "how to send a key"},
    429: {
        "Retry-After": "seconds after which to try again",
        "RateLimit": "the limit by name, how many requests are left (r) and for how many seconds (t)",
        "RateLimit-Policy": "the limit by name, how many requests (q) in how many seconds (w)",
    },
    503: {"Retry-After": "seconds after which to try again"},
}


class Api(flask_smorest.Api):  # type: ignore[misc]
    """The API whose errors are problems, in the answers and in the OpenAPI document."""

    ERROR_SCHEMA = problems.ProblemSchema

    def handle_http_exception(self, error: HTTPException) -> Response:
        return problems.of_http_error(error)

    def _register_responses(self) -> None:
        # The base class documents errors as application/json and has no setting for it.
        for status in HTTPStatus:
            if status >= HTTPStatus.BAD_REQUEST:
                self._register_problem(status.name, status, status.phrase)
        self._register_problem(self.DEFAULT_ERROR_RESPONSE_NAME, HTTPStatus.INTERNAL_SERVER_ERROR, "Any other error")

    def _register_problem(self, name: str, status: HTTPStatus, description: str) -> None:
        example = problems.problem_object(status, "What happened, in a sentence.", request_id="0b52a7ac")
        response: dict[str, Any] = {
            "description": description,
            "content": {problems.CONTENT_TYPE: {"schema": self.ERROR_SCHEMA, "example": example}},
        }
        if headers := _HEADERS.get(status):
            response["headers"] = {
                header: {"description": text, "schema": {"type": "string"}} for header, text in headers.items()
            }
        self.spec.components.response(name, response, lazy=True)


class Parser(FlaskParser):
    """Refuses parameters that are unknown, or given twice: a client that is misunderstood should hear of it."""

    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": ma.RAISE}  # noqa: RUF012

    def load_querystring(self, req: Request, schema: ma.Schema) -> MultiDictProxy:
        twice = {name: ["Given more than once."] for name, values in req.args.lists() if len(values) > 1}
        unfit = {name: ["Holds a zero byte."] for name, value in req.args.items() if "\x00" in value}
        if twice or unfit:
            raise ma.ValidationError({**twice, **unfit})
        proxy: MultiDictProxy = super().load_querystring(req, schema)
        return proxy


class Nothing(ma.Schema):
    """No parameters at all."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer: what it looks like, an example of it, and its headers with what they say."""

    schema: type[ma.Schema] | Mapping[str, Any]
    example: Mapping[str, Any] | str
    description: str
    headers: Mapping[str, str] | None = None
    # None: application/json
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """A JSON body that an operation asks for."""

    schema: type[ma.Schema]
    example: Mapping[str, Any]


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """A resource. Its views return ready responses; the schemas only describe them."""

    ARGUMENTS_PARSER = Parser()

    def operation(
        self,
        method: str,
        rule: str,
        *,
        role: str | None,
        answers: Mapping[int, Answer | Sequence[Answer]],
        query: type[ma.Schema] = Nothing,
        headers: type[ma.Schema] | None = None,
        body: Body | None = None,
        errors: Sequence[int] = (),
        revalidated: bool = False,
        **documentation: Any,
    ) -> Callable[[View], View]:
        """Declare a view: its address, who may call it, its parameters and every answer that it gives.

        `role` None asks for no key, and doesn't look at one that is sent; "anyone" tells the view who asks.
        An answer may come in several content types.
        The view gets the checked query, then the checked headers and the checked JSON body if it asks for some, then
        what stands in the path.
        `revalidated`: the answer has an ETag, by which a client may ask whether it is still right.
        Its name is the operation's id, its docstring the summary and description.
        """

        def declare(view: View) -> View:
            name = view.__name__
            wrapped: View = view
            if body:
                wrapped = self.arguments(body.schema, location="json", example=dict(body.example))(wrapped)
            wrapped = self.arguments(headers, location="headers")(wrapped) if headers else wrapped
            wrapped = self.arguments(query, location="query")(wrapped)
            for status, given in answers.items():
                for good in (given,) if isinstance(given, Answer) else given:
                    wrapped = self._answering(status, good)(wrapped)
            if revalidated:
                wrapped = self.alt_response(304, description="What If-None-Match names is still right")(wrapped)
            refusals = {*_ALWAYS, *_REFUSALS[role], *(_OF_BODIES if body else ()), *errors}
            for status in sorted(refusals - answers.keys()):
                wrapped = self.alt_response(status, HTTPStatus(status).name)(wrapped)
            wrapped = self.doc(operationId=name, security=_SECURITY[role], **documentation)(wrapped)
            wrapped = _needs_json(wrapped) if body else wrapped
            guarded: View = needs(role)(wrapped) if role in ROLES else wrapped
            self.route(rule, methods=[method])(guarded)
            return guarded

        return declare

    def _answering(self, status: int, good: Answer) -> Callable[[View], View]:
        documented: Callable[[View], View] = self.alt_response(
            status,
            schema=good.schema,
            example=good.example if isinstance(good.example, str) else dict(good.example),
            description=good.description,
            headers={
                header: {"description": text, "schema": {"type": "string"}}
                for header, text in (good.headers or {}).items()
            }
            or None,
            content_type=good.content_type,
            success=True,
        )
        return documented


def _needs_json(view: View) -> View:
    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Response:
        if not request.is_json:
            raise problems.Problem(415, "The body must be JSON, sent with Content-Type: application/json.")
        return view(*args, **kwargs)

    return checked
