"""Who waits for the same answer is served together, and holds no thread meanwhile.

Each gets only what was asked after they came: all who came since the last asking share the next. The data version is
asked on a connection of its own, which the server's loop listens to like to any client's; what needs a new answer is
asked by one thread an address. Everything here runs in that loop, and waits for nobody.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from flask import Flask

from core.errors import Unavailable
from db.line import Line
from db.pool import Database
from web.access import Access
from web.reads import Reads, Ready

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_NAME = "desk"
Found = TypeVar("Found")
# Takes the answer; None when the request is to go on to the view, which has the words for what is wrong.
Serve = Callable[[Ready | None], None]
# As long as no connection is to be had, all go to the views.
_AGAIN_SECONDS = 1.0


class Loop(Protocol):
    """The server's, as far as it is needed here."""

    def listen(self, line: Line, callback: Callable[[], None]) -> None:
        """Call back whenever there is something to hear."""

    def ignore(self, line: Line) -> None:
        """Listen no more."""

    def in_thread(self, work: Callable[[], Found], then: Callable[[Future[Found]], None]) -> None:
        """Let a thread work, and then the loop go on with what came of it."""


class Desk:
    """`connect` makes a line, in a thread; `access` and `reads` are what requests go through to get here."""

    def __init__(self, reads: Reads, access: Access, connect: Callable[[], Line], loop: Loop) -> None:
        self._reads = reads
        self._access = access
        self._connect = connect
        self._loop = loop
        self._line: Line | None = None
        self._calls_again = float("-inf")
        # Wait to hear of the version: those that came since it was asked, and those for whom it was asked.
        self._came: list[tuple[str, Serve]] = []
        self._asked: list[tuple[str, Serve]] = []
        # Wait for a new answer that isn't being asked for yet, by address; and what is being asked.
        self._next: dict[str, list[Serve]] = {}
        self._running: set[str] = set()

    def knows(self, address: str) -> bool:
        """Whether there may be answers here to requests for this address."""
        return self._reads.knows(address)

    def takes(self, address: str, environ: WSGIEnvironment) -> bool:
        """Whether this GET or HEAD can be answered here, as far as is known before."""
        return self._reads.knows(address) and self._access.waits_for_nobody(environ)

    def take(self, address: str, serve: Serve) -> None:
        """Serve it, by and by. Nothing is asked before `begin`."""
        if self._reads.kept(address):
            self._came.append((address, serve))
        else:
            self._next.setdefault(address, []).append(serve)

    @property
    def is_wanted(self) -> bool:
        """Whether there is something to ask."""
        return bool(self._came or self._next)

    def begin(self) -> None:
        """Ask for all who wait, if that isn't being done: to be called whenever all that has come was taken."""
        if self._came and not self._asked:
            self._ask_version()
        if self._next:
            self._ask_questions()

    def close(self) -> None:
        """Nobody waits any more."""
        if self._line:
            self._line.close()

    def _ask_version(self) -> None:
        self._asked, self._came = self._came, []
        if self._line is None:
            self._call()
            self._send_on()
            return
        try:
            self._line.ask()
        except Unavailable:
            self._hang_up()

    def _heard(self) -> None:
        assert self._line  # noqa: S101  it was listened to
        try:
            version = self._line.heard()
        except Unavailable:
            self._hang_up()
            return
        if version is None:
            return
        asked, self._asked = self._asked, []
        for address, serve in asked:
            kept = self._reads.kept(address)
            if kept and kept.version == version:
                serve(kept)
            else:
                self._next.setdefault(address, []).append(serve)

    def _send_on(self) -> None:
        asked, self._asked = self._asked, []
        for _, serve in asked:
            serve(None)

    def _call(self) -> None:
        now = time.monotonic()
        if now >= self._calls_again:
            self._calls_again = float("inf")
            self._loop.in_thread(self._connect, self._answered)

    def _answered(self, call: Future[Line]) -> None:
        self._calls_again = time.monotonic() + _AGAIN_SECONDS
        if call.exception() is None:
            self._line = call.result()
            self._loop.listen(self._line, self._heard)

    def _hang_up(self) -> None:
        assert self._line  # noqa: S101  it was listened to
        self._loop.ignore(self._line)
        self._line.close()
        self._line = None
        self._send_on()

    def _ask_questions(self) -> None:
        for address in [address for address in self._next if address not in self._running]:
            self._running.add(address)
            self._ask(address, self._next.pop(address))

    def _ask(self, address: str, all_who_wait: list[Serve]) -> None:
        def found(answer: Future[Ready | None]) -> None:
            self._running.discard(address)
            ready = None if answer.exception() else answer.result()
            for serve in all_who_wait:
                serve(ready)

        self._loop.in_thread(lambda: self._reads.find(address), found)


def install(app: Flask, reads: Reads, access: Access, database: Database) -> None:
    """Let the server of `app` open a desk, if it can."""
    app.extensions[_NAME] = partial(Desk, reads, access, partial(Line.of, database))


def desk_of(app: Flask) -> Callable[[Loop], Desk]:
    """What opens one in a loop."""
    return cast(Callable[[Loop], Desk], app.extensions[_NAME])
