"""GET /api/v1/events: what happens, as server-sent events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import marshmallow as ma
from flask import Flask, Response, current_app, request

from web.api import Answer, Blueprint
from web.examples import EVENTS
from web.feed import Feed
from web.problems import Problem
from web.services import services
from web.sockets import Writer, take_connection
from web.streams import Stream, Streams

_NAME = "events"
# A browser whose stream broke comes back after this long.
_RETRY = b"retry: 2000\n\n"
_FULL_RETRY_SECONDS = 10
_STOPPING_SECONDS = 2.0

blueprint = Blueprint("events", __name__, url_prefix="/api/v1/events", description="What happens")


@dataclass(slots=True)
class Broadcast:
    """The event streams of a process: those that are open, what they are told, and who writes it."""

    streams: Streams
    feed: Feed
    writer: Writer = field(default_factory=Writer)
    _ended: bool = field(default=False, init=False)

    def end(self) -> None:
        """Let every stream come to its end, and no more begin. A signal's handler may call it."""
        if self._ended:
            # A second signal, which may have interrupted the first with a lock in hand: it would wait for itself.
            return
        self._ended = True
        self.streams.end()
        self.feed.stop()

    def wait_until_ended(self) -> None:
        self.writer.wait_until_ended(_STOPPING_SECONDS)


def install(app: Flask) -> None:
    """Set up what the streams need; nothing is asked and no thread runs before the first begins."""
    offered = services(app)
    assert offered.settings.redis_url  # noqa: S101  checked
    app.extensions[_NAME] = Broadcast(
        Streams(offered.settings.max_event_streams), Feed(offered.database, offered.settings.redis_url)
    )


def broadcast(app: Flask | None = None) -> Broadcast:
    """Those of this application, or of the one that serves the running request."""
    return cast(Broadcast, (app or current_app).extensions[_NAME])


class EventHeaders(ma.Schema):
    """Where a reader stopped."""

    last_event_id = ma.fields.String(
        data_key="Last-Event-ID",
        metadata={
            "description": "the last `id` that came: what was missed since comes first. Browsers send it by themselves",
            "example": "48211-1009.1771790400000",
        },
    )


@blueprint.operation(
    "GET",
    "",
    role="read",
    headers=EventHeaders,
    answers={200: Answer({"type": "string"}, EVENTS, "Events until one side leaves", content_type="text/event-stream")},
)
def stream_events(_query: dict[str, Any], headers: dict[str, Any]) -> Response:
    """Hear of changes as they happen, as server-sent events.

    `data` (`version`) when golden records, quotes or mappings changed; `job` (`id`, `state`, `kind`, `progress` in
    tasks) when a job's state or progress changed, or when it runs as the stream begins; `system` (`queues` with
    `ready`, `in_flight`, `later` and `oldest_waiting_seconds`, `workers`) every two seconds at most, when it changed;
    `reset` when too much was missed: read everything anew. A job may be told of twice, never too little. A comment
    comes when there is nothing else to say for 15 seconds. Beyond MAX_EVENT_STREAMS in a process: 503, then poll.
    """
    mine = broadcast()
    stream = mine.streams.open()
    if stream is None:
        raise Problem(
            503,
            "As many event streams are open as this server allows (MAX_EVENT_STREAMS); poll, or try again later.",
            headers={"Retry-After": str(_FULL_RETRY_SECONDS)},
        )
    pieces = _Pieces(mine, stream, headers.get("last_event_id"), request.environ)
    return Response(pieces, content_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


class _Pieces:
    """An answer's body as far as the server is to write it: only its beginning, if the connection can be had."""

    def __init__(self, mine: Broadcast, stream: Stream, cursor: str | None, environ: dict[str, Any]) -> None:
        self._mine = mine
        self._stream = stream
        self._cursor = cursor
        self._environ = environ
        self._handed_over = False

    def __iter__(self) -> Iterator[bytes]:
        # The server sends the head together with the first piece.
        yield _RETRY
        self._mine.feed.join(self._stream, self._cursor)
        if connection := take_connection(self._environ):
            self._handed_over = True
            self._mine.writer.adopt(self._stream, connection)
        else:
            yield from self._stream.pieces()

    def close(self) -> None:
        if not self._handed_over:
            self._stream.leave()
