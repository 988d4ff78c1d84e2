"""Which coin is each id that no source has shown before? Pure, and in sets: a batch in, an assignment an id out.

An id that is mapped already (rule 1) is never asked about again, so what is decided here is decided for good:

2. The registry knows the id (of a source that numbers its coins) or the symbol and name (of one that doesn't).
3. Same symbol key and same name key as one known coin, and only one such, and nothing speaks against it: that coin.
4. Otherwise a new coin with an id of its own, made from the symbol and name as they came.

Against a match by rule 3 speaks: a namesake, that is another id of the same source with the same keys; another id of
the same source that is the coin already, or that the registry says is it; a price an order of magnitude apart at about
the same time. A price alone never makes a match.

What depends on order, and what doesn't. Rules 2 and 3 give the same coins in whatever order and batches the ids come,
wherever each source has one id for a symbol and name. Among namesakes rule 3 can't decide; they stay apart. But what
was matched before its namesake turned up in a later batch stays matched, since an assignment is for good. A price
veto depends on the prices known at the time. The ids of rule 4 go first come, first served; within a batch the larger
market cap comes first, whichever way the batch is ordered.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import groupby, islice
from typing import TypeAlias

from core.canonical_ids import FORMS, forms
from core.names import name_key, symbol_key
from core.registry import Registry

# Prices of one coin differ by some percent between sources, now and then by half; ten times is another coin.
_APART = 10
# "About the same time": a coin seldom moves by an order of magnitude within a day.
_ABOUT = timedelta(days=1)


@dataclass(frozen=True, eq=False)
class Newcomer:
    """An id that has no coin yet, as its source spells it. Price and cap are in US dollars.

    `observed_at` is None when it is unknown or only assumed: the price is then of an unknown time and vetoes nothing.
    """

    source: str
    source_id: str
    symbol: str
    name: str
    market_cap: Decimal | None = None
    price: Decimal | None = None
    observed_at: datetime | None = None

    @cached_property
    def keys(self) -> tuple[str, str]:
        """Symbol and name, comparable."""
        return symbol_key(self.symbol), name_key(self.name)


@dataclass(frozen=True, slots=True)
class KnownMapping:
    """An id that has its coin, with the price it had last and when (None as in Newcomer)."""

    source: str
    source_id: str
    canonical_id: str
    symbol_key: str
    name_key: str
    relation: str
    matched_by: str
    price: Decimal | None = None
    observed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which coin an id is, by which rule.

    `relation` is `same` or `wrapped`; `matched_by` is `registry`, `symbol+name` or `new`. `new_coin` says that the coin
    is neither among `taken` nor `known` (several assignments may share it), and `symbol` and `name` what it is called.
    `ambiguous` says that rule 3 saw a coin that this might be and couldn't decide: something for a person to look at.
    """

    source: str
    source_id: str
    canonical_id: str
    relation: str
    matched_by: str
    new_coin: bool
    symbol: str
    name: str
    ambiguous: bool = False


def resolve(
    newcomers: Iterable[Newcomer],
    *,
    registry: Registry,
    known: Iterable[KnownMapping],
    taken: Set[str],
    fold_wrapped: bool = True,
) -> list[Assignment]:
    """Give each newcomer its coin; one assignment an id, sorted by source and source_id.

    `known` are all mappings of all coins that have a mapping with a newcomer's keys; more do no harm. `taken` are the
    canonical ids of all coins and redirects, or at least those among `wanted(newcomers, registry)`. A canonical id that
    is a redirect may come back: following it is the caller's. With `fold_wrapped` the curated wrapped coins belong to
    their underlying coin, otherwise they are coins of their own.

    An id that comes twice counts once, with its larger market cap. The ids of several sources may be mixed; they are
    then judged source by source, in the order of the sources' names.
    """
    book = _Book(registry, known, set(taken), fold_wrapped)
    for _, batch in groupby(_once_each(newcomers), key=lambda newcomer: newcomer.source):
        book.judge(list(batch))
    return sorted(book.assignments, key=lambda assignment: (assignment.source, assignment.source_id))


