"""Mappings that change hands: their quotes and history follow, since those hang on the mapping.

Within a transaction that holds `alone`. A coin that nothing is mapped to any more becomes a redirect: its id, and every
id that led to it, leads to the coin that its first mapping went to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from db.pool import Connection
from db.queries import sql


@dataclass(frozen=True, slots=True)
class Move:
    """A mapping and the coin that it is from now on; `symbol` and `name` are what that is called if it is new."""

    mapping_key: int
    canonical_id: str
    relation: str
    matched_by: str
    ambiguous: bool
    symbol: str
    name: str


def alone(connection: Connection) -> None:
    """Keep everyone else from merging and from giving ids until the transaction ends."""
    connection.execute(sql("lock_mappings"))
    connection.execute(sql("lock_identity"))


def move(connection: Connection, moves: Sequence[Move], *, revived: Sequence[str] = ()) -> list[int]:
    """Carry the moves out and return the keys of the coins that were left or joined, whose records are to be merged.

    A coin that doesn't exist is made; an id given up leads on, but for those `revived`, which become coins again.
    """
    keys = [each.mapping_key for each in moves]
    ids = [each.canonical_id for each in moves]
    connection.execute(sql("lock_coins_of_moves"), {"mapping_keys": keys, "canonical_ids": ids})
    connection.execute(sql("revive_ids"), {"canonical_ids": list(revived)})
    taken = {row[0] for row in connection.execute(sql("taken_ids"), {"wanted": ids})}
    new = {each.canonical_id: each for each in moves if each.canonical_id not in taken}
    if new:
        connection.execute(
            sql("insert_coins"),
            {
                "canonical_ids": list(new),
                "symbols": [each.symbol.upper() for each in new.values()],
                "names": [each.name for each in new.values()],
            },
        )
    moved = connection.execute(
        sql("move_mappings"),
        {
            "mapping_keys": keys,
            "canonical_ids": ids,
            "relations": [each.relation for each in moves],
            "matched_by": [each.matched_by for each in moves],
            "ambiguous": [each.ambiguous for each in moves],
        },
    ).fetchall()
    emptied = _redirect_emptied(connection, [row[0] for row in moved], [row[1] for row in moved])
    return sorted({coin for _, *coins in moved for coin in coins} - emptied)


def _redirect_emptied(connection: Connection, mapping_keys: list[int], left: list[int]) -> set[int]:
    rows = connection.execute(sql("redirect_emptied_coins"), {"mapping_keys": mapping_keys, "left": left}).fetchall()
    emptied = {int(row[0]) for row in rows}
    connection.execute(sql("delete_coins"), {"coins": sorted(emptied)})
    return emptied
