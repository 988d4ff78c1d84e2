from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.canonical_ids import FORMS, forms
from core.identity import Assignment, KnownMapping, Newcomer, prices_disagree, resolve, wanted
from core.names import name_key, slug, symbol_key
from core.registry import Listing, Registry, RegistryCoin

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
EMPTY = Registry()
# `dot` is known at coingecko alone; `wbtc` is a claim on `btc`.
REGISTRY = Registry(
    coins={
        "btc": RegistryCoin("btc", "BTC", "Bitcoin"),
        "wbtc": RegistryCoin("wbtc", "WBTC", "Wrapped Bitcoin"),
        "dot": RegistryCoin("dot", "DOT", "Polkadot"),
    },
    listings={
        ("coingecko", "bitcoin"): Listing("btc", "btc", "same"),
        ("coinpaprika", "btc-bitcoin"): Listing("btc", "btc", "same"),
        ("coingecko", "wrapped-bitcoin"): Listing("btc", "wbtc", "wrapped"),
        ("coingecko", "polkadot"): Listing("dot", "dot", "same"),
    },
    by_spelling={("btc", "bitcoin"): "btc", ("dot", "polkadot"): "dot"},
    by_keys={("btc", "bitcoin"): "btc", ("dot", "polkadot"): "dot"},
    by_name={"bitcoin": "btc", "polkadot": "dot"},
    listed=frozenset({("btc", "coingecko"), ("btc", "coinpaprika"), ("wbtc", "coingecko"), ("dot", "coingecko")}),
    reserved=frozenset({"btc", "wbtc", "dot"}),
)


def gecko(source_id: str, symbol: str, name: str, cap: int | None = None, price: str | None = None) -> Newcomer:
    return Newcomer(
        "coingecko",
        source_id,
        symbol,
        name,
        None if cap is None else Decimal(cap),
        None if price is None else Decimal(price),
        NOW,
    )


def paprika(source_id: str, symbol: str, name: str, cap: int | None = None, price: str | None = None) -> Newcomer:
    return replace(gecko(source_id, symbol, name, cap, price), source="coinpaprika")


def row(symbol: str, name: str) -> Newcomer:
    return Newcomer("csv", f"{slug(symbol)}-{slug(name)}", symbol, name)


class Memory:
    """Plays the database: what is mapped stays, and only what the contract asks for is handed over."""

    def __init__(self, registry: Registry = EMPTY, *, fold_wrapped: bool = True) -> None:
        self.registry = registry
        self.fold_wrapped = fold_wrapped
        self.coins: set[str] = set()
        self.mappings: dict[tuple[str, str], KnownMapping] = {}
        self.given: dict[tuple[str, str], Assignment] = {}

    def meet(self, newcomers: Iterable[Newcomer]) -> dict[str, Assignment]:
        batch = [one for one in newcomers if (one.source, one.source_id) not in self.mappings]
        keys = {(symbol_key(one.symbol), name_key(one.name)) for one in batch}
        hit = {m.canonical_id for m in self.mappings.values() if (m.symbol_key, m.name_key) in keys}
        assignments = resolve(
            batch,
            registry=self.registry,
            known=[m for m in self.mappings.values() if m.canonical_id in hit],
            taken=self.coins & wanted(batch, self.registry, fold_wrapped=self.fold_wrapped),
            fold_wrapped=self.fold_wrapped,
        )
        by_id = {(one.source, one.source_id): one for one in batch}
        for each in assignments:
            assert each.new_coin == (each.canonical_id not in self.coins)
        for each in assignments:
            one = by_id[each.source, each.source_id]
            self.coins.add(each.canonical_id)
            self.given[each.source, each.source_id] = each
            self.mappings[each.source, each.source_id] = KnownMapping(
                each.source,
                each.source_id,
                each.canonical_id,
                symbol_key(one.symbol),
                name_key(one.name),
                each.relation,
                each.matched_by,
                one.price,
                one.observed_at,
            )
        return {each.source_id: each for each in assignments}

    def partition(self) -> set[frozenset[tuple[str, str]]]:
        groups: dict[str, set[tuple[str, str]]] = {}
        for key, mapping in self.mappings.items():
            groups.setdefault(mapping.canonical_id, set()).add(key)
        return {frozenset(group) for group in groups.values()}


