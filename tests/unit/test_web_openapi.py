"""The OpenAPI document: valid, complete, and true to its own examples. And its two readers, without another host."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import validate

from tests.unit.web_requests import client
from web.version import VERSION

DOCUMENT: dict[str, Any] = client().get("/openapi.json").get_json()


def _operations() -> Iterator[Any]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            if isinstance(operation, dict):
                yield pytest.param(operation, id=f"{method} {path}")


def test_the_document_is_valid_openapi_of_this_release() -> None:
    validate(DOCUMENT)
    assert DOCUMENT["openapi"].startswith("3.1")
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert DOCUMENT["info"]["version"] == VERSION == project["version"]


def test_every_route_of_the_api_is_in_the_document() -> None:
    # Those of the pages are for people; of the readers, for their own scripts.
    not_api = ("pages", "signin", "assets", "docs", "static")
    rules = {
        rule.rule
        for rule in client().application.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] not in not_api and rule.rule != "/api/v1/ingest/<source>"
    }
    documented = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule) for rule in rules}
    assert documented == set(DOCUMENT["paths"])


def test_each_operation_has_an_id_of_its_own() -> None:
    ids = [param.values[0]["operationId"] for param in _operations()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("operation", list(_operations()))
def test_an_operation_has_a_summary_an_example_and_its_errors_as_problems(operation: dict[str, Any]) -> None:
    assert operation["summary"].endswith((".", "?"))
    for status, response in operation["responses"].items():
        if "$ref" in response:
            response = DOCUMENT["components"]["responses"][response["$ref"].rpartition("/")[2]]  # noqa: PLW2901
        assert ("content" in response) == (status != "304")
        for content_type, content in response.get("content", {}).items():
            assert content["example"]
            if status.startswith("4"):
                assert content_type == "application/problem+json"
    assert {"422", "500", "503"} <= set(operation["responses"])


@pytest.mark.parametrize("operation", list(_operations()))
def test_the_examples_are_what_the_schemas_say(operation: dict[str, Any]) -> None:
    for response in operation["responses"].values():
        for content in response.get("content", {}).values():
            schema = {**content["schema"], "components": DOCUMENT["components"]}
            Draft202012Validator(schema, format_checker=FormatChecker()).validate(content["example"])


def test_who_writes_is_asked_for_a_key_in_the_document_too() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            if method in ("post", "delete"):
                assert {} not in operation["security"], path
                assert {"401", "403", "429"} <= set(operation["responses"])


def test_who_reads_may_be_asked_for_a_key_and_told_to_slow_down() -> None:
    probes = ("/livez", "/readyz")
    for path, methods in DOCUMENT["paths"].items():
        if "get" in methods:
            assert {"401", "429"} <= set(methods["get"]["responses"]) or path in probes
    refusal = DOCUMENT["components"]["responses"]["TOO_MANY_REQUESTS"]
    assert set(refusal["headers"]) == {"Retry-After", "RateLimit", "RateLimit-Policy"}


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_the_readers_load_from_here_alone_and_everything_they_ask_for_is_there(page: str) -> None:
    asking = client()
    answer = asking.get(page)
    assert answer.content_type.startswith("text/html")
    assert "http" not in answer.headers["Content-Security-Policy"]
    assert "//" not in re.sub(r"<!--.*?-->", "", answer.text)
    asked = re.findall(r'(?:src|href|spec-url)="([^"]+)"', answer.text)
    assert len(asked) >= 3
    for path in asked:
        with asking.get(path) as asset:
            assert asset.status_code == 200
    assert "<script>" not in answer.text


@pytest.mark.parametrize("name", ["nothing.js", "../app.py", "..%2fapp.py", "index.css"])
def test_no_other_file_is_served(name: str) -> None:
    assert client().get(f"/docs/assets/{name}").status_code == 404
