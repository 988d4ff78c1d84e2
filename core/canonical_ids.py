"""The canonical ids that a new coin might have (rule 4 of `core.identity`), made from raw, stable fields alone."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from itertools import count

from core.names import slug

# How many forms come without a number. More are wanted only by an id whose coin was split off by hand again and again.
FORMS = 4
# A primary key has to fit into an index page, and an id into an address.
_LONGEST = 200
_HEAD = 40


def forms(source: str, source_id: str, symbol: str, name: str) -> Iterator[str]:
    """The ids to try in turn, without end: `abc`, `abc-alphabet`, `abc-alphabet--csv--abc-alphabet`, a digest, numbers.

    The symbol (or the name, where there is none); symbol and name; those with source and source_id; a digest of source
    and source_id. Forms that are empty or too long are left out. A slug has no two hyphens in a row, so a longer form
    is never the shorter one of another coin; and the digest's, with three, is this id's alone.
    """
    symbol_slug = slug(symbol)
    short = symbol_slug or slug(name)
    # Mostly the first is taken; the longer ones are made when they are asked for.
    if _fits(short):
        yield short
    both = "-".join(filter(None, (symbol_slug, slug(name))))
    if both != short and _fits(both):
        yield both
    whole = "--".join(filter(None, (both, slug(source), slug(source_id))))
    if whole != both and _fits(whole):
        yield whole
    digest = sha256(f"{source}\0{source_id}".encode(errors="surrogatepass")).hexdigest()[:32]
    last = f"{short[:_HEAD].strip('-') or 'coin'}---{digest}"
    yield last
    yield from (f"{last}-{number}" for number in count(2))


def _fits(form: str) -> bool:
    return 0 < len(form) <= _LONGEST