def outcome(assignment: Assignment) -> tuple[str, str, str]:
    return assignment.canonical_id, assignment.relation, assignment.matched_by


def test_an_id_that_the_registry_knows_is_that_coin_whatever_it_is_called() -> None:
    made = Memory(REGISTRY).meet([gecko("bitcoin", "xyz", "Something else"), gecko("fake", "BTC", "Bitcoin")])
    assert outcome(made["bitcoin"]) == ("btc", "same", "registry")
    assert (made["bitcoin"].symbol, made["bitcoin"].name) == ("BTC", "Bitcoin")
    assert outcome(made["fake"]) == ("btc-bitcoin", "same", "new")


def test_a_row_of_a_file_is_a_registry_coin_by_symbol_and_name() -> None:
    made = Memory(REGISTRY).meet([row("BTC", "Bitcoin"), row("BTC", "Batcoin"), row("", "Polkadot")])
    assert outcome(made["btc-bitcoin"]) == ("btc", "same", "registry")
    assert outcome(made["btc-batcoin"]) == ("btc-batcoin", "same", "new")
    assert outcome(made["-polkadot"]) == ("dot", "same", "registry")


def test_a_wrapped_coin_belongs_to_its_underlying_coin() -> None:
    made = Memory(REGISTRY).meet([gecko("wrapped-bitcoin", "wbtc", "Wrapped Bitcoin")])
    assert outcome(made["wrapped-bitcoin"]) == ("btc", "wrapped", "registry")
    assert (made["wrapped-bitcoin"].symbol, made["wrapped-bitcoin"].name) == ("BTC", "Bitcoin")


def test_a_wrapped_coin_is_one_of_its_own_where_they_are_kept_apart() -> None:
    memory = Memory(REGISTRY, fold_wrapped=False)
    assert outcome(memory.meet([gecko("wrapped-bitcoin", "wbtc", "Wrapped Bitcoin")])["wrapped-bitcoin"]) == (
        "wbtc",
        "same",
        "registry",
    )
    assert outcome(memory.meet([row("WBTC", "Wrapped Bitcoin")])["wbtc-wrapped-bitcoin"]) == (
        "wbtc",
        "same",
        "symbol+name",
    )


def test_what_is_called_like_a_wrapped_coin_is_wrapped_as_well() -> None:
    memory = Memory(REGISTRY)
    memory.meet([gecko("wrapped-bitcoin", "wbtc", "Wrapped Bitcoin"), gecko("bitcoin", "btc", "Bitcoin")])
    made = memory.meet([row("WBTC", "Wrapped Bitcoin"), paprika("w", "WBTC", "Wrapped Bitcoin")])
    assert outcome(made["wbtc-wrapped-bitcoin"]) == ("btc", "wrapped", "symbol+name")
    assert outcome(made["w"]) == ("btc", "wrapped", "symbol+name")


def test_an_impostor_of_a_wrapped_coin_at_a_source_that_lists_it_is_not_wrapped() -> None:
    memory = Memory(REGISTRY)
    memory.meet([paprika("w", "WBTC", "Wrapped Bitcoin"), gecko("wrapped-bitcoin", "wbtc", "Wrapped Bitcoin")])
    made = memory.meet([gecko("wrapped-bitcoin-2", "wbtc", "Wrapped Bitcoin")])
    assert made["wrapped-bitcoin-2"].matched_by == "new"


@pytest.mark.parametrize("together", [True, False])
def test_namesakes_of_a_wrapped_coin_are_left_open(together: bool) -> None:
    memory = Memory(REGISTRY)
    memory.meet([gecko("wrapped-bitcoin", "wbtc", "Wrapped Bitcoin")])
    one, other = paprika("w1", "WBTC", "Wrapped Bitcoin"), paprika("w2", "WBTC", "Wrapped Bitcoin Token")
    if not together:
        memory.meet([one])
    made = memory.meet([one, other])
    assert all(each.matched_by == "new" and each.ambiguous for each in made.values())
    assert len(made) == (2 if together else 1)


