"""A multipart body in whatever pieces it comes."""

from __future__ import annotations

import io

import pytest
from flask import Flask, Request
from hypothesis import given
from hypothesis import strategies as st

from web import upload
from web.problems import Problem
from web.upload import Upload

APP = Flask(__name__)


def _form(*parts: bytes) -> bytes:
    framed = (b"--edge\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts)
    return b"".join(framed) + b"--edge--\r\n"


def _file(content: bytes, name: bytes = b"file") -> bytes:
    return b'name="' + name + b'"; filename="a.csv"\r\n\r\n' + content


class Dribble(io.RawIOBase):
    """Gives its bytes in pieces of the given sizes, over and over."""

    def __init__(self, content: bytes, sizes: list[int]) -> None:
        self._rest = content
        self._sizes = sizes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        self._sizes = [*self._sizes[1:], self._sizes[0]]
        size = min(self._sizes[0], len(buffer))
        piece, self._rest = self._rest[:size], self._rest[size:]
        buffer[: len(piece)] = piece
        return len(piece)


def _upload(body: bytes, sizes: list[int] | None = None, most: int = 10_000_000) -> Upload:
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": "multipart/form-data; boundary=edge",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": Dribble(body, sizes or [65536]),
    }
    with APP.app_context():
        return Upload(Request(environ), most)


def _read(taken: Upload) -> bytes:
    taken.begin()
    content = b"".join(taken.pieces())
    taken.finish()
    return content


@given(
    st.binary(max_size=3000) | st.text("\r\n-edg", max_size=300).map(str.encode),
    st.lists(st.integers(1, 97), min_size=1, max_size=5),
)
def test_a_file_comes_out_byte_for_byte_however_it_is_cut(content: bytes, sizes: list[int]) -> None:
    if b"--edge" in content:
        return
    assert _read(_upload(_form(b'name="columns"\r\n\r\n{"price": "p"}', _file(content)), sizes)) == content


def test_pieces_are_a_mebibyte_each_and_a_rest() -> None:
    taken = _upload(_form(_file(b"x" * (2 * upload.PIECE + 5))))
    taken.begin()
    assert [len(piece) for piece in taken.pieces()] == [upload.PIECE, upload.PIECE, 5]


def test_a_file_of_the_largest_size_passes_and_one_byte_more_does_not() -> None:
    assert len(_read(_upload(_form(_file(b"x" * 1000)), most=1000))) == 1000
    with pytest.raises(Problem) as refused:
        _read(_upload(_form(_file(b"x" * 1001)), most=1000))
    assert refused.value.status == 413


def test_a_body_that_is_announced_too_large_is_refused_unread() -> None:
    with pytest.raises(Problem) as refused:
        _upload(_form(_file(b"x" * 3_000_000)), most=1000)
    assert refused.value.status == 413


def test_the_columns_come_before_the_file() -> None:
    taken = _upload(_form(b'name="columns"\r\n\r\n{"price": "Last"}', _file(b"x")))
    taken.begin()
    assert taken.columns == {"price": "Last"}
    late = _upload(_form(_file(b"x"), b'name="columns"\r\n\r\n{"price": "Last"}'))
    with pytest.raises(Problem, match="columns: Must come before"):
        _read(late)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"nothing", 400),
        (_form(_file(b"x"))[:-20], 400),
        (b"--edge\r\nX: y\r\n\r\nz\r\n--edge--\r\n", 400),
        (_form(), 422),
        (_form(_file(b"x", b"other")), 422),
        (_form(b'name="file"\r\n\r\nno file'), 422),
        (_form(_file(b"x"), _file(b"y")), 422),
        (_form(b'name="columns"\r\n\r\n' + b"[" * 60_000, _file(b"y")), 422),
        (_form(b'name="columns"\r\n\r\n' + b" " * 100_000, _file(b"y")), 413),
        (b"-" * 2_000_000, 400),
    ],
)
def test_a_body_that_is_no_such_form_is_refused(body: bytes, status: int) -> None:
    with pytest.raises(Problem) as refused:
        _read(_upload(body))
    assert refused.value.status == status


def test_a_client_that_is_too_slow_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "_PATIENCE_SECONDS", 0)
    monkeypatch.setattr(upload, "_SLOWEST_BYTES_A_SECOND", 2**60)
    with pytest.raises(Problem) as refused:
        _read(_upload(_form(_file(b"x"))))
    assert refused.value.status == 408


def test_the_digest_tells_uploads_apart_by_bytes_name_and_columns() -> None:
    bodies = [
        _form(_file(b"x")),
        _form(_file(b"y")),
        _form(b'name="columns"\r\n\r\n{"price": "p"}', _file(b"x")),
        _form(b'name="file"; filename="b.csv"\r\n\r\nx'),
    ]
    digests = []
    for body in [*bodies, bodies[0]]:
        taken = _upload(body)
        _read(taken)
        digests.append(taken.digest)
    assert len(set(digests)) == 4
    assert digests[0] == digests[4]
