"""Which pages are stored at once: by how quickly they come, on a clock that the test turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from core.errors import RateLimited
from core.models import Page
from core.sources.bundles import bundles

QUICK, SLOW = 0.004, 0.5


def page(number: int, *, last: bool = False, size: int = 10) -> Page:
    return Page(number, b" " * size, {}, {"page": number + 1}, last)


class Source:
    """Pages, each with the seconds that it takes to come; an error in a page's place is raised."""

    def __init__(self, *coming: tuple[float, Page | Exception]) -> None:
        self._coming = coming
        self._now = 0.0

    def clock(self) -> float:
        return self._now

    def stored(self) -> Iterator[list[int]]:
        for bundle in bundles(self._pages(), self.clock):
            yield numbers(bundle)

    def _pages(self) -> Iterator[Page]:
        for seconds, what in self._coming:
            self._now += seconds
            if isinstance(what, Exception):
                raise what
            yield what


def numbers(bundle: Sequence[Page]) -> list[int]:
    return [one.number for one in bundle]


def test_pages_that_come_slowly_are_stored_one_by_one() -> None:
    source = Source(*((SLOW, page(number, last=number == 4)) for number in range(1, 5)))
    assert list(source.stored()) == [[1], [2], [3], [4]]


def test_behind_the_first_pages_that_come_quickly_are_stored_some_at_once() -> None:
    source = Source(*((QUICK, page(number, last=number == 40)) for number in range(1, 41)))
    stored = list(source.stored())
    assert stored[0] == [1]
    assert all(len(bundle) > 5 for bundle in stored[1:-1])
    assert [number for bundle in stored for number in bundle] == list(range(1, 41))


def test_a_page_is_held_back_for_no_longer_than_one_that_comes_slowly() -> None:
    source = Source((QUICK, page(1)), (QUICK, page(2)), (QUICK, page(3)), (SLOW, page(4)), (QUICK, page(5, last=True)))
    assert list(source.stored()) == [[1], [2, 3, 4], [5]]


def test_large_pages_are_not_gathered_in_memory() -> None:
    large = 3 * 2**20
    source = Source(*((QUICK, page(number, size=large, last=number == 5)) for number in range(1, 6)))
    assert list(source.stored()) == [[1], [2, 3], [4, 5]]


def test_what_came_before_an_error_is_stored_before_it_is_raised() -> None:
    source = Source((QUICK, page(1)), (QUICK, page(2)), (QUICK, page(3)), (SLOW, RateLimited("Rate limit exceeded", 5)))
    stored = source.stored()
    assert [next(stored), next(stored)] == [[1], [2, 3]]
    with pytest.raises(RateLimited):
        next(stored)


def test_a_source_that_ends_without_a_last_page_loses_none() -> None:
    source = Source((QUICK, page(1)), (QUICK, page(2)))
    assert list(source.stored()) == [[1], [2]]