def test_same_symbol_and_name_as_one_known_coin_is_that_coin() -> None:
    memory = Memory()
    memory.meet([gecko("celsius-degree-token", "cel", "Celsius Network")])
    made = memory.meet([paprika("cel-celsius", "CEL", "Celsius")])
    assert outcome(made["cel-celsius"]) == ("cel", "same", "symbol+name")
    assert not made["cel-celsius"].new_coin


@pytest.mark.parametrize(("symbol", "name"), [("CEL", "Celeste"), ("CELO", "Celsius"), ("", "Celsius"), ("CEL", "")])
def test_symbol_or_name_alone_is_no_match(symbol: str, name: str) -> None:
    memory = Memory()
    memory.meet([gecko("celsius", "cel", "Celsius"), gecko("no-symbol", "", "Celsius"), gecko("no-name", "cel", "")])
    assert memory.meet([paprika("other", symbol, name)])["other"].matched_by == "new"


def test_two_known_coins_of_one_symbol_and_name_leave_it_open() -> None:
    memory = Memory()
    memory.meet([gecko("flux-1", "flux", "Flux", cap=5), gecko("flux-2", "flux", "Flux Protocol", cap=9)])
    made = memory.meet([paprika("flux-flux", "FLUX", "FLUX")])["flux-flux"]
    assert outcome(made) == ("flux-flux--coinpaprika--flux-flux", "same", "new")
    assert made.ambiguous


def test_namesakes_that_come_together_match_nothing() -> None:
    memory = Memory()
    memory.meet([gecko("near", "near", "Near")])
    made = memory.meet([paprika("near-near", "NEAR", "Near"), paprika("near-near-protocol", "NEAR", "Near Protocol")])
    assert [outcome(made[source_id]) for source_id in ("near-near", "near-near-protocol")] == [
        ("near-near", "same", "new"),
        ("near-near-protocol", "same", "new"),
    ]
    assert all(each.ambiguous for each in made.values())


def test_a_later_namesake_splits_nothing_and_matches_nothing() -> None:
    memory = Memory()
    memory.meet([gecko("near", "near", "Near")])
    assert memory.meet([paprika("near-near", "NEAR", "Near")])["near-near"].canonical_id == "near"
    later = memory.meet([paprika("near-near-protocol", "NEAR", "Near Protocol")])["near-near-protocol"]
    assert outcome(later) == ("near-near-protocol", "same", "new")
    assert later.ambiguous


def test_a_coin_that_the_source_has_under_another_name_is_not_matched_again() -> None:
    memory = Memory()
    memory.meet([gecko("cybervein", "cvt", "CyberVein")])
    known = memory.mappings["coingecko", "cybervein"]
    by_hand = replace(known, source="coinpaprika", source_id="cvt-x", name_key="crypto vein", matched_by="manual")
    memory.mappings["coinpaprika", "cvt-x"] = by_hand
    assert memory.meet([paprika("cvt-cybervein", "CVT", "CyberVein")])["cvt-cybervein"].ambiguous


def test_two_of_a_batch_that_would_be_one_coin_by_different_names_are_both_left_open() -> None:
    memory = Memory()
    memory.meet([gecko("cybervein", "cvt", "CyberVein")])
    known = memory.mappings["coingecko", "cybervein"]
    memory.mappings["csv", "cvt-vein"] = replace(known, source="csv", source_id="cvt-vein", name_key="vein")
    made = memory.meet([paprika("one", "CVT", "CyberVein"), paprika("two", "CVT", "Vein")])
    assert {each.matched_by for each in made.values()} == {"new"}


