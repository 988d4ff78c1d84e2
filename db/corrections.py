"""Identity corrected by hand. A correction wins over every rule and survives every ingest, until it is forgotten.

Golden records follow in the same transaction, which nobody merges beside.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice

from core.canonical_ids import forms
from core.errors import ProjectError
from core.identity import KnownMapping, Newcomer, resolve, wanted
from core.names import name_key, slug, symbol_key
from core.registry import Registry
from db import moves
from db.pool import Connection
from db.queries import sql
from db.quotes import Rules, merge_golden

_LONGEST_ID = 200
# How many ids to ask for at once; the fourth at the latest is free, unless its coin was split off again and again.
_AT_ONCE = 8


class NoSuchMapping(ProjectError):
    """No quote of that source and id was ever stored; or there is no correction of it to forget."""


class BadCanonicalId(ProjectError):
    """Not the shape of a canonical id."""


@dataclass(frozen=True, slots=True)
class _Mapped:
    """An id as it is mapped now. `alone`: its coin has no other."""

    key: int
    canonical_id: str
    symbol: str
    name: str
    matched_by: str
    market_cap: Decimal | None
    price: Decimal | None
    observed_at: datetime | None
    alone: bool


def correct(
    connection: Connection, source: str, source_id: str, rules: Rules, *, canonical_id: str | None, relation: str
) -> None:
    """Say that this id is that coin, as itself (`same`) or `wrapped`; within the caller's transaction.

    Without a canonical id it gets a coin of its own: the one that it has to itself already, the one that it had before
    a merge, or a new one. An id that is free makes a new coin of that id; one given up leads on.
    Raises NoSuchMapping, BadCanonicalId.
    """
    if canonical_id is not None and not _fits(canonical_id) and not _exists(connection, canonical_id):
        raise BadCanonicalId(
            f"canonical_id: a new one is made of lower-case letters and digits with hyphens between, {_LONGEST_ID}"
            " characters at most"
        )
    moves.alone(connection)
    mapped = _mapped(connection, source, source_id)
    revived: Sequence[str] = ()
    if canonical_id is None:
        canonical_id, revived = _own_coin(connection, source, source_id, mapped, rules.registry)
    _give(connection, mapped, rules, canonical_id, relation, "manual", revived=revived)


def forget(connection: Connection, source: str, source_id: str, rules: Rules) -> None:
    """Take a correction back and let the rules decide as if the id came for the first time. Raises NoSuchMapping."""
    moves.alone(connection)
    mapped = _mapped(connection, source, source_id)
    if mapped.matched_by != "manual":
        raise NoSuchMapping(f"{source} {source_id!r} was not corrected by hand")
    newcomer = Newcomer(
        source, source_id, mapped.symbol, mapped.name, mapped.market_cap, mapped.price, mapped.observed_at
    )
    keys = {"symbol_keys": [symbol_key(mapped.symbol)], "name_keys": [name_key(mapped.name)]}
    known = [
        other
        for other in (KnownMapping(*row) for row in connection.execute(sql("mappings_alike"), keys))
        if (other.source, other.source_id) != (source, source_id)
    ]
    ids = wanted([newcomer], rules.registry, fold_wrapped=rules.fold_wrapped)
    taken = _taken(connection, ids) | {other.canonical_id for other in known}
    (decided,) = resolve([newcomer], registry=rules.registry, known=known, taken=taken, fold_wrapped=rules.fold_wrapped)
    canonical_id, revived = decided.canonical_id, list[str]()
    if decided.matched_by == "new":
        canonical_id, revived = _own_coin(connection, source, source_id, mapped, rules.registry)
    _give(
        connection, mapped, rules, canonical_id, decided.relation, decided.matched_by,
        revived=revived, ambiguous=decided.ambiguous,
    )  # fmt: skip


def _give(
    connection: Connection,
    mapped: _Mapped,
    rules: Rules,
    canonical_id: str,
    relation: str,
    matched_by: str,
    *,
    revived: Sequence[str],
    ambiguous: bool = False,
) -> None:
    listed = rules.registry.coins.get(canonical_id)
    symbol, name = (listed.symbol, listed.name) if listed else (mapped.symbol, mapped.name)
    move = moves.Move(mapped.key, canonical_id, relation, matched_by, ambiguous, symbol, name)
    merge_golden(connection, moves.move(connection, [move], revived=revived), rules)


def _mapped(connection: Connection, source: str, source_id: str) -> _Mapped:
    row = connection.execute(sql("mapping_to_correct"), {"source": source, "source_id": source_id}).fetchone()
    if row is None:
        raise NoSuchMapping(f"{source} {source_id!r} was never seen")
    return _Mapped(*row)


def _own_coin(
    connection: Connection, source: str, source_id: str, mapped: _Mapped, registry: Registry
) -> tuple[str, list[str]]:
    """The id of the coin that a mapping has to itself, and whether that is one given up, to be revived."""
    if mapped.alone:
        return mapped.canonical_id, []
    given_up = connection.execute(sql("ids_given_up"), {"source": source, "source_id": source_id}).fetchone()
    if given_up:
        return given_up[0], [given_up[0]]
    candidates = forms(source, source_id, mapped.symbol, mapped.name)
    while True:
        some = list(islice(candidates, _AT_ONCE))
        taken = _taken(connection, set(some)) | registry.reserved
        free = [form for form in some if form not in taken]
        if free:
            return free[0], []


def _taken(connection: Connection, ids: Set[str]) -> set[str]:
    return {row[0] for row in connection.execute(sql("taken_ids"), {"wanted": list(ids)})}


def _exists(connection: Connection, canonical_id: str) -> bool:
    return bool(_taken(connection, {canonical_id}))


def _fits(canonical_id: str) -> bool:
    """Whether it might be given to a new coin: slugs, with two or three hyphens between them."""
    return len(canonical_id) <= _LONGEST_ID and all(
        part and slug(part) == part for part in re.split("-{2,3}", canonical_id)
    )
