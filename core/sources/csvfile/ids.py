"""The id of a row's coin within the source `csv`.

It is made from the row's symbol and name as the file has them, never from an id column: the ids of different files
number different things. A change here gives every coin of every file a new id.
"""

from __future__ import annotations

from core.names import slug


def source_id(symbol: str, name: str) -> str:
    """`btc-bitcoin` from both, `symbol:btc` or `name:bitcoin` from one of them; "" from none.

    Different pairs of slugs give different ids: a slug holds letters, digits and hyphens only, so a colon is no part of
    one, and hyphens in the symbol's slug become `_`, so the first hyphen ends the symbol.
    """
    if symbol and name:
        return f"{slug(symbol).replace('-', '_')}-{slug(name)}"
    if symbol:
        return f"symbol:{slug(symbol)}"
    return f"name:{slug(name)}" if name else ""
