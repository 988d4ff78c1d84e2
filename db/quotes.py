"""Merging pages of quotes: which coins they are, every observation once, the latest quote of each id, golden records.

All in sets and within the caller's transaction. Rows are locked in key order, so that parallel batches can't deadlock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql as compose
from psycopg.errors import UniqueViolation

from core.models import Quote
from core.registry import Registry
from core.settings import Settings
from db import mappings, version
from db.pool import Connection
from db.queries import sql

# Below this the planner's guess does no harm and measuring costs more than it gives.
_WORTH_MEASURING = 1_000


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides identity and merging besides the quotes themselves."""

    registry: Registry
    priorities: dict[str, int]
    stale_after: float
    fold_wrapped: bool

    @classmethod
    def of(cls, settings: Settings, registry: Registry) -> Rules:
        return cls(registry, dict(settings.source_priority), settings.stale_after, settings.wrapped_assets == "fold")


def store(
    connection: Connection, source: str, quotes: Sequence[Quote], fetched_at: datetime, rules: Rules
) -> Sequence[int]:
    """Merge one source's page and return its coins' keys in the order they came.

    A quote without a time of its own carries `fetched_at`, marked as assumed.
    """
    return store_pages(connection, source, [(quotes, fetched_at)], rules)[0]


def store_pages(
    connection: Connection, source: str, pages: Iterable[tuple[Sequence[Quote], datetime]], rules: Rules
) -> Sequence[Sequence[int]]:
    """Merge some of one source's pages at once, each with when it was fetched; one is held in memory at a time.

    Returns for each page the keys of the coins that no page before it named, in the order they came.
    """
    # Imported here since web, which never merges, has no use for pyarrow, nor for the 50 MB that it takes.
    from db.incoming import Incoming

    connection.execute(sql("prepare_incoming"))
    incoming, fetched_at = Incoming(), []
    for quotes, at in pages:
        fetched_at.append(at)
        if quotes:
            columns, text = incoming.page(quotes, len(fetched_at), at)
            del quotes
            names = compose.SQL(", ").join(compose.Identifier(name) for name in columns)
            _copy(connection, compose.SQL(sql("copy_incoming")).format(columns=names), text)
    if not incoming.rows:
        return [()] * len(fetched_at)
    _copy(connection, compose.SQL(sql("copy_incoming_names")), incoming.names())
    if incoming.rows >= _WORTH_MEASURING:
        incoming.give_back()
        connection.execute(sql("room_to_sort"))
        connection.execute(sql("measure_incoming"))
    connection.execute(sql("lock_mappings_shared"))
    mappings.give_identity(connection, source, rules.registry, fold_wrapped=rules.fold_wrapped)
    batch = {"source": source, "fetched_at": fetched_at}
    coins: dict[int, list[int]] = dict(connection.execute(sql("coins_of_incoming"), batch).fetchall())
    if incoming.rows < _WORTH_MEASURING or not _record_new_history(connection, batch):
        _record_history(connection, batch)
    changed = [row[0] for row in connection.execute(sql("keep_latest_quotes"), batch)]
    merge_golden(connection, changed, rules)
    return [coins.get(page, ()) for page in range(1, len(fetched_at) + 1)]


def _record_new_history(connection: Connection, batch: Mapping[str, object]) -> bool:
    """Record a batch of observations none of which is on record; False when one is, and none was recorded.

    Rows that may be there already cost Postgres nearly twice as much, each by itself.
    """
    (known,) = connection.execute(sql("has_history_of_incoming"), batch).fetchone() or (True,)
    if known:
        return False
    try:
        with connection.transaction():
            connection.execute(sql("record_new_history"), batch)
    except UniqueViolation:
        # One that was not looked for, or another batch's that told of the same times meanwhile.
        return False
    return True


def _record_history(connection: Connection, batch: Mapping[str, object]) -> None:
    (known,) = connection.execute(sql("record_history"), batch).fetchone() or (False,)
    if known:
        connection.execute(sql("settle_history"), batch)


def merge_golden(connection: Connection, coins: Sequence[int], rules: Rules) -> None:
    """Compute the golden records of these coins (keys) anew from their quotes."""
    if not coins:
        return
    version.advance(connection)
    connection.execute(sql("lock_coins"), {"coins": list(coins)})
    lone = {row[0] for row in connection.execute(sql("merge_lone_records"), {"coins": list(coins)})}
    several = [coin for coin in coins if coin not in lone]
    if not several:
        return
    connection.execute(
        sql("merge_golden_records"),
        {
            "coins": several,
            "sources": list(rules.priorities),
            "priorities": list(rules.priorities.values()),
            "stale_after": rules.stale_after,
        },
    )


def clear(connection: Connection) -> None:
    """Delete every coin, quote, mapping and observation."""
    connection.execute(sql("clear_data"))
    version.advance(connection)


def _copy(connection: Connection, statement: compose.SQL | compose.Composed, text: memoryview) -> None:
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(text)
