"""A test client that holds every answer it gets against the OpenAPI document: none may be other than described."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flask.testing import FlaskClient
from jsonschema import Draft202012Validator, FormatChecker
from werkzeug.test import TestResponse


def exact(response: TestResponse) -> Any:
    """An answer's JSON with its numbers digit for digit."""
    return json.loads(response.get_data(), parse_float=Decimal)


class ContractClient(FlaskClient):
    """Checks each answer of a documented operation: its status, content type, headers' presence and body."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        response = super().open(*args, **kwargs)
        self._check(response)
        return response

    def _check(self, response: TestResponse) -> None:
        if response.request.path in ("/openapi.json", "/docs", "/redoc") or "/assets/" in response.request.path:
            return
        if response.status_code >= 400 and response.content_type == "application/problem+json":
            assert exact(response)["status"] == response.status_code
            assert exact(response)["request_id"] == response.headers["X-Request-ID"]
        document = self._document()
        operation = _operation(document, response.request.path, response.request.method)
        if operation is None:
            assert response.status_code in (404, 405)
            return
        described = operation["responses"].get(str(response.status_code))
        assert described, f"{response.request.path} doesn't document {response.status}: {response.text}"
        described = _resolved(document, described)
        if response.status_code == 304:
            assert not response.data
            return
        content = described["content"]
        assert response.content_type in content
        if not response.content_type.endswith("json"):
            return
        schema = {**content[response.content_type]["schema"], "components": document["components"]}
        Draft202012Validator(schema, format_checker=FormatChecker()).validate(exact(response))

    def _document(self) -> Mapping[str, Any]:
        if "contract" not in self.application.extensions:
            self.application.extensions["contract"] = FlaskClient(self.application).get("/openapi.json").get_json()
        document: Mapping[str, Any] = self.application.extensions["contract"]
        return document


def _operation(document: Mapping[str, Any], path: str, method: str) -> Mapping[str, Any] | None:
    # Fixed paths before those with a parameter, and what has a fixed end before what has not, as the server has it.
    for template in sorted(document["paths"], key=lambda path: (path.count("{"), path.endswith("}"))):
        pattern = re.sub(r"\\\{\w+\\\}", r"[0-9]+" if "jobs" in template else r".+", re.escape(template))
        operation: Mapping[str, Any] | None = document["paths"][template].get(method.lower())
        if operation and re.fullmatch(pattern, path):
            return operation
    return None


def _resolved(document: Mapping[str, Any], described: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in described:
        found: Mapping[str, Any] = document["components"]["responses"][described["$ref"].rpartition("/")[2]]
        return found
    return described
