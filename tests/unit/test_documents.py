"""The documents say what there is: every setting, every make target, and every file that they point at."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts import configuration

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
_LINK = re.compile(r"\]\(([^)#\s]+)(#[^)]*)?\)")
_TARGET = re.compile(r"^([a-z0-9]+):.*?## ", re.MULTILINE)


def test_the_settings_page_is_what_the_settings_say() -> None:
    assert (ROOT / "docs" / "CONFIGURATION.md").read_text() == configuration.page(), "run `make configuration`"


def test_the_example_of_an_environment_is_what_the_settings_say() -> None:
    assert (ROOT / ".env.example").read_text() == configuration.example(), "run `make configuration`"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_points_at_is_there(document: Path) -> None:
    for link, _ in _LINK.findall(document.read_text()):
        if not re.match(r"[a-z]+:", link):
            assert (document.parent / link).exists(), f"{document.name} points at {link}"


def test_every_make_target_is_documented_and_no_other() -> None:
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text()))
    said = " ".join(word for document in DOCUMENTS for word in document.read_text().split())
    assert set(re.findall(r"`(?:[A-Z_]+=\S+ )*make ([a-z0-9]+)\b", said)) == targets
