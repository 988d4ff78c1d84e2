"""Is Redis there, does it refuse rather than drop, and does it keep messages over a restart?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import redis

from cli.doctor.finding import HINT, WRONG, Finding, judged
from cli.program import Program
from workers.queue import connect

_KEEPS_ALL = "noeviction"


def check(program: Program) -> Iterator[Finding]:
    url = program.settings.redis_url
    if url is None:
        yield Finding("redis", WRONG, "REDIS_URL is not set", "Set REDIS_URL, or start everything here by `make run`.")
        return
    try:
        with connect(url) as client:
            yield from judge(client.info())
    except (redis.RedisError, OSError, ValueError):
        yield Finding(
            "redis",
            WRONG,
            "Redis can't be reached",
            "See that it runs and that REDIS_URL has its host, port and password right. Jobs are kept, but wait.",
        )


def judge(info: Mapping[str, object]) -> Iterator[Finding]:
    """What INFO says, as findings."""
    name = "Valkey" if info.get("server_name") == "valkey" else "Redis"
    version = info.get("valkey_version") or info.get("redis_version")
    yield judged("redis", True, f"{name} {version}", "")
    policy = str(info.get("maxmemory_policy", "unknown"))
    yield judged(
        "eviction",
        policy == _KEEPS_ALL,
        f"maxmemory-policy is {policy}",
        f"Set maxmemory-policy {_KEEPS_ALL}: messages and rate budgets must be refused rather than dropped.",
    )
    kept = bool(info.get("aof_enabled")) or int(str(info.get("rdb_last_bgsave_time_sec", -1))) >= 0
    yield judged(
        "persistence",
        kept,
        "messages outlive a restart" if kept else "nothing outlives a restart",
        "Set `appendonly yes`, if you can: no job is lost without it, but waiting ones start later after a restart.",
        HINT,
    )
