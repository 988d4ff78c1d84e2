"""Reads while others write, from several processes that share nothing: no reader is ever taken back in time."""

from __future__ import annotations

import socket
import threading

import psycopg

from db import version
from tests.e2e.conftest import Start
from tests.factories import Factory
from tests.serving import Client
from tests.waiting import until

COIN = "/api/v1/coins/btc"
CHANGES = 100


def _price(body: bytes) -> int:
    return int(body.partition(b'"price":')[2].strip().partition(b",")[0])


class _Readers:
    """Each on a connection of its own. `newest` is what a 200 had shown to anyone before the request was sent."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._read) for _ in range(8)]
        self.newest = 0
        self.answers = 0
        self.went_back: list[tuple[int, int]] = []

    def __enter__(self) -> _Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _read(self) -> None:
        client = Client(self._port)
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while not self._ended.is_set():
            before = self.newest
            said = client.ask(COIN)
            seen = _price(said.body)
            if said.status != 200 or seen < before:
                self.went_back.append((before, seen))
            # Another may have seen a newer one meanwhile; then the next are held to a little less.
            self.newest = max(self.newest, seen)
            self.answers += 1
        client.close()


def test_no_reader_of_three_processes_sees_older_data_than_anyone_was_given_before(start_program: Start) -> None:
    program = start_program(web_processes=3)
    factory = Factory(program.database_url)
    factory.coin("btc", price="0")
    factory.connection.close()
    with _Readers(program.port) as readers, psycopg.connect(program.database_url) as writer:
        for price in range(1, CHANGES + 1):
            answers = readers.answers
            version.advance(writer)
            writer.execute("UPDATE cryptocurrencies SET price = %s", [price])
            writer.commit()
            until(lambda: readers.answers >= answers + 5 or readers.went_back, "some have read")  # noqa: B023  at once
    assert readers.went_back == []
    assert readers.newest == CHANGES
