from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.errors import BadSettings
from core.names import slug
from core.registry import FOLDER, NUMBERED, Registry, load_registry

COINS = "canonical_id,symbol,name,other_symbols,other_names,coingecko,coinpaprika,coingecko_from,coinpaprika_from"
LISTED = "source,source_id,canonical_id,known_from"
WRAPPED = "source,source_id,own_id,underlying,symbol,name,known_from"
BITCOIN = "btc,BTC,Bitcoin,XBT,,bitcoin,btc-bitcoin,list,list"
NANO = "xno,XNO,Nano,NANO,RaiBlocks,nano|raiblocks,nano-nano,list|older list,list"


def rows(file: str) -> list[dict[str, str]]:
    with (FOLDER / file).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def registry_of(folder: Path, coins: list[str], wrapped: list[str], listed: Sequence[str] = ()) -> Registry:
    (folder / "registry.csv").write_text("\n".join([COINS, *coins]) + "\n", encoding="utf-8")
    (folder / "exchanges.csv").write_text("\n".join([LISTED, *listed]) + "\n", encoding="utf-8")
    (folder / "wrapped.csv").write_text("\n".join([WRAPPED, *wrapped]) + "\n", encoding="utf-8")
    return load_registry(folder)


def test_the_registry_knows_at_least_300_coins_by_their_ids_at_both_sources() -> None:
    known = [row for row in rows("registry.csv") if all(row[source] for source in NUMBERED)]
    assert len(known) >= 300


def test_the_files_are_sorted_and_an_id_is_the_lower_case_symbol() -> None:
    coins = rows("registry.csv")
    ids = [row["canonical_id"] for row in coins]
    assert ids == sorted(set(ids))
    assert ids == [slug(row["symbol"]) for row in coins]
    for file in ("exchanges.csv", "wrapped.csv"):
        listed = [(row["source"], row["source_id"]) for row in rows(file)]
        assert listed == sorted(set(listed))


def test_every_id_says_where_it_is_known_from_in_words_that_the_legend_explains() -> None:
    legend = (FOLDER / "README.md").read_text(encoding="utf-8")
    columns = [row[f"{source}_from"] for row in rows("registry.csv") for source in NUMBERED]
    columns += [row["known_from"] for file in ("exchanges.csv", "wrapped.csv") for row in rows(file)]
    words = {word for column in columns for word in column.replace("|", "+").split("+") if word}
    assert words
    assert [word for word in sorted(words) if f"| {word} |" not in legend] == []


@pytest.mark.parametrize(
    ("source", "source_id", "canonical_id", "relation"),
    [
        ("coingecko", "bitcoin", "btc", "same"),
        ("coinpaprika", "btc-bitcoin", "btc", "same"),
        ("coinpaprika", "near-near-protocol", "near", "same"),
        ("coinpaprika", "matic-matic-network", "matic", "same"),
        ("coinpaprika", "matic-polygon", "matic", "same"),
        ("coingecko", "wrapped-bitcoin", "btc", "wrapped"),
        ("coinpaprika", "weth-weth", "eth", "wrapped"),
        ("csv", "wbtc-wrapped-bitcoin", "btc", "wrapped"),
        ("coingecko", "staked-ether", "steth", "same"),
        ("binance", "BTC", "btc", "same"),
        ("binance", "BTTC", "btt", "same"),
        ("binance", "WBTC", "btc", "wrapped"),
        ("kraken", "XXBT", "btc", "same"),
        ("kraken", "XXDG", "doge", "same"),
        ("kraken", "LUNA2", "luna", "same"),
        ("kraken", "WETH", "eth", "wrapped"),
    ],
)
def test_an_id_is_the_coin_that_it_is_known_to_be(
    source: str, source_id: str, canonical_id: str, relation: str
) -> None:
    listing = load_registry().find(source, source_id, "", "")
    assert listing
    assert (listing.canonical_id, listing.relation) == (canonical_id, relation)


