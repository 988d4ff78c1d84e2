"""Cutting a file into pieces at record boundaries, a bounded part of it in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from core.sources.csvfile.encoding import UTF_16, length_in_file, to_utf8
from core.sources.csvfile.layout import Layout
from core.sources.csvfile.records import LONGEST_RECORD, Kind, Span, spans

_READ = 1 << 18
_AHEAD = 4 * LONGEST_RECORD  # read beyond a piece, so that the rules of `records` see all they look at before a cut
_STUMP = 3 * LONGEST_RECORD  # kept of an endless line: in every encoding enough to be too long for a record


@dataclass(frozen=True, slots=True)
class Piece:
    body: bytes  # of the file, as it came
    line: int  # number of its first line
    next_offset: int  # where in the file the next piece begins
    next_line: int
    last: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a piece holds at most, if it isn't a single record."""

    size: int = 1_000_000  # bytes, of UTF-8 text
    lines: int = 10_000


LIMITS = Limits()


def pieces(file: BinaryIO, layout: Layout, offset: int, line: int, limits: Limits = LIMITS) -> Iterator[Piece]:
    """Cut the rest of `file`, which stands at `offset`, where a record begins in line `line`.

    Of a line that is longer than all that is read ahead only a beginning becomes a piece, which is rejected like any
    line that is too long for a record. There is always a last piece, if need be an empty one.
    """
    window = _Window(file, layout, limits.size + _AHEAD)
    while True:
        window.fill()
        size, lines = _cut(window.held, layout, window.ended, limits)
        if size or not window.held:
            body = window.take(size)
        else:
            body, lines = window.held[:_STUMP], 1
            size = window.pass_line()
        last = window.ended and not window.held
        yield Piece(body, line, offset + size, line + lines, last)
        if last:
            return
        offset, line = offset + size, line + lines


class _Window:
    """The part of the file that is in memory."""

    def __init__(self, file: BinaryIO, layout: Layout, size: int) -> None:
        self.held = b""
        self.ended = False
        self._file = file
        self._layout = layout
        self._size = size

    def fill(self) -> None:
        parts = [self.held]
        missing = self._size - len(self.held)
        while missing > 0 and not self.ended:
            part = self._file.read(max(_READ, missing))
            self.ended = not part
            parts.append(part)
            missing -= len(part)
        self.held = b"".join(parts)

    def take(self, size: int) -> bytes:
        body, self.held = self.held[:size], self.held[size:]
        return body

    def pass_line(self) -> int:
        """Drop everything up to and with the next line end; how many bytes that was."""
        passed = 0
        while self.held:
            size = len(self.held) & ~1 if self._layout.encoding in UTF_16 and not self.ended else len(self.held)
            text = self._layout.lines(to_utf8(self.held[:size], self._layout.encoding))
            line_end = text.find(b"\n") + 1
            if line_end:
                size = length_in_file(text[:line_end], self._layout.encoding)
            self.take(size)
            passed += size
            if line_end:
                break
            self.fill()
        return passed


def _cut(held: bytes, layout: Layout, ended: bool, limits: Limits) -> tuple[int, int]:
    """How many bytes and lines the next piece has; no bytes when not one whole record is held."""
    text = layout.lines(to_utf8(held, layout.encoding))
    if ended and text and not text.endswith(b"\n"):
        text += b"\n"
    cut = lines = 0
    for span in spans(text, layout.delimiter, layout.width):
        end = _fitting_end(text, span, limits.size, limits.lines - lines)
        if end > cut:
            lines += text.count(b"\n", cut, end)
            cut = end
        if end < span.end:
            break
    return (len(held) if cut == len(text) else length_in_file(text[:cut], layout.encoding)), lines


def _fitting_end(text: bytes, span: Span, size: int, room: int) -> int:
    """Where the last record of the span ends that fits into `size` bytes and `room` lines. The very first one does."""
    start, end, kind = span
    if kind is Kind.OPEN:
        return start
    if end <= size and text.count(b"\n", start, end) <= room:
        return end
    if kind is not Kind.PLAIN:
        return start or end
    end = max(start, text.rfind(b"\n", start, size) + 1)
    if text.count(b"\n", start, end) > room:
        end -= len(text[start:end].split(b"\n", max(room, 0))[-1])
    return end or text.find(b"\n") + 1
