"""The made-up files: of the size asked for, the same for the same arguments, and readable."""

from __future__ import annotations

from core.sample import lines
from tests.unit.csv_reading import read


def test_it_has_every_coin_at_every_time() -> None:
    parsed = read("".join(lines(coins=7, times=3, seed=1)))
    assert not parsed.rejections
    assert len(parsed.quotes) == 21
    assert len({quote.source_id for quote in parsed.quotes}) == 7
    assert len({(quote.source_id, quote.observed_at) for quote in parsed.quotes}) == 21
    assert not any(quote.flags for quote in parsed.quotes)


def test_the_same_arguments_give_the_same_bytes_and_another_seed_others() -> None:
    assert list(lines(5, 2, seed=1)) == list(lines(5, 2, seed=1))
    assert list(lines(5, 2, seed=1)) != list(lines(5, 2, seed=2))
