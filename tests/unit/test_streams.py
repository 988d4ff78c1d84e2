"""Streams: what waits for a reader is bounded, places are counted, one thread writes to all connections."""

from __future__ import annotations

import socket
import weakref
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from db.pool import Database
from tests.waiting import until
from web.events import Broadcast
from web.feed import Feed
from web.sockets import Connection, Writer, take_connection
from web.streams import MOST_WAITING_BYTES, Stream, Streams

HTTP_1_1 = {"SERVER_PROTOCOL": "HTTP/1.1"}


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection as the server has it, and its client's end."""
    with ExitStack() as stack:
        ours, theirs = (stack.enter_context(end) for end in socket.socketpair())
        theirs.settimeout(20)
        yield ours, theirs


def opened(streams: Streams) -> Stream:
    stream = streams.open()
    assert stream
    return stream


def all_of(client: socket.socket) -> bytes:
    received = b""
    while piece := client.recv(65536):
        received += piece
    return received


# What waits.


def test_a_reader_gets_what_was_put_in_order_and_then_the_end() -> None:
    stream = opened(Streams(1))
    stream.put(b"a")
    pieces = stream.pieces()
    assert next(pieces) == b"a"
    stream.put(b"b")
    stream.put(b"c")
    stream.end()
    stream.put(b"late")
    assert list(pieces) == [b"bc"]


def test_a_reader_that_falls_too_far_behind_is_dropped_and_its_place_is_free() -> None:
    streams = Streams(1)
    stream = opened(streams)
    stream.put(b"x" * MOST_WAITING_BYTES)
    assert not stream.over
    stream.put(b"y")
    assert (stream.over, stream.take(), list(stream.pieces())) == (True, b"", [])
    opened(streams)


def test_beyond_so_many_there_is_no_stream_until_one_leaves() -> None:
    streams = Streams(2)
    first, _ = opened(streams), opened(streams)
    assert streams.open() is None
    first.leave()
    first.leave()
    opened(streams)
    assert streams.open() is None


def test_ending_ends_all_and_lets_no_more_begin() -> None:
    streams = Streams(5)
    stream = opened(streams)
    stream.put(b"last")
    streams.end()
    assert list(stream.pieces()) == [b"last"]
    assert streams.open() is None


def test_a_reader_that_stops_reading_leaves() -> None:
    streams = Streams(1)
    stream = opened(streams)
    stream.put(b"a")
    pieces = stream.pieces()
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert stream.over
    assert len(streams) == 0


# On connections.


def test_the_server_lets_go_of_a_connection_that_was_taken(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, client = pair
    taken = take_connection({"gunicorn.socket": ours, **HTTP_1_1})
    assert taken
    # What the server still does with its socket reaches nobody.
    with pytest.raises(BrokenPipeError):
        ours.sendall(b"0\r\n\r\n")
    ours.close()
    taken.sock.sendall(b"still there")
    assert client.recv(99) == b"still there"
    taken.sock.close()


@pytest.mark.parametrize("environ", [{}, {"gunicorn.socket": object(), **HTTP_1_1}])
def test_a_server_that_can_t_lend_its_connection_keeps_it(environ: dict[str, object]) -> None:
    assert take_connection(environ) is None


def test_a_connection_under_another_protocol_stays_the_server_s(pair: tuple[socket.socket, socket.socket]) -> None:
    assert take_connection({"gunicorn.socket": pair[0], "SERVER_PROTOCOL": "HTTP/2"}) is None


@pytest.mark.parametrize(
    ("protocol", "received"),
    [
        ("HTTP/1.1", b"3\r\nabc\r\n0\r\n\r\n"),
        ("HTTP/1.2", b"3\r\nabc\r\n0\r\n\r\n"),
        ("HTTP/1.0", b"abc"),
    ],
)
def test_what_is_put_is_written_as_the_protocol_has_it_and_the_end_is_clean(
    pair: tuple[socket.socket, socket.socket], protocol: str, received: bytes
) -> None:
    streams, writer = Streams(1), Writer()
    taken = take_connection({"gunicorn.socket": pair[0], "SERVER_PROTOCOL": protocol})
    assert taken
    stream = opened(streams)
    stream.put(b"abc")
    writer.adopt(stream, taken)
    streams.end()
    assert all_of(pair[1]) == received
    writer.wait_until_ended(20)
    assert len(streams) == 0


def test_one_thread_writes_to_many_and_a_slow_reader_holds_up_no_other() -> None:
    streams, writer = Streams(10), Writer()
    with ExitStack() as stack:
        clients = []
        for _ in range(10):
            ours, client = socket.socketpair()
            client.settimeout(20)
            clients.append(stack.enter_context(client))
            ours.setblocking(False)
            writer.adopt(opened(streams), Connection(ours, chunked=False))
        slow, quick = clients[0], clients[1:]
        line = b"z" * 16_384
        # More than the system and the stream together hold for who doesn't read.
        for _ in range(100):
            for stream in streams.now_open():
                stream.put(line)
            for client in quick:
                received = 0
                while received < len(line):
                    received += len(client.recv(len(line) - received))
        until(lambda: len(streams) == 9, "the slow one is dropped")
        assert 0 < len(all_of(slow)) < 100 * len(line)


def test_a_client_that_leaves_or_speaks_out_of_turn_gives_its_place_back() -> None:
    streams, writer = Streams(2), Writer()
    with ExitStack() as stack:
        for word in (b"", b"GET / HTTP/1.1\r\n"):
            ours, client = socket.socketpair()
            stack.enter_context(client)
            ours.setblocking(False)
            writer.adopt(opened(streams), Connection(ours, chunked=True))
            client.sendall(word) if word else client.close()
        until(lambda: len(streams) == 0, "both places are free")


class Broken(Stream):
    def take(self) -> bytes:
        raise RuntimeError("out of order")


def test_a_stream_that_breaks_ends_no_other(pair: tuple[socket.socket, socket.socket]) -> None:
    streams, writer = Streams(1), Writer()
    left: list[Stream] = []
    ours, client = pair
    broken_end, broken_client = socket.socketpair()
    with broken_end, broken_client:
        broken_client.settimeout(20)
        writer.adopt(Broken(left.append), Connection(broken_end, chunked=False))
        assert all_of(broken_client) == b""
    until(lambda: left, "its place is free")
    ours.setblocking(False)
    stream = opened(streams)
    writer.adopt(stream, Connection(ours, chunked=False))
    stream.put(b"still here")
    assert client.recv(100) == b"still here"
    stream.end()


# Who tells them.


def _feed() -> Feed:
    """One that reaches neither Postgres nor Redis."""
    return Feed(Database("postgresql://127.0.0.1:1/nothing", size=1), "redis://127.0.0.1:1/0")


def test_a_second_order_to_stop_that_interrupts_the_first_waits_for_nothing() -> None:
    orders = []

    class Interrupted(Streams):
        def end(self) -> None:
            orders.append("end")
            if len(orders) < 9:
                mine.end()
            super().end()

    streams = Interrupted(1)
    mine = Broadcast(streams, _feed())
    mine.end()
    assert orders == ["end"]
    assert streams.open() is None


def test_who_leaves_before_it_could_be_told_anything_is_forgotten() -> None:
    streams, feed = Streams(1), _feed()
    seen = []
    for _ in range(3):
        stream = opened(streams)
        seen.append(weakref.ref(stream))
        feed.join(stream, None)
        stream.leave()
        del stream
    until(lambda: not any(each() for each in seen), "those that left are forgotten")
    feed.stop()
