"""Which coin a batch's newcomers are: what is known is read, `core.identity` decides, the outcome is kept for good."""

from __future__ import annotations

from core.identity import Assignment, KnownMapping, Newcomer, resolve, wanted
from core.registry import Registry
from db.pool import Connection
from db.queries import sql


def give_identity(connection: Connection, source: str, registry: Registry, *, fold_wrapped: bool) -> None:
    """Map every id of the incoming batch that has no coin yet; within the caller's transaction.

    Most batches bring no newcomers and take no lock. Those that do take turns, since two that came at once must not
    give one id to two coins.
    """
    newcomers = _newcomers(connection, source)
    if not newcomers:
        return
    # Worked out beforehand, since others may wait for whoever has the lock.
    ids = {"wanted": list(wanted(newcomers, registry, fold_wrapped=fold_wrapped))}
    alike = {
        "symbol_keys": [newcomer.keys[0] for newcomer in newcomers],
        "name_keys": [newcomer.keys[1] for newcomer in newcomers],
    }
    connection.execute(sql("lock_identity"))
    # Whoever held the lock before may have mapped some of them.
    left = {newcomer.source_id for newcomer in _newcomers(connection, source)}
    newcomers = [newcomer for newcomer in newcomers if newcomer.source_id in left]
    if not newcomers:
        return
    known = [KnownMapping(*row) for row in connection.execute(sql("mappings_alike"), alike)]
    taken = {row[0] for row in connection.execute(sql("taken_ids"), ids)} | {mapping.canonical_id for mapping in known}
    assignments = resolve(newcomers, registry=registry, known=known, taken=taken, fold_wrapped=fold_wrapped)
    _keep(connection, source, newcomers, assignments)


def _newcomers(connection: Connection, source: str) -> list[Newcomer]:
    rows = connection.execute(sql("newcomers"), {"source": source}).fetchall()
    return [Newcomer(source, *row) for row in rows]


def _keep(connection: Connection, source: str, newcomers: list[Newcomer], assignments: list[Assignment]) -> None:
    new = [assignment for assignment in assignments if assignment.new_coin]
    if new:
        connection.execute(
            sql("insert_coins"),
            {
                "canonical_ids": [assignment.canonical_id for assignment in new],
                "symbols": [assignment.symbol.upper() for assignment in new],
                "names": [assignment.name for assignment in new],
            },
        )
    spelled = {newcomer.source_id: newcomer for newcomer in newcomers}
    mapped = [(assignment, spelled[assignment.source_id]) for assignment in assignments]
    connection.execute(
        sql("insert_mappings"),
        {
            "source": source,
            "source_ids": [assignment.source_id for assignment, _ in mapped],
            "canonical_ids": [assignment.canonical_id for assignment, _ in mapped],
            "symbols": [newcomer.symbol for _, newcomer in mapped],
            "names": [newcomer.name for _, newcomer in mapped],
            "symbol_keys": [newcomer.keys[0] for _, newcomer in mapped],
            "name_keys": [newcomer.keys[1] for _, newcomer in mapped],
            "relations": [assignment.relation for assignment, _ in mapped],
            "matched_by": [assignment.matched_by for assignment, _ in mapped],
            "ambiguous": [assignment.ambiguous for assignment, _ in mapped],
        },
    )
