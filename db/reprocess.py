"""Rebuilding everything that the rules decide, from the quotes that are kept, after a change of the rules.

First which coin each id is, in one transaction that nobody merges beside; then what can't be right about each quote
and the golden records, some hundred coins at a time. Corrections by hand stay, and so do canonical ids wherever the
rules give none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core.identity import KnownMapping, Newcomer
from core.models import Quote
from core.names import name_key, symbol_key
from core.plausibility import flags
from core.reprocess import Mapped, decide_again
from db import jobs, moves
from db.jobs import Idempotency, Submitted
from db.pool import Connection
from db.queries import sql
from db.quotes import Rules, merge_golden

# Both the job's kind and its task's; the task's source too, since it is of none.
REPROCESS = "reprocess"
_COINS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class _Row:
    mapping_key: int
    source: str
    source_id: str
    canonical_id: str
    symbol: str
    name: str
    symbol_key: str
    name_key: str
    relation: str
    matched_by: str
    ambiguous: bool
    market_cap: Decimal | None
    price: Decimal | None
    observed_at: datetime | None


def submit(
    connection: Connection, *, max_attempts: int, requested_by: str, idempotency: Idempotency | None = None
) -> Submitted:
    """Put the job on record, within the caller's transaction. Raises KeyReused."""

    def make() -> Submitted:
        job = jobs.insert_job(connection, kind=REPROCESS, requested_by=requested_by)
        assert job is not None  # noqa: S101  only a slot can be taken
        return Submitted(
            job,
            (jobs.insert_task(connection, job, kind=REPROCESS, source=REPROCESS, max_attempts=max_attempts),),
        )

    return jobs.once(connection, idempotency, make)


def rebuild_identity(connection: Connection, rules: Rules) -> int:
    """Decide anew which coin each id is and carry it out; how many ids are another coin than before."""
    connection.execute(sql("allow_a_pause"))
    moves.alone(connection)
    rows = [_Row(*row) for row in connection.execute(sql("all_mappings"))]
    _set_keys(connection, rows)
    leads: dict[str, str] = dict(connection.execute(sql("all_redirects")).fetchall())
    decided = decide_again(
        [
            Mapped(row.mapping_key, row.canonical_id, row.matched_by == "new", _newcomer(row))
            for row in rows
            if row.matched_by != "manual"
        ],
        registry=rules.registry,
        by_hand=[_known(row) for row in rows if row.matched_by == "manual"],
        redirects=leads.keys(),
        fold_wrapped=rules.fold_wrapped,
    )
    before = {(row.source, row.source_id): row for row in rows}
    changes = [
        moves.Move(was.mapping_key, canonical_id, now.relation, now.matched_by, now.ambiguous, now.symbol, now.name)
        for now in decided
        for was, canonical_id in [(before[now.source, now.source_id], leads.get(now.canonical_id, now.canonical_id))]
        if (canonical_id, now.relation, now.matched_by, now.ambiguous)
        != (was.canonical_id, was.relation, was.matched_by, was.ambiguous)
    ]
    touched = moves.move(connection, changes) if changes else []
    named = {now.canonical_id: now for now in decided if now.canonical_id in rules.registry.coins}
    connection.execute(
        sql("name_coins"),
        {
            "canonical_ids": list(named),
            "symbols": [now.symbol.upper() for now in named.values()],
            "names": [now.name for now in named.values()],
        },
    )
    merge_golden(connection, touched, rules)
    coins = {row.mapping_key: row.canonical_id for row in rows}
    return sum(coins[change.mapping_key] != change.canonical_id for change in changes)


def rebuild_records(connection: Connection, behind: int, rules: Rules) -> int | None:
    """Judge and merge the coins whose keys come after `behind` anew, some hundred of them; the last key, or None."""
    connection.execute(sql("lock_mappings_shared"))
    coins = [row[0] for row in connection.execute(sql("next_coins"), {"behind": behind, "most": _COINS_AT_ONCE})]
    if not coins:
        return None
    judged = {
        key: (" ".join(flags(Quote(*figures))), " ".join(held))
        for key, *figures, held in connection.execute(sql("quotes_to_judge"), {"coins": coins})
    }
    changed = {key: now for key, (now, was) in judged.items() if now != was}
    if changed:
        connection.execute(sql("set_flags"), {"mapping_keys": list(changed), "flags": list(changed.values())})
    merge_golden(connection, coins, rules)
    return int(coins[-1])


def every_coin(connection: Connection) -> list[int]:
    return [row[0] for row in connection.execute(sql("every_coin"))]


def _newcomer(row: _Row) -> Newcomer:
    return Newcomer(row.source, row.source_id, row.symbol, row.name, row.market_cap, row.price, row.observed_at)


def _known(row: _Row) -> KnownMapping:
    return KnownMapping(
        row.source,
        row.source_id,
        row.canonical_id,
        symbol_key(row.symbol),
        name_key(row.name),
        row.relation,
        row.matched_by,
        row.price,
        row.observed_at,
    )


def _set_keys(connection: Connection, rows: Sequence[_Row]) -> None:
    """The keys are stored with each mapping: a change of what makes names comparable reaches them here."""
    changed = {
        row.mapping_key: keys
        for row in rows
        for keys in [(symbol_key(row.symbol), name_key(row.name))]
        if keys != (row.symbol_key, row.name_key)
    }
    if changed:
        connection.execute(
            sql("set_keys"),
            {
                "mapping_keys": list(changed),
                "symbol_keys": [keys[0] for keys in changed.values()],
                "name_keys": [keys[1] for keys in changed.values()],
            },
        )
