from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.names import name_key, slug, symbol_key


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Shiba Inu!", "shiba-inu"),
        ("  USD   Coin ", "usd-coin"),
        ("Dxsale.network", "dxsale-network"),
        ("ＢＴＣ", "btc"),
        ("比特币", "比特币"),
        ("🐶", "u1f436"),
        ("", ""),
        (" ", ""),
    ],
)
def test_a_slug_is_letters_and_digits_with_single_hyphens(text: str, expected: str) -> None:
    assert slug(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bitcoin", "BITCOIN"),
        ("DxSale Network", "Dxsale.network"),
        ("Bob's Repair", "Bob`s Repair"),
        ("Singularity NET", "SingularityNET"),
        ("Reserve Rights Token", "Reserve Rights"),
        ("CyberVeinToken", "CyberVein"),
        ("Celsius Network", "Celsius"),
        ("Near Protocol", "NEAR"),
        ("Loom Network (NEW)", "Loom Network"),
        ("DUO Network", "DUO Network Token"),
        ("ＳＯＬＡＮＡ", "Solana"),
    ],
)
def test_spellings_of_one_name_meet(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Compound", "Compound Coin"),
        ("Pirate Chain", "Pirate"),
        ("PocMon (Old)", "PocMon"),
        ("YAM", "YAM v2"),
        ("Armor Finance", "Armor"),
        ("The Parallel", "Parallel"),
        ("Pokémon", "Pokemon"),
        ("🐶", "🐱"),
    ],
)
def test_names_of_other_coins_stay_apart(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


@pytest.mark.parametrize(
    ("name", "expected"), [("Token", "token"), ("Network Token", "network"), ("(new)", "(new)"), ("🐶", "🐶")]
)
def test_something_of_a_name_is_always_left(name: str, expected: str) -> None:
    assert name_key(name) == expected


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("BTC", "btc"),
        (" eth ", "eth"),
        ("$GODL", "godl"),
        ("E$P", "ep"),
        ("$$$", "$$$"),
        ("🐶", "🐶"),
        ("", ""),
        (" ", ""),
    ],
)
def test_a_symbol_is_compared_by_its_letters_and_digits(symbol: str, expected: str) -> None:
    assert symbol_key(symbol) == expected


@given(st.text(max_size=30))
def test_only_what_is_blank_has_the_empty_key(text: str) -> None:
    for key in (name_key(text), symbol_key(text), slug(text)):
        assert bool(key) == bool(text.strip())


@given(st.text(max_size=30))
def test_a_slug_of_a_slug_and_a_key_of_a_key_are_themselves(text: str) -> None:
    assert slug(slug(text)) == slug(text)
    assert name_key(name_key(text)) == name_key(text)
    assert symbol_key(symbol_key(text)) == symbol_key(text)
