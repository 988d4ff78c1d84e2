"""axe-core, run in a page: what keeps people with a screen reader, a keyboard or weak eyes from using it."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

_SERIOUS = ("serious", "critical")


@cache
def _script() -> str:
    found = find_spec("axe_playwright_python")
    assert found is not None and found.origin is not None
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


def findings(page: Page, *, rule: str = "") -> list[str]:
    """The serious and critical findings, of one rule alone if it is named: rule, sentence, and the places.

    The debugger puts the script into the page, so the page's Content-Security-Policy stays as strict as it is.
    """
    page.evaluate(f"() => {{ if (!window.axe) {{ {_script()} }} }}")
    options = {"resultTypes": ["violations"], **({"runOnly": [rule]} if rule else {})}
    answer: dict[str, Any] = page.evaluate("options => axe.run(options)", options)
    return [_sentence(each) for each in answer["violations"] if each["impact"] in _SERIOUS]


def _sentence(violation: dict[str, Any]) -> str:
    places = "; ".join(f"{node['html'][:160]} ({_reason(node)})" for node in violation["nodes"])
    return f"{violation['id']} ({violation['impact']}): {violation['help']}: {places}"


def _reason(node: dict[str, Any]) -> str:
    return ", ".join(check["message"] for kind in ("any", "all", "none") for check in node[kind])
