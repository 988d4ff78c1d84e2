"""What the doctor makes of what it sees."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.doctor.database import clock, durability, migrations
from cli.doctor.messages import judge
from cli.doctor.surroundings import csv_file, disk, host
from db.diagnosis import ServerFacts

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SOUND = ServerFacts("18.1", 18, fsync=True, synchronous=True, full_pages=True, standby=False, now=NOW, size=1)


def test_commits_that_a_crash_would_lose_are_wrong() -> None:
    assert durability(SOUND).grade == "ok"
    lax = durability(replace(SOUND, fsync=False, synchronous=False))
    assert (lax.grade, lax.said) == ("wrong", "fsync, synchronous_commit off")
    assert durability(replace(SOUND, standby=True)).grade == "wrong"


@pytest.mark.parametrize(("seconds", "grade"), [(0, "ok"), (4, "ok"), (-4, "ok"), (6, "wrong"), (-600, "wrong")])
def test_clocks_that_are_far_apart_are_wrong(seconds: int, grade: str) -> None:
    assert clock(SOUND, NOW + timedelta(seconds=seconds)).grade == grade


def test_a_schema_that_is_not_this_release_s_is_wrong() -> None:
    assert migrations(8, None).said == "at 8"
    assert migrations(3, "The schema lacks 4.").grade == "wrong"


def test_redis_must_refuse_rather_than_drop_and_had_better_keep() -> None:
    good = {"redis_version": "7.4.0", "maxmemory_policy": "noeviction", "aof_enabled": 1}
    assert [each.grade for each in judge(good)] == ["ok", "ok", "ok"]
    assert [each.grade for each in judge({**good, "maxmemory_policy": "allkeys-lru"})] == ["ok", "wrong", "ok"]
    assert [each.grade for each in judge({**good, "aof_enabled": 0})] == ["ok", "ok", "hint"]
    assert [each.grade for each in judge({**good, "aof_enabled": 0, "rdb_last_bgsave_time_sec": 0})][2] == "ok"
    assert next(iter(judge({**good, "server_name": "valkey", "valkey_version": "9.1.2"}))).said == "Valkey 9.1.2"


def test_a_file_that_is_not_there_is_a_hint_and_one_that_is_no_file_of_quotes_is_wrong(tmp_path: Path) -> None:
    (missing,) = csv_file(str(tmp_path / "none.csv"))
    assert missing.grade == "hint"
    other = tmp_path / "other.csv"
    other.write_text("<html>")
    (wrong,) = csv_file(str(other))
    assert wrong.grade == "wrong"
    good = tmp_path / "good.csv"
    good.write_text("symbol,name,price\nBTC,Bitcoin,1\n")
    (fine,) = csv_file(str(good))
    assert fine.grade == "ok"


def test_a_host_that_takes_no_connection_is_wrong_and_its_setting_named() -> None:
    found = host("coingecko", "http://127.0.0.1:1/api", with_key=True)
    assert found.grade == "wrong"
    assert "COINGECKO_API_URL" in found.remedy
    assert disk(2**20).grade == "wrong"
