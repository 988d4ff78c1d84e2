"""Event streams over the real server: hundreds of them hold none of its few threads, and end cleanly with it."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from local.processes import alive
from tests.e2e.conftest import Start
from tests.program import Program
from tests.waiting import until

MANY = 200


@contextmanager
def streams(program: Program, many: int) -> Iterator[list[socket.socket]]:
    """So many open streams, each greeted already."""
    with ExitStack() as stack:
        opened = []
        for _ in range(many):
            stream = stack.enter_context(socket.create_connection(("127.0.0.1", program.port), 60))
            stream.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: here\r\n\r\n")
            opened.append(stream)
        for stream in opened:
            read_until(stream, b"event: system")
        yield opened


def read_until(stream: socket.socket, wanted: bytes) -> bytes:
    received = b""
    while wanted not in received:
        piece = stream.recv(65536)
        assert piece, received
        received += piece
    return received


def read_to_the_end(stream: socket.socket) -> bytes:
    received = b""
    while piece := stream.recv(65536):
        received += piece
    return received


def test_the_api_answers_and_all_are_told_while_hundreds_listen_and_sigterm_ends_them_cleanly(
    start_program: Start,
) -> None:
    program = start_program(web_processes=1, WEB_THREADS="2")
    with streams(program, MANY) as opened:
        for _ in range(20):
            assert program.get("/api/v1/jobs").status_code == 200
        job = program.post("/api/v1/ingest/csv").json()["id"]
        program.finished(job)
        for stream in opened:
            read_until(stream, b'"state": "succeeded"')
        program.signal_group("web", signal.SIGTERM)
        ends = {read_to_the_end(stream)[-5:] for stream in opened}
    assert ends == {b"0\r\n\r\n"}
    program.wait_until_ready()
    assert "Traceback" not in program.said


def test_a_client_that_leaves_gives_its_place_back(start_program: Start) -> None:
    program = start_program(web_processes=1, MAX_EVENT_STREAMS="3")
    with streams(program, 3):
        refused = program.get("/api/v1/events")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
    until(lambda: program.get("/api/v1/events", stream=True).status_code == 200, "a place is free")


def test_who_comes_back_after_the_server_was_killed_is_told_what_happened_meanwhile(start_program: Start) -> None:
    program = start_program(web_processes=1)
    with socket.create_connection(("127.0.0.1", program.port), 60) as stream:
        stream.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: here\r\n\r\n")
        cursor = read_until(stream, b"\nid: ").rpartition(b"\nid: ")[2].split()[0].decode()
        job = program.post("/api/v1/ingest/csv").json()["id"]
        (orphan,) = program.children("web")
        program.kill_web()
        read_to_the_end(stream)
    # It answers for a moment longer, and hangs up on who comes then.
    until(lambda: not alive(orphan), "the killed server's process is gone")
    program.finished(job)
    with socket.create_connection(("127.0.0.1", program.port), 60) as stream:
        stream.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: here\r\nLast-Event-ID: {cursor}\r\n\r\n".encode())
        told = read_until(stream, b"\nid: ")
    assert f'{{"id": {job}, "state": "succeeded"'.encode() in told
    assert b"event: reset" not in told