def wanted(newcomers: Iterable[Newcomer], registry: Registry, *, fold_wrapped: bool = True) -> set[str]:
    """Every canonical id that `resolve` may give to these, beyond those of `known`."""
    ids = set()
    for newcomer in newcomers:
        listing = registry.find(newcomer.source, newcomer.source_id, newcomer.symbol, newcomer.name)
        if listing:
            ids.add(listing.canonical_id if fold_wrapped else listing.own_id)
        else:
            ids.update(islice(_forms(newcomer), FORMS))
            alike = registry.by_keys.get(newcomer.keys)
            ids.update(() if alike is None else (alike,))
    return ids


def prices_disagree(
    one: Decimal | None, one_at: datetime | None, other: Decimal | None, other_at: datetime | None
) -> bool:
    """Whether two prices are an order of magnitude apart at about the same time; unknown ones (None, 0) never do."""
    if one is None or other is None or one_at is None or other_at is None or abs(one_at - other_at) > _ABOUT:
        return False
    if not (one.is_finite() and other.is_finite()) or one <= 0 or other <= 0:
        return False
    return max(one, other) >= _APART * min(one, other)


# A coin that a newcomer might be by rule 3, and whether as itself or wrapped: canonical id and relation.
_Candidate: TypeAlias = tuple[str, str]


