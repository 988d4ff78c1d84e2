"""Is Postgres there, new enough, safe, of this release's schema, and of the same time as this machine?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from cli.doctor.finding import FINE, HINT, WRONG, Finding, judged
from cli.program import Program
from core.errors import BadSettings, Unavailable
from core.settings import Settings
from db import deadletters, health
from db.diagnosis import ServerFacts, server_facts
from db.migrate import OLDEST_POSTGRES
from db.pool import Connection
from db.schema import unfit
from db.sources import resting

_FARTHEST_CLOCK_SECONDS = 5.0
_LONGEST_WAIT_SECONDS = 60.0


def check(program: Program) -> Iterator[Finding]:
    try:
        with program.database.connection() as connection:
            yield from _judge(connection, program.settings)
    except BadSettings as error:
        yield Finding("database", WRONG, str(error), "Set DATABASE_URL, or start everything here by `make run`.")
    except Unavailable:
        yield Finding(
            "database",
            WRONG,
            "Postgres can't be reached",
            "See that it runs and that DATABASE_URL has its host, port, user and password right.",
        )


def _judge(connection: Connection, settings: Settings) -> Iterator[Finding]:
    facts = server_facts(connection)
    yield judged(
        "database",
        facts.major >= OLDEST_POSTGRES,
        f"Postgres {facts.version.split()[0]}, {facts.size / 2**20:.0f} MiB",
        f"Move to Postgres {OLDEST_POSTGRES} or newer.",
    )
    yield durability(facts)
    yield clock(facts, datetime.now(UTC))
    reason = unfit(connection)
    yield migrations(health.schema_version(connection), reason)
    if reason:
        return
    workers = health.workers_alive(connection)
    yield judged(
        "workers", workers > 0, f"{workers} alive", "Start some: the Procfile's line `worker`, or `make run` here."
    )
    yield _waiting(health.oldest_waiting(connection))
    yield from _sources(connection, settings)


def durability(facts: ServerFacts) -> Finding:
    """Whether what was committed survives a crash of the machine."""
    if facts.standby:
        return Finding("durability", WRONG, "this is a standby, which takes no writes", "Name the primary server.")
    off = [
        name
        for name, on in (
            ("fsync", facts.fsync),
            ("synchronous_commit", facts.synchronous),
            ("full_page_writes", facts.full_pages),
        )
        if not on
    ]
    return judged(
        "durability",
        not off,
        f"{', '.join(off)} off" if off else "commits are kept",
        "Turn that on: a job that was accepted may be lost when the machine crashes.",
    )


def clock(facts: ServerFacts, here: datetime) -> Finding:
    """The protocol runs by the database's clock; observations without a time get this machine's."""
    apart = (here - facts.now).total_seconds()
    return judged(
        "clock",
        abs(apart) <= _FARTHEST_CLOCK_SECONDS,
        f"this machine is {abs(apart):.1f} s {'ahead of' if apart > 0 else 'behind'} the database",
        "Set both by NTP: a quote whose source names no time would be dated wrongly.",
    )


def migrations(schema: int, reason: str | None) -> Finding:
    """Whether this release can work with the schema; `reason` why not."""
    remedy = "Run `quotes migrate`; where the schema is too new, deploy the release that brought it."
    return judged("migrations", reason is None, reason or f"at {schema}", remedy)


def _waiting(oldest: dict[str, float]) -> Finding:
    longest = max(oldest.values(), default=0.0)
    return judged(
        "queues",
        longest <= _LONGEST_WAIT_SECONDS,
        f"the oldest due task waits for {longest:.0f} s",
        "Start more workers, or look at what they do: `quotes jobs --state running`.",
        HINT,
    )


def _sources(connection: Connection, settings: Settings) -> Iterator[Finding]:
    rests = resting(connection)
    for each in health.sources_in_sight(connection, settings):
        until = rests.get(each.source)
        said = "never fetched" if each.age is None else f"fetched well {each.age / 60:.0f} minutes ago"
        if until:
            yield Finding(
                each.source,
                HINT,
                f"rests until {until:%H:%M:%S} UTC after failing: {each.failure}",
                "Nothing: it is tried again by itself. See `quotes jobs` for the failures.",
            )
        else:
            yield Finding(each.source, FINE, said)
    _, dead = deadletters.page(connection, source=None, number=1, size=1)
    yield judged(
        "dead letters",
        dead == 0,
        f"{dead} tasks failed for good",
        "See `quotes jobs --state failed`; `retry` runs them again.",
        HINT,
    )
