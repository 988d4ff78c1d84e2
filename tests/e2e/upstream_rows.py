"""What an upstream may do to us, a row a behaviour. docs/UPSTREAM.md has the same rows, test_upstream.py runs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.upstream.server import KRAKEN_PAIRS

# With RETRY_MAX at its default of 3.
ONCE, EVERY_TRY = 1, 4


@dataclass(frozen=True)
class Row:
    """`requests` is how many the source sees until the job ends in `state`; `said` is the last error, or the count.

    `orders` are told to the stand-in; `limit` coins are asked for.
    """

    behaviour: str
    becomes: str
    requests: int
    state: str
    said: str
    orders: tuple[Mapping[str, Any], ...]
    limit: int = 10
    source: str = "coingecko"
    followed: tuple[str, ...] = field(default=())


RETRIED = "retried"
REFUSED = "not retried"
FINE = "read as it is"
_LIMITED = "Rate limit exceeded"
_RETRIES = ("retry", "retry", "retry", "failed")


def _retried(behaviour: str, said: str, source: str = "coingecko", **order: Any) -> Row:
    return Row(
        behaviour, RETRIED, EVERY_TRY, "failed", said, ({"times": None, **order},), source=source, followed=_RETRIES
    )


def _refused(behaviour: str, said: str, **order: Any) -> Row:
    return Row(behaviour, REFUSED, ONCE, "failed", said, ({"times": None, **order},), followed=("failed",))


ROWS = (
    Row(
        "429, Retry-After in seconds",
        "waits as told, at no cost of a try",
        6,
        "succeeded",
        "10 coins",
        # More often than there are tries.
        ({"status": 429, "retry_after": "1", "times": 5},),
        followed=("wait",) * 5,
    ),
    Row(
        "429, Retry-After as an HTTP date",
        "waits until then, at no cost of a try",
        2,
        "succeeded",
        "10 coins",
        ({"status": 429, "retry_at": 3.0},),
        followed=("wait",),
    ),
    Row(
        "429, Retry-After absurd (a year)",
        "waits RETRY_AFTER_MAX, at no cost of a try",
        2,
        "succeeded",
        "10 coins",
        ({"status": 429, "retry_after": "31536000"},),
        followed=("wait",),
    ),
    _retried("429 without Retry-After", _LIMITED, status=429),
    _retried("429, Retry-After that is no time", _LIMITED, status=429, retry_after="soon"),
    *(
        _retried(
            f"{status} with HTML", f"coingecko answered {status} {words} with an HTML page", kind="html", status=status
        )
        for status, words in ((500, "Internal Server Error"), (502, "Bad Gateway"), (503, "Service Unavailable"))
    ),
    _retried("no connection within CONNECT_TIMEOUT", "coinpaprika did not answer in time", source="coinpaprika"),
    _retried("no answer within HTTP_TIMEOUT", "coingecko did not answer in time", kind="hang"),
    _retried("connection reset", "coingecko could not be reached, or closed the connection", kind="reset"),
    _retried("body that drips, byte by byte", "coingecko did not answer in time", kind="drip", seconds=0.05),
    _retried("head that drips, byte by byte", "coingecko did not answer in time", kind="drip_headers", seconds=0.05),
    _retried("body cut off", "coingecko broke off in the middle of its answer", kind="truncated_body"),
    _retried(
        "truncated JSON", "coingecko answered with what can't be read: the body is not JSON", kind="truncated_json"
    ),
    _retried("JSON of another type", "coingecko answered with JSON that isn't a list of coins", kind="wrong_type"),
    _retried("NaN in JSON", "coingecko answered with what can't be read: the body holds NaN", kind="nan"),
    _retried("empty body", "coingecko answered with what can't be read: the body is empty", kind="empty"),
    _retried("HTML with 200", "coingecko answered with an HTML page instead of JSON", kind="html"),
    _retried("200 with [] on page 1", "coingecko answered with an empty market", kind="none"),
    _retried("gzip that isn't", "coingecko answered with broken compression", kind="broken_gzip"),
    Row("gzip", FINE, ONCE, "succeeded", "10 coins", ({"kind": "gzip"},)),
    _refused(
        "redirect to another host", "coingecko redirects to another server, which is not followed", kind="redirect"
    ),
    *(
        _refused(
            str(status),
            f"coingecko answered {status} {words}: Something is wrong",
            status=status,
            shape="error",
        )
        for status, words in (
            (401, "Unauthorized"),
            (402, "Payment Required"),
            (403, "Forbidden"),
            (404, "Not Found"),
        )
    ),
    _refused(
        "block page (403 with HTML, error 1020)",
        "coingecko answered 403 Forbidden with an HTML page",
        kind="html",
        status=403,
    ),
    Row(
        "page 2 is page 1 again",
        "page 1 is kept, page 2 retried",
        1 + EVERY_TRY,
        "partial_success",
        "coingecko sent page 1 again as page 2",
        ({"kind": "repeat", "page": 2, "times": None},),
        limit=300,
        followed=_RETRIES,
    ),
    Row(
        "list that shrinks between pages",
        "an empty later page is the end",
        2,
        "succeeded",
        "250 coins",
        ({"kind": "none", "page": 2},),
        limit=300,
    ),
    Row(
        "418 with Retry-After (a ban)",
        "waits as told, at no cost of a try",
        2,
        "succeeded",
        "10 coins",
        ({"status": 418, "retry_after": "1"},),
        source="binance",
        followed=("wait",),
    ),
    Row(
        "200 with Kraken's `EAPI:Rate limit exceeded`",
        "waits 15 s, at no cost of a try",
        # Two for the pairs alone, then the pairs and the ticker.
        4,
        "succeeded",
        "10 coins",
        ({"path": KRAKEN_PAIRS, "body": '{"error": ["EAPI:Rate limit exceeded"]}', "times": 2},),
        source="kraken",
        followed=("wait", "wait"),
    ),
    _retried(
        "200 with Kraken's `EService:Unavailable`",
        "kraken answered EService:Unavailable",
        source="kraken",
        path=KRAKEN_PAIRS,
        body='{"error": ["EService:Unavailable"]}',
    ),
)