class _Book:
    """What is known, growing as one source after the other is judged."""

    def __init__(self, registry: Registry, known: Iterable[KnownMapping], taken: set[str], fold_wrapped: bool) -> None:
        self.registry = registry
        self.taken = taken
        self.fold_wrapped = fold_wrapped
        self.assignments: list[Assignment] = []
        self._by_keys: defaultdict[tuple[str, str], list[KnownMapping]] = defaultdict(list)
        self._by_coin: defaultdict[str, list[KnownMapping]] = defaultdict(list)
        for mapping in known:
            self._enter(mapping)
        self._existing = frozenset(self.taken)

    def judge(self, batch: Sequence[Newcomer]) -> None:
        """Decide one source's newcomers: all by rule 2 before any by rule 3, all by rule 3 before any by rule 4."""
        listed = {newcomer: self._by_registry(newcomer) for newcomer in batch}
        self._keep({newcomer: assignment for newcomer, assignment in listed.items() if assignment})
        rest = [newcomer for newcomer, assignment in listed.items() if assignment is None]
        # Kept only when all are judged, so that no match depends on which of the batch was looked at first.
        alike = self._by_likeness(rest)
        self._keep({newcomer: assignment for newcomer, assignment in alike.items() if assignment})
        for newcomer in sorted((n for n in rest if not alike.get(n)), key=_largest_first):
            self._keep({newcomer: self._as_new(newcomer, ambiguous=newcomer in alike)})

    def _by_registry(self, newcomer: Newcomer) -> Assignment | None:
        listing = self.registry.find(newcomer.source, newcomer.source_id, newcomer.symbol, newcomer.name)
        if listing is None:
            return None
        if self.fold_wrapped:
            return self._assign(newcomer, listing.canonical_id, listing.relation, "registry")
        return self._assign(newcomer, listing.own_id, "same", "registry")

    def _by_likeness(self, rest: Sequence[Newcomer]) -> dict[Newcomer, Assignment | None]:
        """Rule 3 for one source: of each newcomer with a coin that it might be, the assignment, or None if unsure."""
        namesakes = Counter(newcomer.keys for newcomer in rest)
        # Looked up once for all namesakes: a hostile batch may bring thousands of them.
        alike = {key: self._alike(key, rest[0].source) for key in namesakes}
        sure = {
            newcomer: alike[key][0]
            for newcomer, key in ((newcomer, newcomer.keys) for newcomer in rest)
            if namesakes[key] == 1 and len(alike[key]) == 1 and not self._spoken_against(newcomer, key, alike[key][0])
        }
        suitors = Counter(candidate for candidate in sure.values() if candidate[1] == "same")
        return {
            newcomer: None
            if newcomer not in sure or suitors[sure[newcomer]] > 1
            else self._assign(newcomer, *sure[newcomer], "symbol+name")
            for newcomer in rest
            if alike[newcomer.keys]
        }

    def _alike(self, key: tuple[str, str], source: str) -> list[_Candidate]:
        """The coins with this symbol and name, without those that the registry knows by another id at `source`."""
        if not all(key):
            return []
        found: defaultdict[_Candidate, set[str]] = defaultdict(set)
        for mapping in self._by_keys.get(key, ()):
            found[mapping.canonical_id, mapping.relation].add(self._own_id(mapping))
        listed = self.registry.by_keys.get(key)
        if listed is not None:
            found[listed, "same"].add(listed)
        return [
            candidate
            for candidate, own_ids in found.items()
            if not any(self.registry.lists_another(own_id, source) for own_id in own_ids)
        ]

    def _own_id(self, mapping: KnownMapping) -> str:
        """By what the registry would know the thing mapped: a wrapped coin's own id, not that of what it stands for."""
        if mapping.relation == "same":
            return mapping.canonical_id
        listing = self.registry.listings.get((mapping.source, mapping.source_id))
        return listing.own_id if listing else ""

    def _spoken_against(self, newcomer: Newcomer, key: tuple[str, str], candidate: _Candidate) -> bool:
        """Whether the source has a namesake or the coin already, or a price is too far away."""
        for mapping in self._by_keys[key]:
            # Ids that the registry lists are what they are, seen or not; only the others can be mixed up.
            if mapping.source == newcomer.source and (mapping.source, mapping.source_id) not in self.registry.listings:
                return True
        canonical_id, relation = candidate
        mappings = [m for m in self._by_coin[canonical_id] if m.relation == relation]
        if relation == "same" and any(m.source == newcomer.source for m in mappings):
            return True
        return any(prices_disagree(newcomer.price, newcomer.observed_at, m.price, m.observed_at) for m in mappings)

    def _as_new(self, newcomer: Newcomer, *, ambiguous: bool) -> Assignment:
        canonical_id = next(
            form for form in _forms(newcomer) if form not in self.taken and form not in self.registry.reserved
        )
        return self._assign(newcomer, canonical_id, "same", "new", ambiguous=ambiguous)

    def _assign(
        self, newcomer: Newcomer, canonical_id: str, relation: str, matched_by: str, *, ambiguous: bool = False
    ) -> Assignment:
        coin = self.registry.coins.get(canonical_id)
        symbol, name = (coin.symbol, coin.name) if coin else (newcomer.symbol, newcomer.name)
        new_coin = canonical_id not in self._existing
        return Assignment(
            newcomer.source, newcomer.source_id, canonical_id, relation, matched_by, new_coin, symbol, name, ambiguous
        )

    def _keep(self, decided: dict[Newcomer, Assignment]) -> None:
        for newcomer, assignment in decided.items():
            self.assignments.append(assignment)
            self._enter(_mapping(newcomer, assignment))

    def _enter(self, mapping: KnownMapping) -> None:
        self._by_keys[mapping.symbol_key, mapping.name_key].append(mapping)
        self._by_coin[mapping.canonical_id].append(mapping)
        self.taken.add(mapping.canonical_id)


def _once_each(newcomers: Iterable[Newcomer]) -> list[Newcomer]:
    """Sorted by source and id, each id once: the same one in whatever order they came."""
    ordered = sorted(
        newcomers, key=lambda n: (n.source, n.source_id, _largest_first(n), n.symbol, n.name, str(n.price))
    )
    return [next(same) for _, same in groupby(ordered, key=lambda n: (n.source, n.source_id))]


def _largest_first(newcomer: Newcomer) -> tuple[Decimal, str]:
    cap = newcomer.market_cap
    return (cap.copy_negate() if cap is not None and cap.is_finite() else Decimal("Infinity"), newcomer.source_id)


def _mapping(newcomer: Newcomer, assignment: Assignment) -> KnownMapping:
    return KnownMapping(
        newcomer.source,
        newcomer.source_id,
        assignment.canonical_id,
        *newcomer.keys,
        assignment.relation,
        assignment.matched_by,
        newcomer.price,
        newcomer.observed_at,
    )


def _forms(newcomer: Newcomer) -> Iterator[str]:
    return forms(newcomer.source, newcomer.source_id, newcomer.symbol, newcomer.name)
