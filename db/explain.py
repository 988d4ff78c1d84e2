"""What `core.explanation` explains, read in one go. Nothing is changed."""

from __future__ import annotations

from typing import Any

from core import explanation
from core.explanation import FIGURES, Evidence, Neighbour
from db.pool import Connection
from db.queries import sql
from db.quotes import Rules

MOST_NEIGHBOURS = 100


def explain(connection: Connection, canonical_id: str, rules: Rules) -> dict[str, Any] | None:
    """Why a coin is what it is, by the rules as they are now; None when there is none of that id.

    `current` is false when its record was merged by other rules, such as other priorities. At most MOST_NEIGHBOURS ids
    of other coins are looked at.
    """
    row = connection.execute(sql("coin_to_explain"), {"canonical_id": canonical_id}).fetchone()
    if row is None:
        return None
    key, canonical_id, symbol, name, source, provenance, *figures, given_up = row
    ranking = {
        "coin": key,
        "sources": list(rules.priorities),
        "priorities": list(rules.priorities.values()),
        "stale_after": rules.stale_after,
    }
    count = len(FIGURES)
    evidence = [
        Evidence(*(*found[:-count], dict(zip(FIGURES, found[-count:], strict=True))))
        for found in connection.execute(sql("evidence_of_coin"), ranking)
    ]
    neighbours = connection.execute(sql("neighbours_of_coin"), {"coin": key, "most": MOST_NEIGHBOURS})
    fields = explanation.fields(evidence)
    stands = {field: (value, provenance.get(field)) for field, value in zip(FIGURES, figures, strict=True)}
    return {
        "canonical_id": canonical_id,
        "symbol": symbol,
        "name": name,
        "source": source,
        "current": stands == {field: (each["value"], each["source"]) for field, each in fields.items()},
        "given_up_ids": given_up,
        "ranking": {"priorities": rules.priorities, "stale_after_seconds": rules.stale_after},
        "quotes": explanation.quotes(canonical_id, evidence, rules.registry),
        "fields": fields,
        "might_be": explanation.might_be(evidence, [Neighbour(*found) for found in neighbours], rules.registry),
    }
