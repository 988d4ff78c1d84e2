"""How well coins are brought together and told apart, on a small list of our own: known coins and made-up ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.registry import Registry, load_registry
from scripts import identity

LISTS = Path(__file__).parents[1] / "lists"


def test_known_pairs_are_one_coin_no_id_is_lost_and_none_has_a_wrong_partner(database_url: str) -> None:
    figures = identity.measure(database_url, identity.read(LISTS), load_registry())
    assert figures.pairs == 28
    assert (figures.joined, figures.apart) == (28, [])
    assert (figures.lost, figures.wrong) == (0, [])


def test_without_the_registry_only_what_is_spelled_too_differently_stays_apart(database_url: str) -> None:
    figures = identity.measure(database_url, identity.read(LISTS), Registry())
    assert figures.apart == [("crypto-com-chain", "cro-cryptocom-chain")]
    assert (figures.lost, figures.wrong) == (0, [])
    assert list(identity.lines(figures, "without"))[2:] == [
        "  27 of 28 known pairs are one coin (96.4%), 0 wrong",
        "    apart: crypto-com-chain and cro-cryptocom-chain",
    ]


def test_a_folder_without_lists_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no coingecko_coins\*\.tsv"):
        identity.read(tmp_path)
    (tmp_path / "coingecko_coins.tsv").write_text("id\tname\n")
    with pytest.raises(ValueError, match=r"coingecko_coins\.tsv has no column symbol"):
        identity.read(tmp_path)
