"""The documents say what there is: each operation, setting, command and make target, and each file they point at."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest

from cli.commands import quotes
from core.sources import SOURCES
from scripts import configuration
from tests.documented import DOCUMENTS, ROOT, commands
from tests.unit.web_requests import client, plain

API = ROOT / "docs" / "API.md"
SECURITY = ROOT / "docs" / "SECURITY.md"
_LINK = re.compile(r"\]\(([^)#\s]+)(#[^)]*)?\)")
_TARGET = re.compile(r"^([a-z0-9]+):.*?## ", re.MULTILINE)


def test_the_settings_page_is_what_the_settings_say() -> None:
    assert (ROOT / "docs" / "CONFIGURATION.md").read_text() == configuration.page(), "run `make configuration`"


def test_the_example_of_an_environment_is_what_the_settings_say() -> None:
    assert (ROOT / ".env.example").read_text() == configuration.example(), "run `make configuration`"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_points_at_is_there(document: Path) -> None:
    text = document.read_text()
    for link in [link for link, _ in _LINK.findall(text)] + re.findall(r'src(?:set)?="([^"]+)"', text):
        if not re.match(r"[a-z]+:", link):
            assert (document.parent / link).exists(), f"{document.name} points at {link}"


def test_every_make_target_is_documented_and_no_other() -> None:
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text()))
    said = " ".join(word for document in DOCUMENTS for word in document.read_text().split())
    assert set(re.findall(r"`(?:[A-Z_]+=\S+ )*make ([a-z0-9]+)\b", said)) == targets


def test_every_operation_is_in_the_api_page_by_method_and_path() -> None:
    said = re.sub(r"\s+", " ", API.read_text())
    assert [operation for operation in _operations() if f"`{operation}`" not in said] == []


def test_every_operation_has_a_call_in_the_api_page() -> None:
    called = {f"{method} {path}" for method, path in _calls()}
    missing = [
        operation
        for operation in _operations()
        if not any(re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(operation)), call) for call in called)
    ]
    assert missing == []


def test_every_body_that_an_operation_takes_has_an_example() -> None:
    without = []
    for path, methods in client().get("/openapi.json").get_json()["paths"].items():
        for method in methods.keys() & {"post", "put", "patch", "delete"}:
            for content in methods[method].get("requestBody", {}).get("content", {}).values():
                of_parts = [part for part in content["schema"].get("properties", {}).values() if "example" in part]
                if not content.get("example") and not of_parts:
                    without.append(f"{method} {path}")
    assert without == []


def test_who_may_do_what_is_what_the_program_refuses_others() -> None:
    rows = re.findall(r"^\| `(ingest|admin)` \| .* \| (`.*`) \|$", SECURITY.read_text(), re.MULTILINE)
    said = [(role, operation) for role, operations in rows for operation in re.findall(r"`([^`]+)`", operations)]
    lesser = plain(API_KEYS="reader:read:12345678")
    needed = {}
    for operation in _operations(keyed=True):
        method, path = operation.split()
        answer = lesser.open(re.sub(r"{\w+}", "1", path), method=method, headers={"X-API-Key": "12345678"})
        needed[operation] = re.findall(r"needs the role (\w+);", answer.get_json()["detail"])[0]
    sources = {f"POST /api/v1/ingest/{source}" for source in SOURCES}
    assert {needed.pop(operation) for operation in sources} == {"ingest"}
    assert {operation: role for role, operation in said} == {"POST /api/v1/ingest/{source}": "ingest", **needed}
    assert len(said) == 1 + len(needed)


def test_every_command_of_the_command_line_is_in_its_page() -> None:
    page = (ROOT / "docs" / "CLI.md").read_text()
    assert [name for name in _command_names(quotes) if not re.search(rf"(\./quotes |`){name}\b", page)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_heading_that_a_document_points_at_is_there(document: Path) -> None:
    for link, heading in _LINK.findall(document.read_text()):
        if heading and not re.match(r"[a-z]+:", link):
            assert heading[1:] in _headings(document.parent / link), f"{document.name} points at {link}{heading}"
    for heading in re.findall(r"\]\(#([^)]+)\)", document.read_text()):
        assert heading in _headings(document), f"{document.name} points at #{heading}"


def _operations(*, keyed: bool = False) -> list[str]:
    """All of them, or those that can't be called without a key."""
    paths = client().get("/openapi.json").get_json()["paths"]
    return [
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method in methods
        if method in ("get", "post", "put", "patch", "delete")
        and (not keyed or (methods[method]["security"] and {} not in methods[method]["security"]))
    ]


def _calls() -> Iterator[tuple[str, str]]:
    """What each curl asks."""
    for command in commands(API):
        for words in re.split(r"\| |=\$\(", command.text):
            if words.startswith("curl "):
                parts = shlex.split(words, posix=True)
                address = next(part for part in parts if part.startswith("http://"))
                sends = {"-d", "-F"} & set(parts)
                method = parts[parts.index("-X") + 1] if "-X" in parts else "POST" if sends else "GET"
                yield method, urlsplit(address).path


def _command_names(group: click.Command, before: str = "") -> Iterator[str]:
    for name, command in getattr(group, "commands", {}).items():
        yield f"{before}{name}"
        yield from _command_names(command, f"{before}{name} ")


def _headings(document: Path) -> set[str]:
    """Their anchors, as GitHub makes them."""
    texts = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in texts}