def test_a_registry_coin_is_never_matched_by_name_where_its_id_is_known() -> None:
    memory = Memory(REGISTRY)
    memory.meet([gecko("bitcoin", "btc", "Bitcoin")])
    made = memory.meet([paprika("btc-bitcoin-2", "BTC", "Bitcoin")])["btc-bitcoin-2"]
    assert outcome(made) == ("btc-bitcoin", "same", "new")
    assert not made.ambiguous


@pytest.mark.parametrize("registry_coin_first", [True, False])
def test_namesakes_of_a_registry_coin_find_each_other_whether_it_was_seen_or_not(registry_coin_first: bool) -> None:
    memory = Memory(REGISTRY)
    if registry_coin_first:
        memory.meet([gecko("bitcoin", "btc", "Bitcoin")])
    memory.meet([paprika("btc-fake", "BTC", "Bitcoin")])
    memory.meet([gecko("bitcoin-fake", "btc", "Bitcoin")])
    memory.meet([gecko("bitcoin", "btc", "Bitcoin")])
    assert memory.partition() == {
        frozenset({("coinpaprika", "btc-fake"), ("coingecko", "bitcoin-fake")}),
        frozenset({("coingecko", "bitcoin")}),
    }


@pytest.mark.parametrize("first", ["coingecko", "coinpaprika"])
def test_a_registry_coin_without_an_id_at_a_source_is_matched_there_by_name(first: str) -> None:
    memory = Memory(REGISTRY)
    batches = [[gecko("polkadot", "dot", "Polkadot")], [paprika("dot-polkadot", "DOT", "Polkadot Network")]]
    for batch in batches if first == "coingecko" else reversed(batches):
        memory.meet(batch)
    assert memory.mappings["coinpaprika", "dot-polkadot"].canonical_id == "dot"
    assert memory.mappings["coingecko", "polkadot"].canonical_id == "dot"


@pytest.mark.parametrize(
    ("price", "age", "matched"),
    [
        ("1.5", timedelta(0), True),
        ("9.99", timedelta(hours=2), True),
        ("10", timedelta(0), False),
        ("0.1", timedelta(hours=23), False),
        ("0.1", timedelta(days=2), True),
        ("0", timedelta(0), True),
        (None, timedelta(0), True),
        ("NaN", timedelta(0), True),
    ],
)
def test_a_price_an_order_of_magnitude_apart_at_about_the_same_time_vetoes(
    price: str | None, age: timedelta, matched: bool
) -> None:
    memory = Memory()
    memory.meet([gecko("foo", "foo", "Foo", price="1")])
    late = replace(
        paprika("foo-foo", "FOO", "Foo"), price=None if price is None else Decimal(price), observed_at=NOW - age
    )
    made = memory.meet([late])["foo-foo"]
    assert (made.matched_by == "symbol+name") == matched
    assert made.ambiguous == (not matched)


def test_a_price_of_an_unknown_time_vetoes_nothing() -> None:
    assert prices_disagree(Decimal(1), NOW, Decimal(10), NOW)
    assert not prices_disagree(Decimal(1), NOW, Decimal(10), None)
    assert not prices_disagree(Decimal(1), None, Decimal(10), NOW)


def test_a_price_never_makes_a_match() -> None:
    memory = Memory()
    memory.meet([gecko("foo", "foo", "Foo", price="1.2345")])
    assert memory.meet([paprika("foo-fou", "FOO", "Fou", price="1.2345")])["foo-fou"].matched_by == "new"


@pytest.mark.parametrize(
    ("newcomer", "expected"),
    [
        (gecko("pepe", "PEPE", "Pepe"), "pepe"),
        (gecko("dog", "🐶", "Dog Coin"), "u1f436"),
        (gecko("blank", "", "No Symbol"), "no-symbol"),
        (gecko("blank", " ", "比特币"), "比特币"),
        (gecko("yfi", "E$P", "x"), "e-p"),
        (gecko("id-only", "", ""), "coingecko--id-only"),
        (gecko("x" * 70, "LONG", "n" * 190), "long"),
    ],
)
def test_a_new_coin_has_its_symbol_for_an_id(newcomer: Newcomer, expected: str) -> None:
    assert Memory().meet([newcomer])[newcomer.source_id].canonical_id == expected


