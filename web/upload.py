"""An uploaded file out of a multipart body, in pieces as it comes: neither memory nor a disk ever holds it whole."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from web.problems import Problem

PIECE = 1024 * 1024
_READ = 64 * 1024
# What stands around a file in a multipart body: boundaries, part headers, the columns field.
_AROUND = 1024 * 1024
_LONGEST_TEXT = 1000
# A client this slow holds a thread and a connection of ours for nothing.
_PATIENCE_SECONDS = 30
_SLOWEST_BYTES_A_SECOND = 16 * 1024


class Upload:
    """The one part `file` of a request, after its field `columns` if there is one.

    Call `begin`, iterate `pieces`, call `finish`. Each raises a Problem: 400 for a body that is no multipart form, 408
    for a client too slow, 413 for a file of more than `most` bytes, 422 for parts that aren't asked for.
    """

    def __init__(self, request: Request, most: int) -> None:
        self.filename = ""
        self.columns: dict[str, str] = {}
        self._most = most
        self._digest = hashlib.sha256()
        self._started = time.monotonic()
        self._came = 0
        if (request.content_length or 0) > most + _AROUND:
            raise self._too_large()
        request.max_content_length = most + _AROUND
        self._stream = request.stream
        boundary = request.mimetype_params.get("boundary", "")
        if not boundary:
            raise Problem(400, "The Content-Type multipart/form-data must name a boundary.")
        self._decoder = MultipartDecoder(boundary.encode("latin-1", "replace"), _AROUND)
        self._tail = b""
        # Two line ends, four hyphens, and some padding that RFC 2046 allows.
        self._longest_boundary = len(boundary) + 40

    def begin(self) -> None:
        """Read up to where the file begins."""
        for event in self._events():
            if isinstance(event, File) and event.name == "file":
                self.filename = _plain(event.filename)
                return
            if isinstance(event, (File, Field)):
                if event.name != "columns":
                    raise _unasked(event.name)
                self.columns = _columns(self._text())
        raise _wrong("file", "Missing: the CSV file goes into the multipart part `file`.")

    def pieces(self) -> Iterator[bytes]:
        """The file, in pieces of PIECE bytes and a rest."""
        size = 0
        held = bytearray()
        for event in self._events():
            assert isinstance(event, Data)  # noqa: S101  nothing else stands within a part
            size += len(event.data)
            if size > self._most:
                raise self._too_large()
            self._digest.update(event.data)
            held += event.data
            while len(held) >= PIECE:
                yield bytes(held[:PIECE])
                del held[:PIECE]
            if not event.more_data:
                break
        if held:
            yield bytes(held)

    def finish(self) -> None:
        """See that nothing else follows."""
        for event in self._events():
            if isinstance(event, (File, Field)):
                late = "Must come before the part `file`." if event.name == "columns" else None
                raise _wrong("columns", late) if late else _unasked(event.name)

    @property
    def digest(self) -> str:
        """What was uploaded, as a hash; once all pieces were read."""
        said = json.dumps([self.filename, self.columns, self._digest.hexdigest()], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()

    def _text(self) -> bytes:
        text = b""
        for event in self._events():
            assert isinstance(event, Data)  # noqa: S101
            text += event.data
            if len(text) > _READ:
                raise Problem(413, "columns: longer than a few column names can be.")
            if not event.more_data:
                break
        return text

    def _events(self) -> Iterator[Event]:
        """Go on from where the last caller stopped, to the body's end."""
        while True:
            try:
                event = self._decoder.next_event()
                if isinstance(event, NeedData):
                    self._decoder.receive_data(self._more())
                    continue
            except (ValueError, RequestEntityTooLarge) as error:
                raise Problem(400, "The body is not a multipart form, or was cut off.") from error
            if isinstance(event, Epilogue):
                return
            yield event

    def _more(self) -> bytes | None:
        """What came next, never ending within a boundary; None at the end.

        Werkzeug's decoder takes a carriage return for content when a read ends between a boundary and what closes it.
        """
        while read := self._read():
            data = self._tail + read
            cut = data.find(b"\r", max(0, len(data) - self._longest_boundary))
            cut = len(data) if cut < 0 else cut
            self._tail = data[cut:]
            if cut:
                return data[:cut]
        tail, self._tail = self._tail, b""
        return tail or None

    def _read(self) -> bytes:
        try:
            read: bytes = self._stream.read(_READ)
        except RequestEntityTooLarge:
            raise self._too_large() from None
        self._came += len(read)
        waited = time.monotonic() - self._started
        if waited > _PATIENCE_SECONDS and self._came < waited * _SLOWEST_BYTES_A_SECOND:
            raise Problem(408, "The upload came too slowly.", headers={"Connection": "close"})
        return read

    def _too_large(self) -> Problem:
        return Problem(413, f"The file is larger than {self._most} bytes (MAX_UPLOAD_BYTES).")


def _columns(text: bytes) -> dict[str, str]:
    try:
        found = json.loads(text)
        if not isinstance(found, dict) or not all(_is_text(value) for value in (*found, *found.values())):
            raise ValueError
    except (ValueError, RecursionError):
        raise _wrong("columns", 'Must be a JSON object of column names by field, such as {"price": "Last"}.') from None
    return found


def _is_text(value: object) -> bool:
    """Whether Postgres can store it: neither a zero byte nor half a surrogate pair."""
    return (
        isinstance(value, str)
        and len(value) <= _LONGEST_TEXT
        and "\x00" not in value
        and not any("\ud800" <= char <= "\udfff" for char in value)
    )


def _plain(filename: str) -> str:
    """A name to show to people; it never names a file of ours."""
    last = filename.replace("\\", "/").rpartition("/")[2]
    return "".join(char for char in last if char.isprintable())[:255] or "upload.csv"


def _unasked(name: str | None) -> Problem:
    return _wrong(str(name), "Not a part of this form, or given more than once; it takes `columns` and `file`.")


def _wrong(name: str, detail: str) -> Problem:
    name = name[:100]
    return Problem(422, f"{name}: {detail}", errors=[{"in": "body", "name": name, "detail": detail}])
