"""flask-smorest, taught that errors are problems, that an unknown parameter is one, and how we declare an operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeAlias

import flask_smorest
import marshmallow as ma
from flask import Request, Response
from webargs.flaskparser import FlaskParser
from webargs.multidictproxy import MultiDictProxy
from werkzeug.exceptions import HTTPException

from web import problems
from web.auth import needs

View: TypeAlias = Callable[..., Response]

_SECURITY: Mapping[str | None, list[dict[str, list[str]]]] = {
    None: [],
    # Open for reading, with or without a key.
    "read": [{}, {"bearer": []}, {"apiKey": []}],
    "ingest": [{"bearer": []}, {"apiKey": []}],
    "admin": [{"bearer": []}, {"apiKey": []}],
}
_ALWAYS = (422, 500, 503)
_REFUSALS: Mapping[str | None, tuple[int, ...]] = {None: (), "read": (401,), "ingest": (401, 403), "admin": (401, 403)}
_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "how to send a key"},
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

    schema: type[ma.Schema]
    example: Mapping[str, Any]
    description: str
    headers: Mapping[str, str] | None = None


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """A resource. Its views return ready responses; the schemas only describe them."""

    ARGUMENTS_PARSER = Parser()

    def operation(
        self,
        method: str,
        rule: str,
        *,
        role: str | None,
        answers: Mapping[int, Answer],
        query: type[ma.Schema] = Nothing,
        headers: type[ma.Schema] | None = None,
        errors: Sequence[int] = (),
        **documentation: Any,
    ) -> Callable[[View], View]:
        """Declare a view: its address, who may call it, its parameters and every answer that it gives.

        `role` None asks for no key, and doesn't look at one that is sent.
        The view gets the checked query, then the checked headers if it asks for some, then what stands in the path.
        Its name is the operation's id, its docstring the summary and description.
        """

        def declare(view: View) -> View:
            name = view.__name__
            wrapped: View = self.arguments(headers, location="headers")(view) if headers else view
            wrapped = self.arguments(query, location="query")(wrapped)
            for status, good in answers.items():
                wrapped = self.alt_response(
                    status,
                    schema=good.schema,
                    example=dict(good.example),
                    description=good.description,
                    headers={
                        header: {"description": text, "schema": {"type": "string"}}
                        for header, text in (good.headers or {}).items()
                    }
                    or None,
                    success=True,
                )(wrapped)
            for status in sorted({*_ALWAYS, *_REFUSALS[role], *errors} - answers.keys()):
                wrapped = self.alt_response(status, HTTPStatus(status).name)(wrapped)
            wrapped = self.doc(operationId=name, security=_SECURITY[role], **documentation)(wrapped)
            guarded: View = needs(role)(wrapped) if role else wrapped
            self.route(rule, methods=[method])(guarded)
            return guarded

        return declare