def test_the_larger_market_cap_has_the_bare_symbol_and_ties_go_by_source_id() -> None:
    made = Memory().meet(
        [gecko("a", "uni", "Unicorn"), gecko("b", "uni", "Universe", cap=3), gecko("c", "uni", "Uniswap", cap=9)]
    )
    assert {source_id: each.canonical_id for source_id, each in made.items()} == {
        "a": "uni-unicorn",
        "b": "uni-universe",
        "c": "uni",
    }
    tied = Memory().meet([gecko("z", "uni", "Unicorn", cap=3), gecko("y", "uni", "Universe", cap=3)])
    assert tied["y"].canonical_id == "uni"


def test_a_taken_symbol_gives_way_to_symbol_and_name_then_to_source_and_id() -> None:
    memory = Memory()
    for number in range(1, 4):
        memory.meet([gecko(f"uni-{number}", "uni", "Unicorn")])
    assert [memory.mappings["coingecko", f"uni-{number}"].canonical_id for number in range(1, 4)] == [
        "uni",
        "uni-unicorn",
        "uni-unicorn--coingecko--uni-3",
    ]


def test_ids_that_differ_in_punctuation_alone_still_get_ids_of_their_own() -> None:
    memory = Memory()
    memory.meet([gecko(source_id, "uni", "Unicorn") for source_id in ("u.1", "u-1", "u_1", "U-1", "u--1")])
    assert len(memory.coins) == 5


def test_an_id_whose_coins_were_all_split_off_by_hand_still_gets_another() -> None:
    newcomer = gecko("uni-1", "uni", "Unicorn")
    given: set[str] = set()
    for _ in range(FORMS + 3):
        [assignment] = resolve([newcomer], registry=EMPTY, known=[], taken=given)
        given.add(assignment.canonical_id)
    assert len(given) == FORMS + 3


def test_ids_are_never_too_long_for_a_key_or_an_address() -> None:
    made = Memory().meet([gecko("i" * 5000, "s" * 5000, "n" * 5000), gecko("j" * 5000, "s" * 5000, "n" * 5000)])
    ids = {each.canonical_id for each in made.values()}
    assert len(ids) == 2
    assert all(0 < len(each) <= 200 for each in ids)


def test_a_registry_coins_symbol_is_never_given_to_another() -> None:
    made = Memory(REGISTRY).meet([paprika("dot-dotcoin", "DOT", "Dotcoin", cap=10**12), row("WBTC", "WorldBTC")])
    assert made["dot-dotcoin"].canonical_id == "dot-dotcoin"
    assert made["wbtc-worldbtc"].canonical_id == "wbtc-worldbtc"


def test_an_id_that_comes_twice_counts_once_with_its_larger_cap() -> None:
    twice = [
        gecko("a", "uni", "Unicorn", cap=1),
        gecko("b", "uni", "Universe", cap=5),
        gecko("a", "uni", "Unicorn", cap=9),
    ]
    assert resolve(twice, registry=EMPTY, known=[], taken=set()) == resolve(
        twice[::-1], registry=EMPTY, known=[], taken=set()
    )
    assert Memory().meet(twice)["a"].canonical_id == "uni"


def test_several_sources_may_be_mixed() -> None:
    made = resolve(
        [paprika("foo-foo", "FOO", "Foo"), row("FOO", "Foo"), gecko("foo", "foo", "Foo")],
        registry=EMPTY,
        known=[],
        taken=set(),
    )
    assert [(each.source, each.canonical_id, each.new_coin) for each in made] == [
        ("coingecko", "foo", True),
        ("coinpaprika", "foo", True),
        ("csv", "foo", True),
    ]


def test_no_newcomers_no_assignments() -> None:
    assert resolve([], registry=REGISTRY, known=[], taken=set()) == []


