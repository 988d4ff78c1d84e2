"""Pages that come quicker than they could be stored one by one are stored some at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from core.models import Page

# A page that took longer to fetch than about ten times what storing it takes is not held back, nor is one before it.
_QUICK_SECONDS = 0.03
_LONGEST_SECONDS = 0.06
_LARGEST = 4 * 2**20  # bytes


def bundles(pages: Iterable[Page], clock: Callable[[], float] = time.monotonic) -> Iterator[Sequence[Page]]:
    """The pages in their order, some at once as far as they come quickly; the first for itself, so that work begins.

    What a source gave before it raised comes before what it raises.
    """
    coming = iter(pages)
    held: list[Page] = []
    first = True
    since = asked = clock()
    while True:
        try:
            page = next(coming, None)
        except Exception:
            if held:
                yield held
            raise
        if page is None:
            break
        came = clock()
        if not held:
            since = came
        held.append(page)
        slow = came - asked > _QUICK_SECONDS or came - since > _LONGEST_SECONDS
        if first or page.last or slow or sum(len(one.body) for one in held) > _LARGEST:
            yield held
            held = []
        first = False
        asked = clock()
    if held:
        yield held
