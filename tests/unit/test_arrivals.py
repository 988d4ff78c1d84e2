"""The worker's main loop, which nothing that clients do may end."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from selectors import DefaultSelector
from typing import NoReturn

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger

from web.arrivals import PatientWorker


class _Full(socket.socket):
    """A listener of a process that has as many files open as it may."""

    def accept(self) -> NoReturn:
        raise OSError(errno.EMFILE, "Too many open files")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def worker() -> Iterator[PatientWorker]:
    config = Config()
    worker = PatientWorker(1, os.getpid(), [], None, 30, config, Logger(config))
    worker.poller = DefaultSelector()
    yield worker
    worker.poller.close()
    worker.tmp.close()


def test_when_no_file_is_left_the_one_that_says_nothing_for_longest_makes_room(
    worker: PatientWorker, listener: socket.socket
) -> None:
    with ExitStack() as stack:
        clients = []
        for _ in range(2):
            clients.append(stack.enter_context(socket.create_connection(listener.getsockname(), timeout=20)))
            worker.accept(listener)
        worker.accept(stack.enter_context(_Full()))
        worker.murder_pending()
        assert clients[0].recv(1) == b""
        assert worker.nr_conns == 1
        clients[1].sendall(b"GET / HTTP/1.1\r\n")
        worker.wait_for_and_dispatch_events(20)
        assert worker.nr_conns == 1
        for conn in worker.pending_conns:
            conn.close()