symbols = st.sampled_from(["btc", "BTC", "dot", "wbtc", "uni", "$UNI", "uni-a", "", "🐶", "a"])
names = st.sampled_from(
    ["Bitcoin", "Polkadot", "Polkadot Token", "Wrapped Bitcoin", "Uni", "Uni Token", "Unicorn", "", "🐶", "A B", "AB"]
)
source_ids = st.sampled_from(
    ["bitcoin", "btc-bitcoin", "wrapped-bitcoin", "polkadot", "uni", "u.1", "u-1", "u_1", "x", "y"]
)
batches = st.lists(
    st.builds(
        Newcomer,
        st.sampled_from(["coingecko", "coinpaprika", "csv"]),
        source_ids,
        symbols,
        names,
        st.none() | st.integers(0, 3).map(Decimal),
        st.none() | st.sampled_from(["0", "1", "5", "100"]).map(Decimal),
        st.none() | st.just(NOW),
    ),
    max_size=12,
)


@given(batch=batches, order=st.randoms(use_true_random=False), fold_wrapped=st.booleans())
@settings(deadline=None)
def test_any_order_of_a_batch_gives_the_same_assignments(
    batch: list[Newcomer], order: object, fold_wrapped: bool
) -> None:
    shuffled = list(batch)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    once, again = (
        resolve(each, registry=REGISTRY, known=[], taken={"uni"}, fold_wrapped=fold_wrapped)
        for each in (batch, shuffled)
    )
    assert once == again


@given(st.lists(batches, max_size=4), st.booleans())
@settings(deadline=None)
def test_every_id_has_a_coin_and_new_coins_share_no_id(parts: list[list[Newcomer]], fold_wrapped: bool) -> None:
    memory = Memory(REGISTRY, fold_wrapped=fold_wrapped)
    for part in parts:
        memory.meet(part)
    assert set(memory.given) == {(one.source, one.source_id) for part in parts for one in part}
    new = [each.canonical_id for each in memory.given.values() if each.matched_by == "new"]
    assert len(new) == len(set(new))
    assert all(new)
    assert not REGISTRY.reserved & set(new)


@given(
    coins=st.lists(
        st.tuples(
            st.integers(0, 30),
            st.sets(st.sampled_from(["coingecko", "coinpaprika", "csv"]), min_size=1),
            st.sampled_from(["Coin {}", "Coin {} Token", "COIN-{} network"]),
        ),
        unique_by=lambda coin: coin[0],
        max_size=8,
    ),
    cuts=st.lists(st.integers(0, 24), max_size=5),
    order=st.randoms(use_true_random=False),
)
@settings(deadline=None)
def test_without_namesakes_any_order_and_any_split_into_batches_gives_the_same_coins(
    coins: list[tuple[int, set[str], str]], cuts: list[int], order: object
) -> None:
    # Few symbols for many coins; each source has each coin once, spelled as it likes.
    listed = [
        Newcomer(
            source, f"{source}-{number}", f"s{number % 3}", spelling.format(number), Decimal(number), Decimal(1), NOW
        )
        for number, sources, spelling in coins
        for source in sources
    ]
    listed += [gecko("bitcoin", "btc", "Bitcoin"), paprika("dot-polkadot", "DOT", "Polkadot"), row("BTC", "Bitcoin")]
    whole = Memory(REGISTRY)
    for source in ("coingecko", "coinpaprika", "csv"):
        whole.meet([one for one in listed if one.source == source])
    order.shuffle(listed)  # type: ignore[attr-defined]
    piecemeal = Memory(REGISTRY)
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(listed)], strict=True):
        piecemeal.meet(listed[start:end])
    assert piecemeal.partition() == whole.partition()


@given(st.text(), st.text(min_size=1), st.text(), st.text())
def test_forms_are_usable_ids_and_the_usual_ones_always_suffice(
    source: str, source_id: str, symbol: str, name: str
) -> None:
    some = [form for form, _ in zip(forms(source, source_id, symbol, name), range(FORMS + 2), strict=False)]
    assert len(some) == len(set(some)) == FORMS + 2
    assert all(form and len(form) <= 200 and form == form.strip("-") for form in some)
    assert any("---" in form for form in some[:FORMS])