def test_two_names_of_one_token_share_a_coin_of_their_own_where_wrapped_coins_are_kept_apart() -> None:
    registry = load_registry()
    own = {registry.listings[key].own_id for key in (("coingecko", "weth"), ("coinpaprika", "weth-weth"))}
    assert own == {"weth"}
    assert registry.coins["weth"].name == "WETH"


def test_an_unknown_id_of_a_source_that_numbers_its_coins_is_not_judged_by_its_name() -> None:
    assert load_registry().find("coingecko", "bitcoin-the-fake", "btc", "Bitcoin") is None


@pytest.mark.parametrize(("source", "source_id"), [("kraken", "LUNA"), ("binance", "LUNA"), ("binance", "1INCHUP")])
def test_an_exchanges_symbol_that_isnt_listed_is_no_coin_that_the_world_means_by_it(
    source: str, source_id: str
) -> None:
    assert load_registry().find(source, source_id, "LUNA", "") is None


def test_at_least_fifty_coins_are_known_at_each_exchange() -> None:
    known = Counter(row["source"] for row in rows("exchanges.csv"))
    assert set(known) == {"binance", "kraken"}
    assert min(known.values()) >= 50


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("kraken,XXBT,xbt,list", "'xbt' is no coin of registry.csv"),
        ("kraken,XXBT,btc,", "known_from must say"),
        ("kraken,,btc,list", "source and source_id must be given"),
        ("coingecko,bitcoin,btc,list", ".* is btc's id already"),
    ],
)
def test_a_wrong_line_of_an_exchange_is_reported_with_file_and_line(tmp_path: Path, line: str, complaint: str) -> None:
    with pytest.raises(BadSettings, match=f"^exchanges.csv, line 2: {complaint}"):
        registry_of(tmp_path, [BITCOIN], [], [line])


@pytest.mark.parametrize(
    ("symbol", "name", "expected"),
    [
        ("BTC", "Bitcoin", "btc"),
        ("btc", "BITCOIN ", "btc"),
        ("XRP", "Ripple", "xrp"),
        ("MIOTA", "IOTA", "iota"),
        ("", "Bitcoin", "btc"),
        (" ", "cardano", "ada"),
        ("BTC", "Bitcoin Token", None),
        ("BTC", "Bitcoin Cash", None),
        ("BTCX", "Bitcoin", None),
        ("", "Nonesuch", None),
        ("", "", None),
        # These meant other coins once.
        ("LUNA", "Terra", None),
        ("BTT", "BitTorrent", None),
    ],
)
def test_a_row_of_a_file_is_known_by_symbol_and_name_or_by_name_alone(
    symbol: str, name: str, expected: str | None
) -> None:
    listing = load_registry().find("csv", f"{slug(symbol)}-{slug(name)}", symbol, name)
    assert (listing.canonical_id if listing else None) == expected


def test_other_symbols_and_names_are_known_and_reserved(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, [BITCOIN, NANO], [])
    listing = registry.find("csv", "xrb-raiblocks", "NANO", "Raiblocks")
    assert listing
    assert listing.canonical_id == "xno"
    assert registry.find("coingecko", "raiblocks", "", "") == registry.find("coingecko", "nano", "", "")
    assert registry.reserved == {"btc", "xbt", "xno", "nano"}


def test_a_name_that_two_coins_have_tells_neither(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, ["a,A,Twin,,,a,,list,", "b,B,Twin,,,b,,list,"], [])
    assert registry.find("csv", "twin", "", "Twin") is None
    listing = registry.find("csv", "b-twin", "B", "Twin")
    assert listing
    assert listing.canonical_id == "b"


def test_a_coin_is_listed_only_where_its_id_is_known(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, [BITCOIN, "sui,SUI,Sui,,,sui,,list,"], [])
    assert registry.lists_another("btc", "coinpaprika")
    assert registry.lists_another("sui", "coingecko")
    assert not registry.lists_another("sui", "coinpaprika")
    assert not registry.lists_another("btc", "csv")


