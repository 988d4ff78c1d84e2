"""What a page must not do while a test looks at it: complain, fail, or ask another host for anything."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page, Request

_INSIDE = ("data", "blob", "about")


class Troubles:
    """Everything that went wrong on the pages watched, a sentence each; `allow` what a test provokes on purpose."""

    def __init__(self, url: str) -> None:
        self._host = urlsplit(url).netloc
        self._seen: list[str] = []
        self._allowed: list[str] = []

    def watch(self, page: Page) -> None:
        """From now on, whatever this page and its frames do."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._seen.append(f"the script failed: {error}"))
        page.on("request", self._request)

    def allow(self, *words: str) -> None:
        """Overlook what has any of these words in it."""
        self._allowed += words

    @property
    def found(self) -> list[str]:
        return [said for said in self._seen if not any(word in said for word in self._allowed)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            place = message.location
            self._seen.append(f"the console has {message.type}: {message.text} ({place.get('url')})")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in _INSIDE and parts.netloc != self._host:
            self._seen.append(f"another host was asked: {request.url}")
