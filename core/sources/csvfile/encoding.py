"""Which characters the bytes of a file mean. Everything after this step works on UTF-8."""

from __future__ import annotations

import codecs

from core.sources.csvfile.refused import Refused

ASCII = "ascii"  # so far; a later line may turn out to be UTF-8 or Windows-1252
UTF_8 = "utf-8"
WINDOWS_1252 = "windows-1252"  # Latin-1 with the euro sign and quotes, which is what "Latin-1" files hold
UTF_16 = ("utf-16-le", "utf-16-be")

_MARKS = ((codecs.BOM_UTF8, UTF_8), (codecs.BOM_UTF16_LE, UTF_16[0]), (codecs.BOM_UTF16_BE, UTF_16[1]))
_UNPAIRED = "surrogatepass"  # half a character goes through here and is rejected with its line, as UTF-8 that isn't


def encoding_of(head: bytes, whole: bool) -> tuple[str, int]:
    """The encoding of a file that begins with `head`, and how many bytes its byte-order mark takes.

    A byte-order mark decides. Without one: UTF-16 if nearly every second byte is NUL, else UTF-8 if the beginning is
    that, or at least half of its lines that aren't plain ASCII are, else Windows-1252. `whole` says that `head` is all
    there is. Raises Refused for UTF-32.
    """
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise Refused("is written in UTF-32; save it as UTF-8.")
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    half = max(1, len(head) // 2)
    for encoding, nuls, others in ((UTF_16[0], head[1::2], head[::2]), (UTF_16[1], head[::2], head[1::2])):
        if nuls.count(0) > 0.8 * half and others.count(0) < 0.1 * half:
            return encoding, 0
    if head.isascii():
        return ASCII, 0
    try:
        codecs.getincrementaldecoder(UTF_8)().decode(head, final=whole)
    except UnicodeDecodeError:
        telling = [_is_utf8(line) for line in head.split(b"\n") if not line.isascii()]
        return (UTF_8 if 2 * sum(telling) >= len(telling) else WINDOWS_1252), 0
    return UTF_8, 0


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def to_utf8(body: bytes, encoding: str) -> bytes:
    """A piece of the file as UTF-8. Bytes that are no UTF-8 stay what they are in a file of that encoding."""
    if encoding == WINDOWS_1252:
        return body.decode("cp1252", "replace").encode()
    if encoding in UTF_16:
        text = body[: len(body) & ~1].decode(encoding, _UNPAIRED).encode(UTF_8, _UNPAIRED)
        return text + b"\xff" if len(body) & 1 else text  # a last odd byte is no character: let its line be rejected
    return body


def length_in_file(text: bytes, encoding: str) -> int:
    """How many bytes of the file the UTF-8 `text` was made from."""
    if encoding == WINDOWS_1252:
        return len(text.decode())
    if encoding in UTF_16:
        return len(text.decode(UTF_8, _UNPAIRED).encode(encoding, _UNPAIRED))
    return len(text)


def line_to_text(line: bytes, encoding: str) -> str:
    """A line (of `to_utf8`) as characters. Raises ValueError with the reason when it has none.

    A file whose beginning is plain ASCII doesn't tell its encoding: a line that isn't UTF-8 is taken for Windows-1252.
    """
    try:
        return line.decode()
    except UnicodeDecodeError:
        if encoding == ASCII:
            return line.decode("cp1252", "replace")
        raise ValueError(f"is not valid {encoding.upper()}") from None
