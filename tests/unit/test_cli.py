"""The command line without any service: usage, settings, sentences, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.sample import lines
from tests.command import ROOT, CommandLine
from tests.unit.web_requests import NOWHERE

SECRET = "hush-hush-hush"
AWAY = {**NOWHERE, "DATABASE_URL": f"postgresql://nobody:{SECRET}@127.0.0.1:1/none"}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.pool._CONNECT_SECONDS", 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("ingest",),
        ("ingest", "nowhere"),
        ("ingest", "csv", "--limit", "5"),
        ("ingest", "coingecko", "--limit", "0"),
        ("ingest", "coingecko", "--file", __file__),
        ("ingest", "csv", "--file", "no-such-file.csv"),
        ("jobs", "0"),
        ("jobs", "7", "--state", "failed"),
        ("jobs", "--state", "lost"),
        ("retry",),
        ("coins", "--sort", "coin_key"),
        ("export", "keys"),
        ("export", "--format", "xml"),
        ("export", "--json"),
        ("export", "coins", "--from", "2026-01-01"),
        ("export", "history", "--from", "yesterday"),
        ("keys", "make", "me", "--role", "king"),
        ("sample", "--coins", "0"),
        ("unheard-of",),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(arguments: tuple[str, ...]) -> None:
    result = CommandLine(**AWAY)(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error: " in result.stderr or "Usage: " in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("jobs",),
        ("coins",),
        ("coin", "btc"),
        ("export",),
        ("ingest", "csv"),
        ("migrate",),
        ("keys", "list"),
        ("cancel", "1"),
    ],
)
def test_a_database_that_is_away_ends_with_3_and_one_sentence_without_a_secret(arguments: tuple[str, ...]) -> None:
    result = CommandLine(**AWAY)(*arguments)
    assert result.exit_code == 3
    assert result.stdout == ""
    (sentence,) = result.stderr.splitlines()
    assert sentence.startswith("quotes: ")
    assert sentence.endswith("`doctor` says more.")
    assert SECRET not in result.output


def test_a_process_complains_no_more_than_that() -> None:
    done = CommandLine(**AWAY).process("jobs")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "quotes: The database can't be reached now. `doctor` says more.\n"


def test_a_wrong_setting_ends_with_2_and_names_the_variable() -> None:
    result = CommandLine(**AWAY, PORT="many")("jobs")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "PORT" in result.stderr


def test_without_a_database_it_says_how_to_name_one() -> None:
    result = CommandLine()("jobs")
    assert result.exit_code == 2
    assert "DATABASE_URL" in result.stderr


def test_a_fault_of_ours_is_a_sentence_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr("cli.embedded.filled_in", fail)
    result = CommandLine(**AWAY)("jobs")
    assert result.exit_code == 1
    assert "RuntimeError" in result.stderr
    assert SECRET not in result.output
    assert "Traceback" not in result.output


def test_doctor_finds_what_is_away_and_says_what_to_do() -> None:
    command = CommandLine(**AWAY, COINGECKO_API_URL="http://127.0.0.1:1", COINPAPRIKA_API_URL="http://127.0.0.1:1")
    found = command.json("doctor", code=1)
    wrong = {each["part"] for each in found["findings"] if each["grade"] == "wrong"}
    assert found["healthy"] is False
    assert wrong == {"database", "redis", "coingecko host", "coinpaprika host"}
    assert all(each["remedy"] for each in found["findings"] if each["grade"] != "ok")
    said = command("doctor")
    assert said.exit_code == 1
    assert "WRONG database" in said.stdout
    assert SECRET not in said.output


def test_doctor_takes_a_wrong_setting_for_a_finding() -> None:
    found = CommandLine(**AWAY, STALE_AFTER="soon").json("doctor", code=1)
    (finding,) = found["findings"]
    assert (finding["part"], finding["grade"]) == ("settings", "wrong")
    assert "STALE_AFTER" in finding["said"]


def test_a_sample_is_written_to_the_file_or_to_standard_output(tmp_path: Path) -> None:
    command = CommandLine()
    assert command("sample", "--coins", 2).stdout == "".join(lines(2, 1, 1))
    file = tmp_path / "sample.csv"
    assert command.json("sample", "--coins", 3, "--times", 2, "--out", file)["rows"] == 6
    assert file.read_text() == "".join(lines(3, 2, 1))
    many = tmp_path / "many.csv"
    assert command("sample", "--rows", 45_000, "--out", many).exit_code == 0
    assert many.read_bytes().count(b"\n") == 45_001


def test_who_reads_only_the_beginning_hears_no_complaint() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "cli", "sample", "--rows", "100000"],
        cwd=ROOT,
        env=CommandLine().environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdout
        assert running.stderr
        assert running.stdout.readline().startswith(b"symbol,")
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(60) == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_are_told_how_to_complete(shell: str) -> None:
    command = CommandLine(_QUOTES_COMPLETE=f"{shell}_source")
    assert "_QUOTES_COMPLETE" in command.process().stdout


def test_every_command_has_help_and_json() -> None:
    command = CommandLine()
    listed = [line.split()[0] for line in command("--help").stdout.split("Commands:")[1].splitlines() if line.strip()]
    assert {"doctor", "export", "ingest", "keys"} <= set(listed)
    for name in listed:
        assert name == "keys" or "--json" in command(name, "--help").stdout
    assert json.dumps(listed)
