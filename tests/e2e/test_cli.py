"""Each command against a running program: what it does, says and ends with."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.valkey import Valkey
from tests.command import CommandLine
from tests.program import Program
from tests.services import SharedPostgres

SECRET = "s3cret-of-the-admin"
NOWHERE = "http://127.0.0.1:1"
FILE = (
    "symbol,name,price,last_updated\nTINY,Tiny,1.223e-09,2026-02-22\nBIG,Big,123456789012345678.123456789,2026-02-22\n"
)


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    return {
        "API_KEYS": f"boss:admin:{SECRET}",
        "COINGECKO_API_URL": NOWHERE,
        "COINPAPRIKA_API_URL": NOWHERE,
        "RETRY_MAX": "0",
    }


@pytest.fixture(scope="module")
def program(shared_postgres: SharedPostgres, service_folder: Path, settings: dict[str, str]) -> Iterator[Program]:
    with ExitStack() as stack:
        valkey = Valkey(service_folder / "valkey-cli")
        stack.callback(valkey.stop)
        database_url = stack.enter_context(shared_postgres.database())
        options: dict[str, Any] = {**settings}
        yield stack.enter_context(Program(database_url, valkey, **options))


@pytest.fixture
def quotes(program: Program, settings: dict[str, str]) -> CommandLine:
    return CommandLine(DATABASE_URL=program.database_url, REDIS_URL=program.valkey.url, **settings)


@pytest.fixture
def ingested(quotes: CommandLine, tmp_path: Path) -> int:
    """The job of FILE, done."""
    file = tmp_path / "file.csv"
    file.write_text(FILE)
    job = quotes.json("ingest", "csv", "--file", file, "--wait")
    assert job["state"] == "succeeded"
    return int(job["id"])


def test_an_ingest_that_is_waited_for_ends_with_its_result(quotes: CommandLine) -> None:
    done = quotes.process("ingest", "csv", "--wait")
    assert done.returncode == 0
    assert "state       succeeded\n" in done.stdout
    # No terminal: lines, and nothing that only a terminal understands.
    assert done.stderr.splitlines()[-1].endswith("succeeded, 5 rows, tasks: 2 of 2")
    assert "\x1b" not in done.stdout + done.stderr


def test_a_file_goes_through_the_same_door_as_an_upload(quotes: CommandLine, ingested: int) -> None:
    job = quotes.json("jobs", ingested)
    assert (job["total_fetched"], job["total_stored"], job["requested_by"]) == (2, 2, "command line")
    assert quotes.json("coin", "tiny")["price"] == Decimal("1.223e-09")
    assert '"price":123456789012345678.123456789,' in quotes("coin", "big", "--json").stdout
    assert "0.000000001223" in quotes("coin", "tiny").stdout


def test_a_file_that_is_none_of_quotes_is_refused_and_makes_no_job(quotes: CommandLine, tmp_path: Path) -> None:
    before = quotes.json("jobs")["total"]
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("<html><body>no</body></html>")
    result = quotes("ingest", "csv", "--file", wrong)
    assert result.exit_code == 1
    assert result.stderr.startswith("quotes: The uploaded file ")
    assert quotes.json("jobs")["total"] == before


def test_without_waiting_a_job_is_on_record_and_can_be_looked_at_until_it_ends(
    quotes: CommandLine, program: Program
) -> None:
    job = quotes.json("ingest", "csv")
    assert program.finished(job["id"])["state"] == "succeeded"
    shown = quotes("jobs", job["id"])
    assert (shown.exit_code, "succeeded" in shown.stdout) == (0, True)
    listed = quotes.json("jobs", "--limit", 1, "--state", "succeeded")["data"]
    assert [each["id"] for each in listed] == [job["id"]]
    assert f"{job['id']}\tcsv\tsucceeded\t2/2\t5\t5\t0\t" in quotes("jobs").stdout


def test_a_job_that_fails_ends_with_1_and_is_retried_as_another(quotes: CommandLine) -> None:
    failed = quotes("ingest", "coingecko", "--limit", 5, "--wait")
    assert failed.exit_code == 1
    assert "could not be reached" in failed.stdout
    job = quotes.json("jobs", "--state", "failed")["data"][0]["id"]
    assert quotes("jobs", job).exit_code == 1
    again = quotes.json("retry", job, "--wait", code=1)
    assert (again["retry_of"], again["state"]) == (job, "failed")
    partly = quotes.json("ingest", "all", "--wait", code=1)
    assert partly["state"] == "partial_success"
    assert {name: part["status"] for name, part in partly["sources"].items()} == {
        "csv": "success",
        "coingecko": "error",
        "coinpaprika": "error",
    }


def test_what_can_not_be_retried_or_is_not_there_is_said_in_a_sentence(quotes: CommandLine, ingested: int) -> None:
    done = quotes("retry", ingested)
    assert (done.exit_code, done.stderr) == (1, f"quotes: Nothing of job {ingested} failed.\n")
    gone = quotes("cancel", 10**9)
    assert (gone.exit_code, gone.stderr) == (1, f"quotes: There is no job {10**9}.\n")
    # One that has ended stays as it ended.
    assert quotes.json("cancel", ingested)["state"] == "succeeded"


def test_coins_are_found_and_listed_with_all_digits(quotes: CommandLine, ingested: int) -> None:
    assert ingested
    page = quotes.json("coins", "tin")
    assert [(coin["canonical_id"], coin["price"]) for coin in page["data"]] == [("tiny", Decimal("1.223e-09"))]
    lines = quotes("coins", "--sort", "symbol", "--limit", 1, "--symbol", "big").stdout.splitlines()
    assert lines[0].startswith("rank\tid\tsymbol\tname\tprice\t")
    assert lines[1].startswith("\tbig\tBIG\tBig\t123456789012345678.123456789\t")
    nobody = quotes("coin", "nobody")
    assert (nobody.exit_code, nobody.stdout) == (1, "")


def test_an_export_is_what_the_api_gives(quotes: CommandLine, program: Program, ingested: int, tmp_path: Path) -> None:
    assert ingested
    for what, kind in (("coins", "csv"), ("quotes", "jsonl"), ("history", "csv")):
        file = tmp_path / f"{what}.{kind}"
        said = quotes.json("export", what, "--format", kind, "--out", file)
        body = program.get(f"/api/v1/export?what={what}&format={kind}").content
        assert file.read_bytes() == body
        assert said["bytes"] == len(body)
        assert [each.name for each in tmp_path.glob("*.part")] == []
    rows = list(csv.DictReader(io.StringIO(quotes.process("export", "coins", "--search", "tiny").stdout)))
    assert [row["price"] for row in rows] == ["0.000000001223"]
    old = quotes("export", "history", "--symbol", "tiny", "--from", "2026-02-22", "--to", "2026-02-23")
    assert len(old.stdout.splitlines()) == 2


def test_an_exported_file_can_be_ingested_again(quotes: CommandLine, ingested: int, tmp_path: Path) -> None:
    assert ingested
    file = tmp_path / "coins.csv"
    assert quotes("export", "--out", file).exit_code == 0
    before = quotes.json("coin", "tiny")
    again = quotes.json("ingest", "csv", "--file", file, "--wait")
    assert again["rejected"] == 0
    assert quotes.json("coin", "tiny") == before


def test_a_key_is_shown_once_works_and_is_refused_when_revoked(quotes: CommandLine, program: Program) -> None:
    made = quotes.json("keys", "make", "visitor", "--role", "ingest")
    assert made["role"] == "ingest"
    listed = quotes("keys", "list")
    assert "visitor\tingest\t" in listed.stdout
    assert made["secret"] not in listed.stdout
    twice = quotes("keys", "make", "visitor", "--role", "read")
    assert (twice.exit_code, twice.stdout) == (1, "")
    plain = quotes("keys", "make", "other", "--role", "read")
    assert plain.stdout.startswith("cq_")
    assert quotes.json("keys", "revoke", "visitor") == {"name": "visitor", "revoked": True}
    assert quotes.json("keys", "list")["data"][0]["revoked_at"]
    assert quotes("keys", "revoke", "nobody").exit_code == 1
    assert program.get("/livez").status_code == 200


def test_the_schema_is_up_to_date_and_a_rebuild_ends(quotes: CommandLine, ingested: int) -> None:
    assert ingested
    assert quotes.json("migrate")["ran"] == []
    rebuilt = quotes.json("reprocess", "--wait")
    assert (rebuilt["kind"], rebuilt["state"]) == ("reprocess", "succeeded")


def test_doctor_sees_the_program_run_and_what_it_can_not_reach(quotes: CommandLine, program: Program) -> None:
    found = quotes.json("doctor", code=1)
    grades = {each["part"]: each["grade"] for each in found["findings"]}
    expected = {
        "settings": "ok",
        "database": "ok",
        "migrations": "ok",
        "workers": "ok",
        "redis": "ok",
        "eviction": "ok",
    }
    assert grades.items() >= expected.items()
    assert grades["coingecko host"] == "wrong"
    # The tests' Postgres doesn't outlive a crash of the machine, and says so.
    assert grades["durability"] == "wrong"
    reached = CommandLine(
        **{**quotes.environ, "COINGECKO_API_URL": program.url, "COINPAPRIKA_API_URL": program.url}
    ).json("doctor", code=1)
    assert {each["part"] for each in reached["findings"] if each["grade"] == "wrong"} == {"durability"}


def test_no_secret_is_ever_shown(quotes: CommandLine, program: Program) -> None:
    hidden = [SECRET, urlsplit(program.database_url).password, urlsplit(program.valkey.url).password]
    for arguments in (("doctor",), ("doctor", "--json"), ("jobs",), ("keys", "list"), ("coin", "nobody")):
        done = quotes.process(*arguments)
        assert "Traceback" not in done.stderr
        for secret in hidden:
            assert secret
            assert secret not in done.stdout + done.stderr
    assert json.loads(quotes.process("jobs", "--json").stdout)


def test_the_database_of_make_run_is_found_where_none_is_named(program: Program, tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    parts = urlsplit(program.database_url)
    (tmp_path / "postgres" / "port").write_text(str(parts.port))
    (tmp_path / "postgres" / "password").write_text(str(parts.password))
    found = CommandLine().process("--folder", tmp_path, "doctor")
    assert "ok    database" in found.stdout
    assert "REDIS_URL is not set" in found.stdout