@pytest.mark.parametrize(
    ("coins", "wrapped", "complaint"),
    [
        ([BITCOIN, "btc,BTC,Other,,,,,,"], [], "registry.csv, line 3: btc is there twice"),
        ([BITCOIN, "abc,ABC,Other,,,bitcoin,,list,"], [], "registry.csv, line 3: .*bitcoin.* is btc's id already"),
        ([BITCOIN, "abc,XBT,Bitcoin,,,,,,"], [], "registry.csv, line 3: .* is btc's symbol and name already"),
        (["BTC,BTC,Bitcoin,,,,,,"], [], "registry.csv, line 2: 'BTC' is not lower-case"),
        ([",BTC,Bitcoin,,,,,,"], [], "registry.csv, line 2: '' is not lower-case"),
        (["btc,BTC,,,,,,,"], [], "registry.csv, line 2: symbol and name must be given"),
        (["btc,BTC,Bitcoin,,,bitcoin|,,list,"], [], "registry.csv, line 2: 'bitcoin|' has an empty part"),
        (["btc,BTC,Bitcoin,,,bitcoin,,,"], [], "registry.csv, line 2: coingecko_from must say"),
        (["btc,BTC,Bitcoin"], [], "registry.csv, line 2: 3 fields instead of 9"),
        ([BITCOIN], ["csv,w,wxyz,xyz,W,Wrapped,own"], "wrapped.csv, line 2: 'xyz' is no coin of registry.csv"),
        ([BITCOIN], ["csv,w,btc,btc,W,Wrapped,own"], "wrapped.csv, line 2: btc is there twice"),
        ([BITCOIN], ["csv,w,wbtc,btc,W,Wrapped,"], "wrapped.csv, line 2: known_from must say"),
        ([BITCOIN], ["csv,,wbtc,btc,W,Wrapped,own"], "wrapped.csv, line 2: source and source_id must be given"),
        ([BITCOIN], ["coingecko,bitcoin,wbtc,btc,W,W,own"], "wrapped.csv, line 2: .* is btc's id already"),
        (
            [BITCOIN],
            ["csv,w,wbtc,btc,W,Wrapped,own", "csv,v,wbtc,btc,V,Wrapped,own"],
            "wrapped.csv, line 3: wbtc has another symbol or name further up",
        ),
        (
            [BITCOIN],
            ["csv,w,wbtc,btc,W,Wrapped,own", "csv,v,vbtc,wbtc,V,Wrapped,own"],
            "wrapped.csv, line 3: 'wbtc' is no coin of registry.csv",
        ),
    ],
)
def test_a_contradiction_is_reported_with_file_and_line(
    tmp_path: Path, coins: list[str], wrapped: list[str], complaint: str
) -> None:
    with pytest.raises(BadSettings, match=f"^{complaint}".replace("|", r"\|")):
        registry_of(tmp_path, coins, wrapped)


def test_a_wrapped_coin_under_two_underlying_ones_is_reported(tmp_path: Path) -> None:
    lines = ["csv,w,wbtc,btc,W,Wrapped,own", "csv,v,wbtc,xno,W,Wrapped,own"]
    with pytest.raises(BadSettings, match=r"wrapped.csv, line 3: wbtc stands for btc further up"):
        registry_of(tmp_path, [BITCOIN, NANO], lines)


def test_a_missing_file_or_another_header_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"registry\.csv can't be read"):
        load_registry(tmp_path)
    (tmp_path / "registry.csv").write_text("id,name\n", encoding="utf-8")
    with pytest.raises(BadSettings, match=r"registry\.csv, line 1: the columns must be canonical_id,"):
        load_registry(tmp_path)


def test_the_registry_is_read_once() -> None:
    assert load_registry() is load_registry()
