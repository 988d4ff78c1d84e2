from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import exact_json
from core.figures import decimal_of


def test_numbers_keep_their_digits() -> None:
    assert str(exact_json.read(b"[1.223e-09, 0.10, 123456789012345678.123456789, 12345678901234567890123]")) == str(
        [
            Decimal("1.223e-09"),
            Decimal("0.10"),
            Decimal("123456789012345678.123456789"),
            Decimal("12345678901234567890123"),
        ]
    )


@pytest.mark.parametrize("number", [b"9" * 100_000, b"1e9999999999999999999999", b"0." + b"1" * 500])
def test_an_absurd_number_costs_only_its_own_row(number: bytes) -> None:
    rows = exact_json.read(b'[{"price": 1}, {"price": ' + number + b"}]")
    assert isinstance(rows, list)
    assert rows[0] == {"price": 1}
    with pytest.raises(ValueError, match="is not a finite number"):
        decimal_of(rows[1]["price"])


@pytest.mark.parametrize(
    "body",
    [b"", b" \n", b"<html>", b'[{"id": "bit', b"[NaN]", b"[-Infinity]", b'{"a": Infinity}', b"\xff\xfe[\x00]\x00",
     b'["\xed\xa0\x80"]', b"[" * 100_000, b'{"a":' * 100_000, b"[1]]", b"nul"],
    ids=lambda body: body[:10],
)  # fmt: skip
def test_what_is_not_json_is_refused_without_repeating_it(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^the body ") as refusal:
        exact_json.read(body)
    assert "html" not in str(refusal.value)


def test_a_byte_order_mark_is_no_harm() -> None:
    assert exact_json.read(b"\xef\xbb\xbf[]") == []


def test_of_a_repeated_key_the_last_counts() -> None:
    assert exact_json.read(b'{"price": 1, "price": 2}') == {"price": 2}


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        exact_json.read(body)
    except ValueError as refusal:
        assert str(refusal).startswith("the body ")
