"""Deciding anew which coin each id is, as if all came at once and by the rules as they are now. Pure.

What the rules say of which ids are one coin counts, as for a fresh ingest; the canonical ids of coins that the rules
give no name (rule 4) stay, since an id that was given is stable: of the ids that found a coin by rule 4, the one that
was there first keeps it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace

from core.canonical_ids import forms
from core.identity import Assignment, KnownMapping, Newcomer, resolve
from core.registry import Registry


@dataclass(frozen=True, slots=True)
class Mapped:
    """An id with the coin that it is now, and whether it was its first (rule 4).

    `age` tells older mappings (smaller) from younger ones.
    """

    age: int
    canonical_id: str
    founded: bool
    newcomer: Newcomer


def decide_again(
    mapped: Iterable[Mapped],
    *,
    registry: Registry,
    by_hand: Sequence[KnownMapping],
    redirects: Set[str],
    fold_wrapped: bool,
) -> list[Assignment]:
    """What each of the ids is, sorted by source and id; those mapped `by_hand` stay and are not among them.

    `redirects` are the canonical ids given up; one that the registry gives may come back, for the caller to follow.
    """
    now = {(each.newcomer.source, each.newcomer.source_id): each for each in mapped}
    manual = {mapping.canonical_id for mapping in by_hand}
    taken = manual | redirects
    decided = resolve(
        [each.newcomer for each in now.values()],
        registry=registry, known=by_hand, taken=taken, fold_wrapped=fold_wrapped,
    )  # fmt: skip
    groups: defaultdict[str, list[Assignment]] = defaultdict(list)
    for assignment in decided:
        groups[assignment.canonical_id].append(assignment)
    named = registry.coins.keys() | manual
    founders = {
        label: min(
            (now[each.source, each.source_id] for each in group if each.matched_by == "new"), key=lambda each: each.age
        )
        for label, group in groups.items()
        if label not in named
    }
    fixed = taken | (named & groups.keys())
    given = {each.canonical_id for each in now.values()}
    names = _names(founders, registry, fixed=fixed, theirs=manual - registry.coins.keys(), given=given)
    return [replace(each, canonical_id=names.get(each.canonical_id, each.canonical_id)) for each in decided]


def _names(
    founders: dict[str, Mapped], registry: Registry, *, fixed: set[str], theirs: Set[str], given: Set[str]
) -> dict[str, str]:
    """The canonical id of each coin that rule 4 founds: the one that its founder's coin has, else one never given.

    `fixed` ids are not to be had; only a coin that corrections by hand have joined (`theirs`) stays with its founder.
    """
    names: dict[str, str] = {}
    taken, kept = set(fixed), set[str]()
    for label, founder in sorted(founders.items(), key=lambda item: item[1].age):
        mine = founder.canonical_id
        free = mine not in taken or (founder.founded and mine in theirs and mine not in kept)
        if free and mine not in registry.reserved:
            names[label] = mine
            kept.add(mine)
            taken.add(mine)
    taken |= given
    for label, founder in founders.items():
        if label not in names:
            one = founder.newcomer
            candidates = forms(one.source, one.source_id, one.symbol, one.name)
            names[label] = next(form for form in candidates if form not in taken and form not in registry.reserved)
            taken.add(names[label])
    return names
