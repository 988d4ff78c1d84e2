"""Uploaded files, kept in pieces here, since web and worker may stand on different hosts."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import BinaryIO

from core.errors import GiveUp
from db.pool import Connection, Database
from db.queries import sql


def store_upload(connection: Connection, filename: str, chunks: Iterable[bytes]) -> int:
    """Write a file piece by piece within the caller's transaction, and return the upload's id."""
    row = connection.execute(sql("insert_upload"), {"filename": filename}).fetchone()
    assert row is not None  # noqa: S101
    size = 0
    for number, data in enumerate(chunks):
        connection.execute(sql("insert_upload_chunk"), {"upload": row[0], "number": number, "data": data})
        size += len(data)
    connection.execute(sql("size_upload"), {"upload": row[0], "bytes": size})
    return int(row[0])


def open_upload(database: Database, upload: int) -> BinaryIO:
    """An uploaded file, as a buffered stream. Raises GiveUp when it is no longer kept."""
    return io.BufferedReader(UploadReader(database, upload))


class UploadReader(io.RawIOBase):
    """An uploaded file as a stream of bytes; holds one piece in memory, and seeks by counting through the pieces."""

    def __init__(self, database: Database, upload: int) -> None:
        self._database = database
        with database.connection() as connection:
            self._sizes = [row[0] for row in connection.execute(sql("upload_chunk_sizes"), {"upload": upload})]
        if not self._sizes:
            raise GiveUp("The uploaded file is no longer kept; upload it again.")
        self._upload = upload
        self._at = 0
        self._held: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: sum(self._sizes)}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        start = 0
        for number, size in enumerate(self._sizes):
            if self._at < start + size:
                piece = self._piece(number)[self._at - start :][: len(buffer)]
                buffer[: len(piece)] = piece
                self._at += len(piece)
                return len(piece)
            start += size
        return 0

    def _piece(self, number: int) -> bytes:
        if self._held[0] != number:
            with self._database.connection() as connection:
                row = connection.execute(
                    sql("load_upload_chunk"), {"upload": self._upload, "number": number}, binary=True
                ).fetchone()
            self._held = (number, row[0] if row else b"")
        return self._held[1]
