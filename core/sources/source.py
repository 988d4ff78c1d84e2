"""What a source is: a name, a way to fetch pages, a way to parse one. `tests/unit/test_sources.py` holds each to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from core.models import JsonObject, Page, Parsed
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class Ask:
    """What a client asked of a source.

    `limit` is the number of coins wanted (None: all). `open_file` gives an uploaded file's bytes, to be
    closed by the reader; None means the file configured on the server. `columns` overrules, field by
    field (`{"price": "Last Price"}`), which column of a file is taken for what. Around each request that goes out,
    a source enters a `turn`, which raises NotYet when none may go out now.
    """

    settings: Settings
    limit: int | None = None
    open_file: Callable[[], BinaryIO] | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    turn: Callable[[], AbstractContextManager[None]] = nullcontext


class Source(Protocol):
    """One provider of quotes. Stateless: one object serves all threads."""

    @property
    def name(self) -> str:
        """As it stands in URLs, in the database and in SOURCE_PRIORITY."""

    @property
    def default_limit(self) -> int | None:
        """How many coins are fetched when the client names no limit; None: the source knows no limit."""

    def pages(self, ask: Ask, cursor: JsonObject) -> Iterator[Page]:
        """Fetch page after page, lazily, from where `cursor` (empty at first) says.

        The last page says so; a fetch yields at least one. Raises Retry, RateLimited, NotYet or GiveUp, and
        never yields an empty page for an answer that failed.
        """

    def parse(self, body: bytes, meta: JsonObject) -> Parsed:
        """Read one page's body with its `meta`. Raises GiveUp when it isn't quotes at all."""
